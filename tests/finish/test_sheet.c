/* Contact sheets, read back as a photo. */
#include "finish/support.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 360, SHOT_W = 320, SHOT_H = 180, STRIP = 28, GAP = 8 };

static struct ps_photo *sheet_of(uint32_t clips, struct ps_clip *const *given, const char *const *texts)
{
    struct ps_sheet *sheet = NULL;
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    char path[512];
    char *folder = folder_new();
    assert_ok(ps_sheet_new(&sheet, clips, &error), error);
    for (uint32_t i = 0; i < clips; i++)
        assert_ok(ps_sheet_add(sheet, given[i], texts ? texts[i] : NULL, &error), error);
    assert_ok(ps_sheet_save(sheet, join(path, folder, "sheet.png"), false, &error), error);
    assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
    ps_sheet_save(sheet, path, false, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.exists");
    ps_sheet_free(&sheet);
    assert_null(sheet);
    folder_remove(folder);
    return photo;
}

static uint8_t level(const struct ps_photo *photo, uint32_t x, uint32_t y)
{
    return ps_photo_rgb(photo)[((size_t)y * ps_photo_width(photo) + x) * 3];
}

/* Each row has the first, the middle and the last frame of its clip. */
static void test_frames(void **state)
{
    (void)state;
    static const uint8_t a[] = {10, 20, 30, 40, 50}, b[] = {110, 120, 130, 140, 150};
    struct ps_clip *clips[] = {grey_clip(WIDTH, HEIGHT, a, 5, 7), grey_clip(WIDTH, HEIGHT, b, 5, 7)};
    struct ps_photo *photo = sheet_of(2, clips, NULL);
    assert_int_equal(ps_photo_width(photo), GAP + 3 * SHOT_W + GAP);
    assert_int_equal(ps_photo_height(photo), GAP + 2 * (STRIP + SHOT_H + GAP));
    for (uint32_t row = 0; row < 2; row++)
        for (uint32_t shot = 0; shot < 3; shot++) {
            const uint32_t x = GAP + shot * SHOT_W, y = GAP + row * (STRIP + SHOT_H + GAP) + STRIP;
            const uint8_t expected = (uint8_t)(10 + 100 * row + 20 * shot);
            assert_int_equal(level(photo, x + 1, y + 1), expected);
            assert_int_equal(level(photo, x + SHOT_W - 2, y + SHOT_H - 2), expected);
        }
    assert_int_equal(level(photo, 2, 2), 32);
    ps_photo_free(&photo);
    ps_clip_free(&clips[0]);
    ps_clip_free(&clips[1]);
}

/* Bright pixels in the line of text of a row. */
static uint32_t bright(const struct ps_photo *photo, uint32_t row)
{
    uint32_t count = 0;
    for (uint32_t y = 0; y < STRIP; y++)
        for (uint32_t x = GAP; x < GAP + 3 * SHOT_W; x++)
            count += level(photo, x, GAP + row * (STRIP + SHOT_H + GAP) + y) > 200;
    return count;
}

static void test_text(void **state)
{
    (void)state;
    static const uint8_t grey[] = {100};
    static const char *const texts[] = {"seed 7", NULL, "seed 18446744073709551615, needs eyes"};
    struct ps_clip *clip = grey_clip(WIDTH, HEIGHT, grey, 1, 7);
    struct ps_clip *const clips[] = {clip, clip, clip};
    struct ps_photo *photo = sheet_of(3, clips, texts);
    if (!bright(photo, 0)) {
        ps_photo_free(&photo);
        ps_clip_free(&clip);
        skip();
    }
    assert_int_equal(bright(photo, 1), 0);
    assert_true(bright(photo, 2) > 2 * bright(photo, 0));
    ps_photo_free(&photo);
    ps_clip_free(&clip);
}

/* The most clips still make a picture, upright too; they stand in columns. */
static void test_many(void **state)
{
    (void)state;
    static const uint8_t grey[] = {100};
    struct ps_clip *clip = grey_clip(HEIGHT, WIDTH, grey, 1, 7), *clips[PS_MAX_TAKES];
    for (size_t i = 0; i < PS_MAX_TAKES; i++)
        clips[i] = clip;
    struct ps_photo *photo = sheet_of(PS_MAX_TAKES, clips, NULL);
    assert_int_equal(ps_photo_width(photo), GAP + 4 * (3 * SHOT_H + GAP));
    assert_int_equal(ps_photo_height(photo), GAP + 16 * (STRIP + SHOT_W + GAP));
    assert_int_equal(level(photo, ps_photo_width(photo) - GAP - 2, ps_photo_height(photo) - GAP - 2), 100);
    ps_photo_free(&photo);
    ps_clip_free(&clip);
}

static void test_refused(void **state)
{
    (void)state;
    static const uint8_t grey[] = {100};
    struct ps_clip *clip = grey_clip(64, 64, grey, 1, 7);
    struct ps_sheet *sheet = NULL;
    struct ps_error error = {0};
    ps_sheet_new(&sheet, 0, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.sheet");
    error = (struct ps_error){0};
    ps_sheet_new(&sheet, PS_MAX_TAKES + 1, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.sheet");
    error = (struct ps_error){0};
    assert_ok(ps_sheet_new(&sheet, 1, &error), error);
    ps_sheet_save(sheet, "sheet.png", false, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.sheet");
    error = (struct ps_error){0};
    assert_ok(ps_sheet_add(sheet, clip, NULL, &error), error);
    ps_sheet_add(sheet, clip, NULL, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.sheet");
    ps_sheet_free(&sheet);
    ps_clip_free(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
