/* What stands behind a cut-out, and that nothing hidden under its transparency shows. */
#include "media/support.h"

#include <stdlib.h>
#include <string.h>

#include "media/backdrop.h"
#include "media/photo.h"
#include "media/png_maker.h"
#include "media/resample.h"

enum { WIDTH = 60, HEIGHT = 40 };

#define PIXELS ((size_t)WIDTH * HEIGHT)

/* A disc of one colour on full transparency that hides another, with a soft edge. */
static struct ps_file cut_out(const uint16_t subject[3], const uint16_t hidden[3])
{
    enum { LEFT = 40, TOP = 18, INNER = 8, OUTER = 11 };
    static uint16_t samples[WIDTH * HEIGHT * 4];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            const int square = (x - LEFT) * (x - LEFT) + (y - TOP) * (y - TOP);
            const uint16_t alpha = square <= INNER * INNER ? 255 : square <= OUTER * OUTER ? 100 : 0;
            uint16_t *pixel = samples + (y * WIDTH + x) * 4;
            for (size_t c = 0; c < 3; c++)
                pixel[c] = alpha ? subject[c] : hidden[c];
            pixel[3] = alpha;
        }
    const struct png_plan plan = {
        .width = WIDTH, .height = HEIGHT, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .samples = samples};
    return make_png(&plan);
}

static struct ps_photo *decode(struct ps_file file, const struct ps_photo_params *params)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_decode(&photo, &file, params, &error), error);
    free(file.bytes);
    return photo;
}

static const uint16_t red[3] = {210, 40, 30}, black[3] = {0, 0, 0}, green[3] = {0, 255, 0};

/* Two cut-outs that differ only in what is hidden are the same photo, on every background. */
static void test_hidden_colours_do_not_matter(void **state)
{
    (void)state;
    static const struct ps_photo_params kinds[] = {
        {.background = 0xe0e0e0},
        {.background_kind = PS_BACKGROUND_GRADIENT, .background = 0xffffff, .background_end = 0x404040},
        {.background_kind = PS_BACKGROUND_BLUR},
        {.background_kind = PS_BACKGROUND_IMAGE, .background_image = MEDIA_DATA "jpeg444.png"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct ps_photo *one = decode(cut_out(red, black), &kinds[i]),
                        *two = decode(cut_out(red, green), &kinds[i]);
        assert_memory_equal(ps_photo_rgb(one), ps_photo_rgb(two), PIXELS * 3);
        ps_photo_free(&one);
        ps_photo_free(&two);
    }
}

/* Scaled to any size, a subject of the background's own colour stays invisible: no fringe, neither dark nor light. */
static void test_no_fringe_when_resized(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{17, 11}, {33, 40}, {120, 97}};
    const struct ps_photo_params params = {.background = 0xd2281e}; /* red, as above */
    struct ps_photo *photo = decode(cut_out(red, green), &params);
    const struct ps_view view = {ps_photo_rgb(photo), WIDTH, HEIGHT, (size_t)WIDTH * 3};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t count = (size_t)sizes[i][0] * sizes[i][1];
        uint8_t *resized = malloc(count * 3);
        assert_int_equal(ps_resize_lanczos(resized, sizes[i][0], sizes[i][1], &view, NULL), PS_OK);
        for (size_t j = 0; j < count * 3; j++)
            assert_int_equal(resized[j], red[j % 3]);
        free(resized);
    }
    ps_photo_free(&photo);
}

static void test_gradient(void **state)
{
    (void)state;
    const struct ps_photo_params params = {
        .background_kind = PS_BACKGROUND_GRADIENT, .background = 0xff8000, .background_end = 0x000001};
    struct ps_photo *photo = decode(cut_out(red, black), &params);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        const uint8_t *pixel = ps_photo_rgb(photo) + (size_t)y * WIDTH * 3;
        const double part = y / (HEIGHT - 1.0);
        assert_true(abs(pixel[0] - (int)(255 * (1 - part) + 0.5)) <= 1);
        assert_true(abs(pixel[1] - (int)(128 * (1 - part) + 0.5)) <= 1);
        assert_true(pixel[2] <= 1);
    }
    assert_int_equal(ps_photo_rgb(photo)[0], 255);
    assert_int_equal(ps_photo_rgb(photo)[(PIXELS - 1) * 3], 0);
    ps_photo_free(&photo);
}

/* A gradient without colours is white, and one row has no middle. */
static void test_degenerate(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 0};
    struct ps_raster raster = {.bytes = bytes, .width = 1, .height = 1, .channels = 4};
    const struct ps_backdrop backdrop = {0x102030, 0xffffff, NULL};
    assert_int_equal(ps_backdrop_apply(&raster, &backdrop, NULL), PS_OK);
    assert_memory_equal(bytes, "\x10\x20\x30", 3);
    const struct ps_photo_params params = {.background_kind = PS_BACKGROUND_GRADIENT};
    struct ps_photo *photo = decode(cut_out(red, black), &params);
    assert_memory_equal(ps_photo_rgb(photo), "\xff\xff\xff", 3);
    assert_memory_equal(ps_photo_rgb(photo) + (PIXELS - 1) * 3, "\xff\xff\xff", 3);
    ps_photo_free(&photo);
}

/* Behind a subject of one colour is that colour. */
static void test_blur_of_one_colour(void **state)
{
    (void)state;
    const struct ps_photo_params params = {.background_kind = PS_BACKGROUND_BLUR};
    struct ps_photo *photo = decode(cut_out(red, green), &params);
    for (size_t i = 0; i < PIXELS * 3; i++)
        assert_true(abs(ps_photo_rgb(photo)[i] - red[i % 3]) <= 1);
    ps_photo_free(&photo);
}

/* A subject whose left half is blue and whose right half is yellow, in the middle fifth of the frame: enlarged, so that
 * the frame's left is blue and its right yellow, and smooth, so that no detail is left. */
static void test_blur_of_two_colours(void **state)
{
    (void)state;
    enum { SIDE = 200, FIRST = 80, LAST = 120 };
    uint8_t *bytes = calloc(SIDE * SIDE, 4), *blurred = malloc(SIDE * SIDE * 3);
    for (size_t y = FIRST; y < LAST; y++)
        for (size_t x = FIRST; x < LAST; x++) {
            const uint8_t blue[4] = {20, 40, 200, 255}, yellow[4] = {240, 220, 60, 255};
            memcpy(bytes + (y * SIDE + x) * 4, x < SIDE / 2 ? blue : yellow, 4);
        }
    const struct ps_raster raster = {.bytes = bytes, .width = SIDE, .height = SIDE, .channels = 4};
    assert_int_equal(ps_backdrop_blur(blurred, &raster, NULL), PS_OK);
    for (size_t y = 0; y < SIDE; y++) {
        const uint8_t *row = blurred + y * SIDE * 3;
        assert_true(row[0] < 60 && row[2] > 170);
        assert_true(row[(SIDE - 1) * 3] > 200 && row[(SIDE - 1) * 3 + 2] < 90);
        for (size_t x = 1; x < SIDE; x++)
            for (size_t c = 0; c < 3; c++)
                assert_true(abs(row[x * 3 + c] - row[(x - 1) * 3 + c]) <= 5);
    }
    memset(bytes, 0, SIDE * SIDE * 4);
    assert_int_equal(ps_backdrop_blur(blurred, &raster, NULL), PS_OK);
    for (size_t i = 0; i < SIDE * SIDE * 3; i++)
        assert_int_equal(blurred[i], 255);
    free(bytes);
    free(blurred);
}

/* The picture's middle, in the photo's shape and size: where it is not transparent nothing of it is seen. */
static void test_image(void **state)
{
    (void)state;
    const struct ps_photo_params params = {.background_kind = PS_BACKGROUND_IMAGE,
                                           .background_image = MEDIA_DATA "jpeg444.png"};
    struct ps_photo *photo = decode(cut_out(red, black), &params), *picture = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&picture, params.background_image, NULL, &error), error);
    /* 61 x 43 at 60 x 40: columns 61 of rows 41, of which the first is the second of the picture. */
    uint8_t *expected = malloc(PIXELS * 3);
    const size_t stride = (size_t)ps_photo_width(picture) * 3;
    const struct ps_view view = {ps_photo_rgb(picture) + stride, 61, 41, stride};
    assert_int_equal(ps_resize_lanczos(expected, WIDTH, HEIGHT, &view, NULL), PS_OK);
    for (size_t i = 0; i < PIXELS; i++) {
        const uint8_t alpha = ps_photo_alpha(photo)[i];
        for (size_t c = 0; c < 3; c++) {
            const int found = ps_photo_rgb(photo)[i * 3 + c];
            const int meant = alpha == 255 ? red[c] : alpha == 0 ? expected[i * 3 + c] : found;
            assert_int_equal(found, meant);
        }
    }
    ps_photo_free(&photo);
    ps_photo_free(&picture);
    free(expected);
}

static void test_params_are_checked(void **state)
{
    (void)state;
    static const struct {
        struct ps_photo_params params;
        enum ps_status status;
        const char *id;
    } cases[] = {
        {{.background = 0x1000000}, PS_ERR_USAGE, "usage.background"},
        {{.background_end = 0x1000000}, PS_ERR_USAGE, "usage.background"},
        {{.background_kind = PS_BACKGROUND_IMAGE}, PS_ERR_USAGE, "usage.background"},
        {{.background_kind = (enum ps_background)99}, PS_ERR_USAGE, "usage.photo"},
        {{.sandbox = (enum ps_sandbox)99}, PS_ERR_USAGE, "usage.photo"},
        {{.background_kind = PS_BACKGROUND_IMAGE, .background_image = "/nonexistent/x.png"},
         PS_ERR_INPUT,
         "image.not-found"},
        {{.background_kind = PS_BACKGROUND_IMAGE, .background_image = MEDIA_DATA "make_photos.py"},
         PS_ERR_INPUT,
         "image.unknown-type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        ps_photo_load(&photo, MEDIA_DATA "webp-lossless-alpha.webp", &cases[i].params, &error);
        assert_error(&error, cases[i].status, cases[i].id);
        assert_null(photo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_hidden_colours_do_not_matter),
        silent_unit_test(test_no_fringe_when_resized),
        silent_unit_test(test_gradient),
        silent_unit_test(test_degenerate),
        silent_unit_test(test_blur_of_one_colour),
        silent_unit_test(test_blur_of_two_colours),
        silent_unit_test(test_image),
        silent_unit_test(test_params_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
