/* PngSuite against a PNG reader that shares nothing with libpng (data/pngsuite/make_expected.py). */
#include "media/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SUITE MEDIA_DATA "pngsuite/"

enum { BACKGROUND = 0x3060c0, MOST = 1 << 20 };

/* Rounded, as the library composites. */
static int composite(int over, int under, int alpha)
{
    return (over * alpha * 2 + under * (255 - alpha) * 2 + 255) / (2 * 255);
}

static void check(const char *name, const uint8_t *rgba, uint32_t width, uint32_t height)
{
    static const int under[3] = {BACKGROUND >> 16, BACKGROUND >> 8 & 255, BACKGROUND & 255};
    char path[512];
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    const struct ps_photo_params params = {.background = BACKGROUND};
    assert_ok(ps_photo_load(&photo, join(path, SUITE, name), &params, &error), error);
    assert_int_equal(ps_photo_width(photo), width);
    assert_int_equal(ps_photo_height(photo), height);
    const uint8_t *alpha = ps_photo_alpha(photo);
    for (size_t i = 0; i < (size_t)width * height; i++, rgba += 4) {
        for (size_t c = 0; c < 3; c++)
            if (ps_photo_rgb(photo)[i * 3 + c] != composite(rgba[c], under[c], rgba[3]))
                fail_msg("%s: pixel %zu, channel %zu: expected %d, found %d", name, i, c,
                         composite(rgba[c], under[c], rgba[3]), ps_photo_rgb(photo)[i * 3 + c]);
        assert_int_equal(alpha ? alpha[i] : 255, rgba[3]);
    }
    assert_null(ps_photo_note(photo, 0));
    ps_photo_free(&photo);
}

static void test_good_files(void **state)
{
    (void)state;
    enum { FILES = 36 };
    struct ps_file packed = read_file(SUITE "expected.z");
    uint8_t *expected = malloc(MOST);
    uLongf size = MOST;
    assert_int_equal(uncompress(expected, &size, packed.bytes, packed.size), Z_OK);
    FILE *list = fopen(SUITE "expected.txt", "r");
    assert_non_null(list);
    char name[64];
    uint32_t width, height;
    size_t at = 0;
    int count = 0;
    for (; fscanf(list, "%63s %u %u", name, &width, &height) == 3; count++) {
        assert_true(at + (size_t)width * height * 4 <= size);
        check(name, expected + at, width, height);
        at += (size_t)width * height * 4;
    }
    assert_int_equal(count, FILES);
    assert_int_equal(at, size);
    fclose(list);
    free(expected);
    free(packed.bytes);
}

static void test_invalid_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *id, *says;
    } cases[] = {
        {"invalid-crc32.png", "image.damaged", "IHDR"},
        {"invalid-zlib.png", "image.damaged", "IDAT"},
        {"invalid-palette.png", "image.damaged", "IDAT: index past"},
        {"invalid-noend.png", "image.truncated", "IEND"},
        {"invalid-trunc.png", "image.truncated", "bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        ps_photo_load(&photo, join(path, SUITE, cases[i].name), NULL, &error);
        assert_error(&error, PS_ERR_INPUT, cases[i].id);
        if (!strstr(error.message, cases[i].says))
            fail_msg("%s does not say %s: %s", cases[i].name, cases[i].says, error.message);
        assert_null(photo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_good_files),
        silent_unit_test(test_invalid_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
