/* Good photos: every kind of PNG against its samples, JPEG and WebP against Pillow (data/make_photos.py). */
#include "media/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/orientation.h"
#include "media/photo.h"
#include "media/png_maker.h"
#include "media/yuv.h"

enum { WIDTH = 13, HEIGHT = 9 };
enum { LARGEST = 9, PLANE = 16 }; /* of the chroma test: pixels a side, bytes a row */

static struct ps_photo *decode(const struct ps_file *file, uint32_t background)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    const struct ps_photo_params params = {.background = background};
    assert_ok(ps_photo_decode(&photo, file, &params, &error), error);
    return photo;
}

/* A sample of depth d as 8 bits, rounded. */
static int eight_bits(int value, int depth)
{
    const int top = (1 << depth) - 1;
    return (value * 255 * 2 + top) / (top * 2);
}

static int composite(int over, int under, int alpha)
{
    return (over * alpha * 2 + under * (255 - alpha) * 2 + 255) / (2 * 255);
}

/* The three channels and the alpha of pixel i that the plan means. */
static void expected_pixel(int pixel[4], const struct png_plan *plan, size_t i)
{
    const bool colour = plan->colour & PNG_COLOR_MASK_COLOR, alpha = plan->colour & PNG_COLOR_MASK_ALPHA;
    pixel[3] = 255;
    if (plan->colour == PNG_COLOR_TYPE_PALETTE) {
        const uint16_t index = plan->samples[i];
        pixel[0] = plan->palette[index].red;
        pixel[1] = plan->palette[index].green;
        pixel[2] = plan->palette[index].blue;
        pixel[3] = plan->palette_alpha ? plan->palette_alpha[index] : 255;
        return;
    }
    const size_t channels = (colour ? 3u : 1u) + (alpha ? 1u : 0u);
    const uint16_t *sample = plan->samples + i * channels;
    for (size_t c = 0; c < 3; c++)
        pixel[c] = eight_bits(sample[colour ? c : 0], plan->depth);
    if (alpha)
        pixel[3] = eight_bits(sample[channels - 1], plan->depth);
    if (!plan->transparent)
        return;
    const png_color_16 *t = plan->transparent;
    if (colour ? sample[0] == t->red && sample[1] == t->green && sample[2] == t->blue : sample[0] == t->gray)
        pixel[3] = 0;
}

static void check_png(const struct png_plan *plan, uint32_t background)
{
    struct ps_file file = make_png(plan);
    struct ps_photo *photo = decode(&file, background);
    const int under[3] = {(int)(background >> 16), (int)(background >> 8 & 255), (int)(background & 255)};
    assert_int_equal(ps_photo_width(photo), plan->width);
    assert_int_equal(ps_photo_height(photo), plan->height);
    for (size_t i = 0; i < (size_t)plan->width * plan->height; i++) {
        int pixel[4];
        expected_pixel(pixel, plan, i);
        for (size_t c = 0; c < 3; c++) {
            const int expected = composite(pixel[c], under[c], pixel[3]),
                      found = ps_photo_rgb(photo)[i * 3 + c];
            if (expected != found)
                fail_msg("colour type %d, depth %d, pixel %zu, channel %zu: expected %d, found %d",
                         plan->colour, plan->depth, i, c, expected, found);
        }
    }
    ps_photo_free(&photo);
    assert_null(photo);
    free(file.bytes);
}

static void fill_samples(uint16_t *samples, size_t count, int depth)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (uint16_t)(state >> (32 - depth));
    }
}

static void test_png_kinds(void **state)
{
    (void)state;
    static const struct {
        int colour, depths[6];
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16, 0}}, {PNG_COLOR_TYPE_RGB, {8, 16, 0}},
        {PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16, 0}},    {PNG_COLOR_TYPE_RGB_ALPHA, {8, 16, 0}},
        {PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8, 0}},
    };
    png_color palette[256];
    png_byte alphas[256];
    uint16_t samples[WIDTH * HEIGHT * 4];
    for (int i = 0; i < 256; i++) {
        palette[i] = (png_color){(png_byte)(i * 7), (png_byte)(255 - i), (png_byte)(i * 31)};
        alphas[i] = (png_byte)(i * 93);
    }
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (const int *depth = kinds[kind].depths; *depth; depth++)
            for (int variant = 0; variant < 4; variant++) {
                const bool special = variant & 1, indexed = kinds[kind].colour == PNG_COLOR_TYPE_PALETTE;
                fill_samples(samples, WIDTH * HEIGHT * 4, *depth);
                const png_color_16 one = {
                    .red = samples[0], .green = samples[1], .blue = samples[2], .gray = samples[0]};
                const struct png_plan plan = {
                    .width = WIDTH,
                    .height = HEIGHT,
                    .depth = *depth,
                    .colour = kinds[kind].colour,
                    .interlaced = variant & 2,
                    .samples = samples,
                    .palette = indexed ? palette : NULL,
                    .palette_alpha = indexed && special ? alphas : NULL,
                    .transparent =
                        special && !indexed && !(kinds[kind].colour & PNG_COLOR_MASK_ALPHA) ? &one : NULL,
                };
                check_png(&plan, 0x3060c0);
            }
}

static void test_png_odd_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {16384, 1}, {1, 16384}, {3, 2}};
    uint16_t *samples = malloc(16384 * 3 * sizeof *samples);
    fill_samples(samples, (size_t)16384 * 3, 8);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            const struct png_plan plan = {.width = sizes[i][0],
                                          .height = sizes[i][1],
                                          .depth = 8,
                                          .colour = PNG_COLOR_TYPE_RGB,
                                          .interlaced = interlaced,
                                          .samples = samples};
            check_png(&plan, 0xffffff);
        }
    free(samples);
}

/* White on hidden black, half transparent at the edge, on a white background: only white may come out. */
static void test_no_fringe(void **state)
{
    (void)state;
    uint16_t samples[WIDTH * HEIGHT * 4];
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        const uint16_t alpha = i % WIDTH < 4 ? 0 : i % WIDTH == 4 ? 128 : 255;
        for (size_t c = 0; c < 3; c++)
            samples[i * 4 + c] = alpha ? 255 : 0;
        samples[i * 4 + 3] = alpha;
    }
    const struct png_plan plan = {
        .width = WIDTH, .height = HEIGHT, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .samples = samples};
    struct ps_file file = make_png(&plan);
    struct ps_photo *photo = decode(&file, 0); /* the default: white */
    for (size_t i = 0; i < WIDTH * HEIGHT * 3; i++)
        assert_int_equal(ps_photo_rgb(photo)[i], 255);
    ps_photo_free(&photo);
    free(file.bytes);
}

/* A broken colour profile and text are not even looked at. */
static void test_ancillary(void **state)
{
    (void)state;
    static const char *const types[] = {"iCCP", "zTXt", "gAMA", "sBIT", "vpAg"};
    uint16_t samples[WIDTH * HEIGHT * 3];
    fill_samples(samples, WIDTH * HEIGHT * 3, 8);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct png_plan plan = {.width = WIDTH,
                                      .height = HEIGHT,
                                      .depth = 8,
                                      .colour = PNG_COLOR_TYPE_RGB,
                                      .samples = samples,
                                      .extra = types[i],
                                      .extra_data = "no such thing"};
        check_png(&plan, 0xffffff);
    }
}

/* Where EXIF 2.32 puts stored pixel (x, y), from which sides row 0 and column 0 are. */
static void upright_place(unsigned orientation, size_t x, size_t y, size_t *to_x, size_t *to_y)
{
    const size_t right = WIDTH - 1 - x, bottom = HEIGHT - 1 - y;
    const size_t places[9][2] = {{x, y}, {x, y},      {right, y},      {right, bottom}, {x, bottom},
                                 {y, x}, {bottom, x}, {bottom, right}, {y, right}};
    *to_x = places[orientation][0];
    *to_y = places[orientation][1];
}

static void test_orientations(void **state)
{
    (void)state;
    uint16_t samples[WIDTH * HEIGHT * 3];
    fill_samples(samples, WIDTH * HEIGHT * 3, 8);
    for (uint8_t orientation = 0; orientation <= 9; orientation++) {
        const unsigned meant = orientation >= 1 && orientation <= 8 ? orientation : 1;
        const struct png_plan plan = {.width = WIDTH,
                                      .height = HEIGHT,
                                      .depth = 8,
                                      .colour = PNG_COLOR_TYPE_RGB,
                                      .samples = samples,
                                      .orientation = orientation};
        struct ps_file file = make_png(&plan);
        struct ps_photo *photo = decode(&file, 0);
        assert_int_equal(ps_photo_width(photo), meant >= 5 ? HEIGHT : WIDTH);
        assert_int_equal(ps_photo_height(photo), meant >= 5 ? WIDTH : HEIGHT);
        for (size_t y = 0; y < HEIGHT; y++)
            for (size_t x = 0; x < WIDTH; x++) {
                size_t to_x, to_y;
                upright_place(meant, x, y, &to_x, &to_y);
                const uint8_t *pixel = ps_photo_rgb(photo) + (to_y * ps_photo_width(photo) + to_x) * 3;
                for (size_t c = 0; c < 3; c++)
                    assert_int_equal(pixel[c], samples[(y * WIDTH + x) * 3 + c]);
            }
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

/* The alpha is turned with the photo; an alpha channel that is opaque throughout is none. */
static void test_alpha(void **state)
{
    (void)state;
    uint16_t samples[WIDTH * HEIGHT * 4];
    fill_samples(samples, WIDTH * HEIGHT * 4, 8);
    for (uint8_t orientation = 1; orientation <= 8; orientation++) {
        const struct png_plan plan = {.width = WIDTH,
                                      .height = HEIGHT,
                                      .depth = 8,
                                      .colour = PNG_COLOR_TYPE_RGB_ALPHA,
                                      .samples = samples,
                                      .orientation = orientation};
        struct ps_file file = make_png(&plan);
        struct ps_photo *photo = decode(&file, 0);
        assert_non_null(ps_photo_alpha(photo));
        for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
            size_t to_x, to_y;
            upright_place(orientation, i % WIDTH, i / WIDTH, &to_x, &to_y);
            assert_int_equal(ps_photo_alpha(photo)[to_y * ps_photo_width(photo) + to_x], samples[i * 4 + 3]);
        }
        ps_photo_free(&photo);
        free(file.bytes);
    }
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        samples[i * 4 + 3] = 255;
    const struct png_plan opaque = {
        .width = WIDTH, .height = HEIGHT, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .samples = samples};
    struct ps_file file = make_png(&opaque);
    struct ps_photo *photo = decode(&file, 0);
    assert_null(ps_photo_alpha(photo));
    ps_photo_free(&photo);
    free(file.bytes);
}

static void test_odd_exif(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        unsigned orientation;
    } cases[] = {
#define CASE(bytes, orientation) {bytes, sizeof bytes - 1, orientation}
        CASE("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", 6),
        CASE("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0", 8),
        CASE("II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x03\0\0\0", 3),
        /* the second entry */
        CASE("II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0\0\0\0\0\x12\x01\x03\0\x01\0\0\0\x05\0\0\0", 5),
        /* 65535 entries stated, one there */
        CASE("II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0\x05\0\0\0", 5),
        /* a count of 2^32 - 1, a value of 65537, another type */
        CASE("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x05\0\0\0", 1),
        CASE("II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x01\0\x01\0", 1),
        CASE("II*\0\x08\0\0\0\x01\0\x12\x01\x07\0\x01\0\0\0\x05\0\0\0", 1),
        /* a directory before, past and at the very end */
        CASE("II*\0\0\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x05\0\0\0", 1),
        CASE("II*\0\xff\xff\xff\xff\x01\0\x12\x01\x03\0\x01\0\0\0\x05\0\0\0", 1),
        CASE("II*\0\x08\0\0\0\x01\0", 1),
        CASE("II*\0\x08\0\0\0\x01", 1),
        CASE("II*\0\x08\0\0\0", 1),
        CASE("II*\0", 1),
        CASE("", 1),
        CASE("IM*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x05\0\0\0", 1),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *exact =
            malloc(cases[i].size + !cases[i].size); /* so that a sanitizer sees a read past the end */
        memcpy(exact, cases[i].bytes, cases[i].size);
        assert_int_equal(ps_exif_orientation(exact, cases[i].size, NULL), cases[i].orientation);
        free(exact);
    }
    assert_int_equal(ps_exif_orientation(NULL, 0, NULL), 1);
}

static struct ps_photo *load(const char *name)
{
    char path[512];
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&photo, join(path, MEDIA_DATA, name), NULL, &error), error);
    return photo;
}

/* Lossy pictures may differ by the rounding of the inverse transform and of the chroma interpolation. */
static void test_against_pillow(void **state)
{
    (void)state;
    static const struct {
        const char *name, *suffix;
        int largest;
        double mean;
    } photos[] = {
        {"jpeg420", ".jpg", 3, 0.5},
        {"jpeg422", ".jpg", 3, 0.5},
        {"jpeg444", ".jpg", 3, 0.1},
        {"jpeg-progressive", ".jpg", 3, 0.5},
        {"jpeg-grey", ".jpg", 2, 0.1},
        {"jpeg-rgb", ".jpg", 2, 0.1},
        {"jpeg-turned", ".jpg", 3, 0.5},
        {"webp-lossy", ".webp", 3, 0.5},
        {"webp-lossless", ".webp", 0, 0},
        {"webp-lossy-alpha", ".webp", 3, 0.5},
        {"webp-lossless-alpha", ".webp", 1, 0.1},
        {"webp-turned", ".webp", 3, 0.5},
    };
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", photos[i].name, photos[i].suffix);
        struct ps_photo *photo = load(name);
        snprintf(name, sizeof name, "%s.png", photos[i].name);
        struct ps_photo *reference = load(name);
        assert_int_equal(ps_photo_width(photo), ps_photo_width(reference));
        assert_int_equal(ps_photo_height(photo), ps_photo_height(reference));
        const size_t count = (size_t)ps_photo_width(photo) * ps_photo_height(photo) * 3;
        const double mean = mean_difference(ps_photo_rgb(photo), ps_photo_rgb(reference), count);
        const int largest = largest_difference(ps_photo_rgb(photo), ps_photo_rgb(reference), count);
        print_message("%s: differs from Pillow by %.3f in the mean, %d at most\n", photos[i].name, mean,
                      largest);
        assert_true(mean <= photos[i].mean && largest <= photos[i].largest);
        ps_photo_free(&photo);
        ps_photo_free(&reference);
    }
}

/* The name does not count, a link is followed, bytes after the picture are ignored. */
static void test_names_and_tails(void **state)
{
    (void)state;
    char path[512], link[512];
    char *folder = folder_new();
    struct ps_file file = read_file(MEDIA_DATA "jpeg420.jpg");
    file.bytes = realloc(file.bytes, file.size * 2);
    memcpy(file.bytes + file.size, file.bytes, file.size); /* as a phone's multi-picture file */
    write_file(join(path, folder, "sale50%d:\n\xff.png"), file.bytes, file.size * 2);
    assert_int_equal(symlink(path, join(link, folder, "link")), 0);
    struct ps_photo *photo = NULL, *reference = load("jpeg420.jpg");
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&photo, link, NULL, &error), error);
    assert_memory_equal(ps_photo_rgb(photo), ps_photo_rgb(reference),
                        (size_t)ps_photo_width(photo) * ps_photo_height(photo) * 3);
    ps_photo_free(&photo);
    ps_photo_free(&reference);
    free(file.bytes);
    folder_remove(folder);
}

/* One chroma value at a pixel's centre, in double: linear between samples, level beyond the outermost. */
static double chroma_at(const uint8_t *plane, uint32_t size, uint32_t x, uint32_t y, unsigned log2_x,
                        unsigned log2_y)
{
    const double across = (size - 1) >> log2_x, down = (size - 1) >> log2_y;
    const double at_x = fmin(fmax((x + 0.5) / (1 << log2_x) - 0.5, 0), across);
    const double at_y = fmin(fmax((y + 0.5) / (1 << log2_y) - 0.5, 0), down);
    double sum = 0;
    for (int j = 0; j <= down; j++)
        for (int i = 0; i <= across; i++)
            sum += fmax(0, 1 - fabs(at_x - i)) * fmax(0, 1 - fabs(at_y - j)) * (plane[j * PLANE + i] - 128);
    return sum;
}

static void check_chroma(uint8_t planes[3][PLANE * PLANE], uint32_t size, unsigned log2_x, unsigned log2_y,
                         bool full)
{
    uint8_t made[LARGEST * LARGEST * 3];
    const struct ps_yuv yuv = {
        {planes[0], planes[1], planes[2]}, {PLANE, PLANE, PLANE}, log2_x, log2_y, full};
    struct ps_raster raster = {.bytes = made, .width = size, .height = size, .channels = 3};
    assert_int_equal(ps_rgb_from_yuv601(&raster, &yuv, NULL), PS_OK);
    for (uint32_t y = 0; y < size; y++)
        for (uint32_t x = 0; x < size; x++) {
            const double range = full ? 1 : 255.0 / 224;
            const double cb = range * chroma_at(planes[1], size, x, y, log2_x, log2_y);
            const double cr = range * chroma_at(planes[2], size, x, y, log2_x, log2_y);
            const int luma = planes[0][y * PLANE + x];
            const double grey = full ? luma : (luma - 16) * 255.0 / 219;
            const double rgb[3] = {grey + 1.402 * cr,
                                   grey - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587,
                                   grey + 1.772 * cb};
            for (size_t c = 0; c < 3; c++)
                assert_true(fabs(made[(y * size + x) * 3 + c] - fmin(fmax(rgb[c], 0), 255)) < 0.51);
        }
}

/* Every subsampling, every size of tail. */
static void test_chroma_places(void **state)
{
    (void)state;
    uint8_t planes[3][PLANE * PLANE];
    for (size_t i = 0; i < sizeof planes; i++)
        planes[i / (PLANE * PLANE)][i % (PLANE * PLANE)] = (uint8_t)(i * 2654435761u >> 13);
    for (unsigned log2 = 0; log2 < 9; log2++)
        for (uint32_t size = 1; size <= LARGEST; size++) {
            check_chroma(planes, size, log2 % 3, log2 / 3, true);
            check_chroma(planes, size, log2 % 3, log2 / 3, false);
        }
}

static void test_from_rgb(void **state)
{
    (void)state;
    const uint8_t rgb[6] = {1, 2, 3, 4, 5, 6};
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_from_rgb(&photo, rgb, 2, 1, &error), error);
    assert_memory_equal(ps_photo_rgb(photo), rgb, sizeof rgb);
    ps_photo_free(&photo);
    ps_photo_free(&photo);
    static const uint32_t wrong[][2] = {{0, 1}, {1, 0}, {16385, 1}, {1, 16385}, {16384, 16384}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_error failure = {0};
        ps_photo_from_rgb(&photo, rgb, wrong[i][0], wrong[i][1], &failure);
        assert_error(&failure, PS_ERR_USAGE, "usage.photo-size");
        assert_null(photo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_png_kinds),      silent_unit_test(test_png_odd_sizes),
        silent_unit_test(test_no_fringe),      silent_unit_test(test_ancillary),
        silent_unit_test(test_orientations),   silent_unit_test(test_odd_exif),
        silent_unit_test(test_against_pillow), silent_unit_test(test_names_and_tails),
        silent_unit_test(test_chroma_places),  silent_unit_test(test_from_rgb),
        silent_unit_test(test_alpha),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
