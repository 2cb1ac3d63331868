/* The two resizes against Pillow and diffusers (tests/golden/image). */
#include "media/support.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/bytes.h"
#include "media/photo.h"
#include "media/resample.h"

/* A golden file: safetensors, that is a 64-bit header length, a JSON header, data. */
struct goldens {
    struct ps_file file;
    json_t *header;
    const uint8_t *data;
};

static struct goldens open_goldens(const char *path)
{
    struct goldens goldens = {.file = read_file(path)};
    const size_t length = ps_le32(goldens.file.bytes);
    goldens.header = json_loadb((const char *)goldens.file.bytes + 8, length, 0, NULL);
    goldens.data = goldens.file.bytes + 8 + length;
    assert_non_null(goldens.header);
    return goldens;
}

static void close_goldens(struct goldens *goldens)
{
    json_decref(goldens->header);
    free(goldens->file.bytes);
}

static const void *tensor(const struct goldens *goldens, const char *name)
{
    json_t *entry = json_object_get(goldens->header, name);
    if (!entry)
        fail_msg("no golden %s", name);
    return goldens->data + json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
}

static struct ps_view view_of(const uint8_t *rgb, uint32_t width, uint32_t height)
{
    return (struct ps_view){rgb, width, height, (size_t)width * 3};
}

/* Corners of the formula photos, so that a wrong formula is not taken for a wrong resize. */
static void test_formula(void **state)
{
    (void)state;
    struct goldens goldens = open_goldens(GOLDEN "image/photos.safetensors");
    const char *name;
    json_t *entry;
    json_object_foreach(goldens.header, name, entry)
    {
        unsigned width, height;
        if (sscanf(name, "%ux%u", &width, &height) != 2)
            continue;
        uint8_t *photo = formula_photo(width, height);
        const size_t count = (width < 8 ? width : 8) * 3;
        const uint8_t *golden = tensor(&goldens, name);
        assert_memory_equal(photo, golden, count);
        assert_memory_equal(photo + (size_t)(height - 1) * width * 3, golden + count, count);
        free(photo);
    }
    close_goldens(&goldens);
}

static void test_lanczos(void **state)
{
    (void)state;
    struct goldens goldens = open_goldens(GOLDEN "image/lanczos.safetensors");
    const char *name;
    json_t *entry;
    int tried = 0;
    json_object_foreach(goldens.header, name, entry)
    {
        unsigned width, height, to_width, to_height;
        if (sscanf(name, "%ux%u.%ux%u", &width, &height, &to_width, &to_height) != 4)
            continue;
        uint8_t *photo = formula_photo(width, height);
        const size_t count = (size_t)to_width * to_height * 3;
        uint8_t *made = malloc(count);
        const struct ps_view view = view_of(photo, width, height);
        struct ps_error error = {0};
        assert_ok(ps_resize_lanczos(made, to_width, to_height, &view, &error), error);
        const int difference = largest_difference(made, tensor(&goldens, name), count);
        if (difference)
            fail_msg("%s: differs by %d from Pillow", name, difference);
        free(made);
        free(photo);
        tried++;
    }
    assert_true(tried >= 5);
    close_goldens(&goldens);
}

static struct ps_photo *load(const char *path)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
    return photo;
}

/* Pillow 13 does columns first where that drops more; each pass clips, so the order shows. */
static void test_columns_first(void **state)
{
    (void)state;
    struct ps_photo *photo = load(MEDIA_DATA "jpeg444.png"), *resized = load(MEDIA_DATA "resized.png");
    const uint32_t width = ps_photo_width(resized), height = ps_photo_height(resized);
    const struct ps_view view = view_of(ps_photo_rgb(photo), ps_photo_width(photo), ps_photo_height(photo));
    uint8_t *made = malloc((size_t)width * height * 3);
    struct ps_error error = {0};
    assert_ok(ps_resize_lanczos(made, width, height, &view, &error), error);
    assert_memory_equal(made, ps_photo_rgb(resized), (size_t)width * height * 3);
    free(made);
    ps_photo_free(&photo);
    ps_photo_free(&resized);
}

enum { TOWER = 224, ROW_STEP = 16, ROWS = TOWER / ROW_STEP };

static const float clip_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float clip_deviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};

/* Largest difference of every ROW_STEP-th row, and of the row sums as a mean over their elements. */
static double vision_difference(const float *made, const float *rows, const double *sums)
{
    double largest = 0;
    for (size_t channel = 0; channel < 3; channel++)
        for (size_t y = 0; y < TOWER; y++) {
            const float *row = made + (channel * TOWER + y) * TOWER;
            double sum = 0;
            for (size_t x = 0; x < TOWER; x++)
                sum += (double)row[x];
            largest = fmax(largest, fabs(sum - sums[channel * TOWER + y]) / TOWER);
            if (y % ROW_STEP)
                continue;
            const float *golden = rows + (channel * ROWS + y / ROW_STEP) * TOWER;
            for (size_t x = 0; x < TOWER; x++) {
                assert_true(isfinite(row[x]));
                largest = fmax(largest, fabs((double)row[x] - (double)golden[x]));
            }
        }
    return largest;
}

static void test_vision(void **state)
{
    (void)state;
    struct goldens goldens = open_goldens(GOLDEN "image/clip.safetensors");
    float *made = malloc(3 * TOWER * TOWER * sizeof *made);
    const char *name;
    json_t *entry;
    int tried = 0;
    json_object_foreach(goldens.header, name, entry)
    {
        unsigned width, height;
        if (sscanf(name, "%ux%u.", &width, &height) != 2 || !strstr(name, ".rows"))
            continue;
        char sums[64];
        snprintf(sums, sizeof sums, "%ux%u.row_sums", width, height);
        uint8_t *photo = formula_photo(width, height);
        const struct ps_view view = view_of(photo, width, height);
        struct ps_error error = {0};
        assert_ok(ps_vision_pixels(made, TOWER, &view, clip_mean, clip_deviation, &error), error);
        const double difference = vision_difference(made, tensor(&goldens, name), tensor(&goldens, sums));
        print_message("%ux%u: largest difference %.2g\n", width, height, difference);
        assert_true(difference < 1e-5);
        free(photo);
        tried++;
    }
    assert_true(tried >= 5);
    free(made);
    close_goldens(&goldens);
}

/* Sizes that the reference cannot pad. Of a photo of one colour every pixel is that colour, at any size. */
static void test_vision_small(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 7}, {9, 1}, {2, 2}, {1, 3000}, {3000, 1}, {450, 2}};
    float *made = malloc(3 * TOWER * TOWER * sizeof *made);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t count = (size_t)sizes[i][0] * sizes[i][1];
        uint8_t *photo = malloc(count * 3);
        for (size_t pixel = 0; pixel < count; pixel++)
            memcpy(photo + pixel * 3, "\x20\x80\xf0", 3);
        const struct ps_view view = view_of(photo, sizes[i][0], sizes[i][1]);
        struct ps_error error = {0};
        assert_ok(ps_vision_pixels(made, TOWER, &view, clip_mean, clip_deviation, &error), error);
        for (size_t at = 0; at < 3 * TOWER * TOWER; at++) {
            const size_t channel = at / (TOWER * TOWER);
            const float expected =
                ((float)photo[channel] / 255 - clip_mean[channel]) / clip_deviation[channel];
            assert_true(fabsf(made[at] - expected) < 1e-5f);
        }
        free(photo);
    }
    free(made);
}

/* A cropped view resizes to what a copy of the crop resizes to. */
static void test_view(void **state)
{
    (void)state;
    enum { WIDTH = 90, HEIGHT = 70, LEFT = 11, TOP = 5, W = 61, H = 43, TO_W = 40, TO_H = 56 };
    uint8_t *photo = formula_photo(WIDTH, HEIGHT), copy[W * H * 3], a[TO_W * TO_H * 3], b[TO_W * TO_H * 3];
    for (size_t y = 0; y < H; y++)
        memcpy(copy + y * W * 3, photo + ((y + TOP) * WIDTH + LEFT) * 3, W * 3);
    const struct ps_view whole = view_of(copy, W, H);
    const struct ps_view part = {photo + (TOP * WIDTH + LEFT) * 3, W, H, WIDTH * 3};
    struct ps_error error = {0};
    assert_ok(ps_resize_lanczos(a, TO_W, TO_H, &whole, &error), error);
    assert_ok(ps_resize_lanczos(b, TO_W, TO_H, &part, &error), error);
    assert_memory_equal(a, b, sizeof a);
    float *seen = malloc(3 * TOWER * TOWER * sizeof *seen),
          *again = malloc(3 * TOWER * TOWER * sizeof *again);
    assert_ok(ps_vision_pixels(seen, TOWER, &whole, clip_mean, clip_deviation, &error), error);
    assert_ok(ps_vision_pixels(again, TOWER, &part, clip_mean, clip_deviation, &error), error);
    assert_memory_equal(seen, again, 3 * TOWER * TOWER * sizeof *seen);
    free(seen);
    free(again);
    free(photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),       cmocka_unit_test(test_lanczos),
        cmocka_unit_test(test_columns_first), cmocka_unit_test(test_vision),
        cmocka_unit_test(test_vision_small),  cmocka_unit_test(test_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
