/* Photos in frames of another aspect. The geometry alone is tested in tests/frame. */
#include "media/support.h"

#include <stdlib.h>
#include <string.h>

#include "media/framing.h"
#include "media/png_maker.h"
#include "media/resample.h"

static struct ps_photo *photo_of(const uint8_t *rgb, uint32_t width, uint32_t height)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_from_rgb(&photo, rgb, width, height, &error), error);
    return photo;
}

static struct ps_framed frame_photo(const struct ps_photo *photo, struct ps_framing framing, uint32_t width,
                                    uint32_t height)
{
    struct ps_framed framed;
    struct ps_error error = {0};
    assert_ok(ps_frame_photo(&framed, photo, &framing, (struct ps_size){width, height}, &error), error);
    return framed;
}

/* Crop and stretch show the photo's own pixels: nothing is resampled before the resize that follows. */
static void check_part(struct ps_framing framing, uint32_t to_width, uint32_t to_height,
                       struct ps_rect expected)
{
    enum { WIDTH = 1000, HEIGHT = 800 };
    uint8_t *rgb = formula_photo(WIDTH, HEIGHT);
    struct ps_photo *photo = photo_of(rgb, WIDTH, HEIGHT);
    struct ps_framed framed = frame_photo(photo, framing, to_width, to_height);
    assert_null(framed.canvas);
    assert_int_equal(framed.view.width, expected.width);
    assert_int_equal(framed.view.height, expected.height);
    assert_int_equal(framed.view.stride, WIDTH * 3);
    assert_ptr_equal(framed.view.rgb, ps_photo_rgb(photo) + (expected.top * WIDTH + expected.left) * 3);
    assert_memory_equal(&framed.placement.picture, &expected, sizeof expected);
    ps_framed_free(&framed);
    ps_photo_free(&photo);
    free(rgb);
}

static void test_parts(void **state)
{
    (void)state;
    const struct ps_framing low = {PS_FIT_CROP, PS_FOCUS_POINT, 0.5f, 1, 0};
    const struct ps_framing high = {PS_FIT_CROP, PS_FOCUS_POINT, 0.5f, 0, 0};
    const struct ps_framing left = {PS_FIT_CROP, PS_FOCUS_POINT, 0.25f, 0.5f, 0};
    check_part((struct ps_framing){.fit = PS_FIT_STRETCH}, 1024, 576, (struct ps_rect){0, 0, 1000, 800});
    check_part((struct ps_framing){.fit = PS_FIT_CROP}, 1024, 576, (struct ps_rect){0, 118, 1000, 563});
    check_part(low, 1024, 576, (struct ps_rect){0, 237, 1000, 563});
    check_part(high, 1024, 576, (struct ps_rect){0, 0, 1000, 563});
    check_part(left, 80, 160, (struct ps_rect){50, 0, 400, 800});
}

static void paint(uint8_t *rgb, uint32_t width, struct ps_rect at, const char *colour)
{
    for (size_t y = at.top; y < at.top + at.height; y++)
        for (size_t x = at.left; x < at.left + at.width; x++)
            memcpy(rgb + (y * width + x) * 3, colour, 3);
}

static void test_auto_focus(void **state)
{
    (void)state;
    enum { WIDTH = 640, HEIGHT = 160 };
    uint8_t *rgb = calloc(WIDTH * HEIGHT, 3);
    paint(rgb, WIDTH, (struct ps_rect){0, 0, WIDTH, HEIGHT}, "\xe0\xe0\xe0");
    paint(rgb, WIDTH, (struct ps_rect){420, 40, 80, 90}, "\x20\x40\x80");
    struct ps_photo *photo = photo_of(rgb, WIDTH, HEIGHT);
    struct ps_framed framed =
        frame_photo(photo, (struct ps_framing){.fit = PS_FIT_CROP, .focus = PS_FOCUS_AUTO}, 64, 64);
    /* 160 columns about column 460. */
    assert_int_equal(framed.placement.picture.left, 380);
    assert_int_equal(framed.placement.picture.width, 160);
    ps_framed_free(&framed);
    ps_photo_free(&photo);
    free(rgb);
}

/* A cut-out's own alpha tells where the product is, though its background hides it. */
static void test_auto_focus_of_a_cut_out(void **state)
{
    (void)state;
    enum { WIDTH = 128, HEIGHT = 32 };
    uint16_t samples[WIDTH * HEIGHT * 4];
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        const bool opaque = i % WIDTH >= 8 && i % WIDTH < 40;
        for (size_t c = 0; c < 3; c++)
            samples[i * 4 + c] = 255;
        samples[i * 4 + 3] = opaque ? 255 : 0;
    }
    const struct png_plan plan = {
        .width = WIDTH, .height = HEIGHT, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .samples = samples};
    struct ps_file file = make_png(&plan);
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_decode(&photo, &file, NULL, &error), error);
    struct ps_framed framed =
        frame_photo(photo, (struct ps_framing){.fit = PS_FIT_CROP, .focus = PS_FOCUS_AUTO}, 16, 16);
    assert_int_equal(framed.placement.picture.left, 8);
    assert_int_equal(framed.placement.picture.width, 32);
    ps_framed_free(&framed);
    ps_photo_free(&photo);
    free(file.bytes);
}

enum { PHOTO = 60, FRAME_W = 64, FRAME_H = 32, SHOWN = 32, LEFT = 16 };

/* The photo lies in the middle as Lanczos makes it; *beside is a pixel outside. */
static void check_whole(struct ps_framing framing, const uint8_t *rgb, uint8_t beside[3])
{
    struct ps_photo *photo = photo_of(rgb, PHOTO, PHOTO);
    struct ps_framed framed = frame_photo(photo, framing, FRAME_W, FRAME_H);
    const struct ps_view all = {rgb, PHOTO, PHOTO, PHOTO * 3};
    uint8_t expected[SHOWN * SHOWN * 3];
    struct ps_error error = {0};
    assert_ok(ps_resize_lanczos(expected, SHOWN, SHOWN, &all, &error), error);
    assert_ptr_equal(framed.view.rgb, framed.canvas);
    assert_int_equal(framed.view.width, FRAME_W);
    assert_int_equal(framed.view.height, FRAME_H);
    assert_int_equal(framed.view.stride, FRAME_W * 3);
    for (size_t y = 0; y < SHOWN; y++)
        assert_memory_equal(framed.canvas + (y * FRAME_W + LEFT) * 3, expected + y * SHOWN * 3, SHOWN * 3);
    memcpy(beside, framed.canvas + (5 * FRAME_W + 2) * 3, 3);
    ps_framed_free(&framed);
    assert_null(framed.canvas);
    ps_photo_free(&photo);
}

static void test_pad_and_extend(void **state)
{
    (void)state;
    uint8_t *rgb = formula_photo(PHOTO, PHOTO), beside[3];
    check_whole((struct ps_framing){.fit = PS_FIT_PAD, .pad_colour = 0x123456}, rgb, beside);
    assert_memory_equal(beside, "\x12\x34\x56", 3);
    /* Without a colour that of the edge, though a product touches some of it. */
    paint(rgb, PHOTO, (struct ps_rect){0, 0, PHOTO, PHOTO}, "\xc0\xd0\xe0");
    paint(rgb, PHOTO, (struct ps_rect){10, 20, 40, 40}, "\x00\x00\x10");
    check_whole((struct ps_framing){.fit = PS_FIT_PAD}, rgb, beside);
    assert_memory_equal(beside, "\xc0\xd0\xe0", 3);
    /* Extended, the surroundings are near the edge's colour but not a bar of it. */
    paint(rgb, PHOTO, (struct ps_rect){0, 0, 20, PHOTO}, "\x10\xf0\x10");
    check_whole((struct ps_framing){.fit = PS_FIT_EXTEND}, rgb, beside);
    assert_true(beside[1] > 0xd4 && beside[0] > 0x14 && beside[0] < 0x70);
    free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_auto_focus),
        cmocka_unit_test(test_auto_focus_of_a_cut_out),
        cmocka_unit_test(test_pad_and_extend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
