/* TIFF and BMP of every kind against their samples, compressed TIFFs against Pillow, and the kinds that are refused. */
#include "media/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/container_maker.h"
#include "media/photo.h"
#include "media/scan.h"

enum { WIDTH = 13, HEIGHT = 9, PIXELS = WIDTH * HEIGHT };

static struct ps_photo *decode(const struct ps_file *file, const struct ps_photo_params *params)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_decode(&photo, file, params, &error), error);
    return photo;
}

static void expect_refusal(const struct ps_file *file, const char *id)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    ps_photo_decode(&photo, file, NULL, &error);
    assert_null(photo);
    assert_error(&error, PS_ERR_INPUT, id);
}

static void fill_samples(uint16_t *samples, size_t count, uint32_t depth)
{
    uint32_t state = 4711;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (uint16_t)(state >> (32 - depth));
    }
}

static int eight_bits(uint32_t value, uint32_t depth)
{
    const uint32_t top = (1u << depth) - 1;
    return (int)((value * 255 * 2 + top) / (top * 2));
}

static int on_white(int over, int alpha)
{
    return (over * alpha * 2 + 255 * (255 - alpha) * 2 + 255) / (2 * 255);
}

/* ---- TIFF ---- */

static void expected_pixel(int pixel[4], const struct tiff_plan *plan, const uint16_t *sample)
{
    const uint32_t depth = plan->depth, top = (1u << depth) - 1;
    const bool grey = plan->photometric <= TIFF_BLACK_IS_ZERO;
    const bool alpha = plan->extra == TIFF_STRAIGHT || plan->extra == TIFF_PREMULTIPLIED;
    const uint32_t a = alpha ? sample[plan->channels - 1] : top;
    pixel[3] = eight_bits(a, depth);
    for (uint32_t c = 0; c < 3; c++) {
        const uint32_t value = sample[grey ? 0 : c];
        if (plan->photometric == TIFF_PALETTE)
            pixel[c] = plan->palette[c * (1u << depth) + sample[0]] >> 8;
        else if (plan->photometric == TIFF_CMYK)
            pixel[c] = (int)(((uint64_t)(top - value) * (top - sample[3]) * 510 + (uint64_t)top * top) /
                             ((uint64_t)top * top * 2));
        else
            pixel[c] = eight_bits(plan->photometric == TIFF_WHITE_IS_ZERO ? top - value : value, depth);
        if (plan->extra == TIFF_PREMULTIPLIED)
            pixel[c] = !pixel[3] ? 0 : pixel[c] >= pixel[3] ? 255 : (pixel[c] * 510 / pixel[3] + 1) / 2;
    }
}

/* Premultiplied colours may be off by one: they are rounded to 8 bits first. */
static void check_tiff(const struct tiff_plan *plan)
{
    struct ps_file file = make_tiff(plan);
    const struct ps_photo_params params = {.assume_cmyk = true};
    struct ps_photo *photo = decode(&file, &params);
    assert_int_equal(ps_photo_width(photo), plan->width);
    assert_int_equal(ps_photo_height(photo), plan->height);
    const uint8_t *alpha = ps_photo_alpha(photo);
    for (size_t i = 0; i < PIXELS; i++) {
        int pixel[4];
        expected_pixel(pixel, plan, plan->samples + i * plan->channels);
        assert_int_equal(alpha ? alpha[i] : 255, pixel[3]);
        for (size_t c = 0; c < 3; c++) {
            const int expected = on_white(pixel[c], pixel[3]), found = ps_photo_rgb(photo)[i * 3 + c];
            if (abs(expected - found) > (plan->extra == TIFF_PREMULTIPLIED))
                fail_msg("photometric %d, depth %u, %u channels, extra %d, %s, %s: pixel %zu, channel %zu: "
                         "expected %d, found %d",
                         plan->photometric, plan->depth, plan->channels, plan->extra,
                         plan->big_endian ? "MM" : "II", plan->planar ? "planar" : "chunky", i, c, expected,
                         found);
        }
    }
    ps_photo_free(&photo);
    free(file.bytes);
}

static void test_tiff_kinds(void **state)
{
    (void)state;
    static const struct {
        int photometric, extra;
        uint32_t channels, depths[6];
        bool planar;
    } kinds[] = {
        {TIFF_WHITE_IS_ZERO, TIFF_NO_EXTRA, 1, {1, 2, 4, 8, 16}, false},
        {TIFF_BLACK_IS_ZERO, TIFF_NO_EXTRA, 1, {1, 2, 4, 8, 16}, false},
        {TIFF_BLACK_IS_ZERO, TIFF_STRAIGHT, 2, {8, 16}, false},
        {TIFF_RGB, TIFF_NO_EXTRA, 3, {8, 16}, false},
        {TIFF_RGB, TIFF_NO_EXTRA, 3, {8, 16}, true},
        {TIFF_RGB, TIFF_STRAIGHT, 4, {8, 16}, false},
        {TIFF_RGB, TIFF_STRAIGHT, 4, {8, 16}, true},
        {TIFF_RGB, TIFF_UNSPECIFIED, 4, {8, 16}, false},
        {TIFF_RGB, TIFF_PREMULTIPLIED, 4, {8, 16}, false},
        {TIFF_PALETTE, TIFF_NO_EXTRA, 1, {1, 2, 4, 8}, false},
        {TIFF_CMYK, TIFF_NO_EXTRA, 4, {8, 16}, false},
        {TIFF_CMYK, TIFF_NO_EXTRA, 4, {8, 16}, true},
    };
    uint16_t samples[PIXELS * 4], palette[3 * 256];
    fill_samples(palette, 3 * 256, 16);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (const uint32_t *depth = kinds[kind].depths; *depth; depth++)
            for (int variant = 0; variant < 4; variant++) {
                fill_samples(samples, PIXELS * 4, *depth);
                /* A premultiplied colour is not above its alpha. */
                for (size_t i = 0; kinds[kind].extra == TIFF_PREMULTIPLIED && i < PIXELS * 4; i++)
                    if (samples[i] > samples[i / 4 * 4 + 3])
                        samples[i] = samples[i / 4 * 4 + 3];
                const struct tiff_plan plan = {
                    .width = WIDTH,
                    .height = HEIGHT,
                    .depth = *depth,
                    .channels = kinds[kind].channels,
                    .photometric = kinds[kind].photometric,
                    .extra = kinds[kind].extra,
                    .planar = kinds[kind].planar,
                    .big_endian = variant & 1,
                    .rows = variant & 2 ? 4 : 0,
                    .samples = samples,
                    .palette = kinds[kind].photometric == TIFF_PALETTE ? palette : NULL,
                };
                check_tiff(&plan);
            }
}

static struct tiff_plan plain_tiff(void)
{
    static uint16_t samples[PIXELS * 3];
    fill_samples(samples, PIXELS * 3, 8);
    return (struct tiff_plan){.width = WIDTH,
                              .height = HEIGHT,
                              .depth = 8,
                              .channels = 3,
                              .photometric = TIFF_RGB,
                              .extra = TIFF_NO_EXTRA,
                              .samples = samples};
}

/* Where EXIF 2.32 puts stored pixel (x, y). */
static size_t upright_index(unsigned orientation, size_t x, size_t y)
{
    const size_t right = WIDTH - 1 - x, bottom = HEIGHT - 1 - y;
    const size_t places[9][2] = {{x, y}, {x, y},      {right, y},      {right, bottom}, {x, bottom},
                                 {y, x}, {bottom, x}, {bottom, right}, {y, right}};
    return places[orientation][1] * (orientation >= 5 ? HEIGHT : WIDTH) + places[orientation][0];
}

static void test_tiff_orientation(void **state)
{
    (void)state;
    struct tiff_plan plan = plain_tiff();
    for (uint16_t orientation = 0; orientation <= 9; orientation++) {
        const unsigned meant = orientation >= 1 && orientation <= 8 ? orientation : 1;
        plan.orientation = orientation;
        struct ps_file file = make_tiff(&plan);
        struct ps_photo *photo = decode(&file, NULL);
        assert_int_equal(ps_photo_width(photo), meant >= 5 ? HEIGHT : WIDTH);
        for (size_t i = 0; i < PIXELS; i++)
            for (size_t c = 0; c < 3; c++)
                assert_int_equal(ps_photo_rgb(photo)[upright_index(meant, i % WIDTH, i / WIDTH) * 3 + c],
                                 plan.samples[i * 3 + c]);
        assert_null(ps_photo_note(photo, 0));
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

static void test_tiff_refused(void **state)
{
    (void)state;
    static const struct {
        struct tiff_field field;
        const char *says;
    } cases[] = {
        {{322, 16}, "tiles"},          {{259, 7}, "JPEG"},           {{259, 6}, "JPEG"},
        {{259, 34712}, "compression"}, {{317, 3}, "predictor"},      {{339, 3}, "floating-point"},
        {{262, 32803}, "camera raw"},  {{262, 34892}, "camera raw"}, {{50706, 1}, "camera raw"},
        {{254, 1}, "camera raw"},      {{262, 8}, "pixels"},         {{332, 2}, "inks"},
        {{277, 5}, "pixels"},          {{258, 32}, "pixels"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tiff_plan plan = plain_tiff();
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        plan.field = cases[i].field;
        struct ps_file file = make_tiff(&plan);
        ps_photo_decode(&photo, &file, NULL, &error);
        assert_error(&error, PS_ERR_INPUT, "image.unsupported");
        if (!strstr(error.message, cases[i].says))
            fail_msg("tag %u: %s", cases[i].field.tag, error.message);
        assert_non_null(strstr(error.hint, "PNG, JPEG or TIFF"));
        free(file.bytes);
    }
}

/* A second page is refused; a thumbnail and a mask are none; a chain that never ends is not followed for ever. */
static void test_tiff_pages(void **state)
{
    (void)state;
    struct tiff_plan plan = plain_tiff();
    plan.pages = 1;
    struct ps_file file = make_tiff(&plan);
    expect_refusal(&file, "image.unsupported");
    free(file.bytes);
    plan.page_kind = 2; /* a page of several, as such */
    file = make_tiff(&plan);
    expect_refusal(&file, "image.unsupported");
    free(file.bytes);
    for (plan.page_kind = 1; plan.page_kind <= 4; plan.page_kind += 3) {
        plan.pages = 2;
        file = make_tiff(&plan);
        struct ps_photo *photo = decode(&file, NULL);
        ps_photo_free(&photo);
        /* The last directory names itself as the next. */
        const size_t fields = 10 + 1, last = file.size - 2 - fields * 12 - 4;
        for (size_t i = 0; i < 4; i++)
            file.bytes[file.size - 4 + i] = (uint8_t)(last >> 8 * i);
        photo = decode(&file, NULL);
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

/* Strips and lists that lie outside, directories that do not end. */
static void test_tiff_wild_offsets(void **state)
{
    (void)state;
    static const struct {
        struct tiff_field field;
        const char *id;
    } cases[] = {
        {{273, 0xfffffff0}, "image.truncated"},
        {{279, 0xfffffff0}, "image.truncated"},
        {{256, 0xffffffff}, "image.too-large"},
        {{257, 20000}, "image.too-large"},
        {{256, 0}, "image.damaged"},
        {{257, 10}, "image.damaged"}, /* a row more than there is */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tiff_plan plan = plain_tiff();
        plan.field = cases[i].field;
        struct ps_file file = make_tiff(&plan);
        expect_refusal(&file, cases[i].id);
        free(file.bytes);
    }
}

static void test_compressed_tiffs(void **state)
{
    (void)state;
    static const char *const names[] = {"tiff-lzw", "tiff-deflate", "tiff-packbits", "tiff-group4",
                                        "tiff-palette"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct ps_photo *photo = NULL, *reference = NULL;
        struct ps_error error = {0};
        snprintf(path, sizeof path, MEDIA_DATA "%s.tif", names[i]);
        assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
        snprintf(path, sizeof path, MEDIA_DATA "%s.png", names[i]);
        assert_ok(ps_photo_load(&reference, path, NULL, &error), error);
        assert_int_equal(ps_photo_width(photo), ps_photo_width(reference));
        assert_int_equal(ps_photo_height(photo), ps_photo_height(reference));
        assert_memory_equal(ps_photo_rgb(photo), ps_photo_rgb(reference),
                            (size_t)ps_photo_width(photo) * ps_photo_height(photo) * 3);
        ps_photo_free(&photo);
        ps_photo_free(&reference);
    }
    struct ps_file file = read_file(MEDIA_DATA "tiff-jpeg.tif");
    expect_refusal(&file, "image.unsupported");
    free(file.bytes);
    file = read_file(MEDIA_DATA "tiff-pages.tif");
    expect_refusal(&file, "image.unsupported");
    free(file.bytes);
}

/* ---- BMP ---- */

/* The low bits of a mask, rounded to 8. */
static int channel(uint32_t sample, uint32_t mask)
{
    const uint32_t low = mask & (0 - mask), top = mask / low;
    return (int)(((sample & mask) / low * 255 * 2 + top) / (top * 2));
}

static void check_bmp(struct bmp_plan *plan, const uint32_t masks[4])
{
    uint32_t samples[PIXELS];
    uint32_t state = 99;
    for (size_t i = 0; i < PIXELS; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = plan->depth == 32 ? state : state >> (32 - plan->depth);
    }
    plan->width = WIDTH;
    plan->height = HEIGHT;
    plan->samples = samples;
    struct ps_file file = make_bmp(plan);
    struct ps_photo *photo = decode(&file, NULL);
    assert_int_equal(ps_photo_width(photo), WIDTH);
    assert_int_equal(ps_photo_height(photo), HEIGHT);
    for (size_t i = 0; i < PIXELS; i++) {
        const uint32_t sample = plan->palette ? plan->palette[samples[i]] : samples[i];
        const int alpha = masks[3] ? channel(sample, masks[3]) : 255;
        for (size_t c = 0; c < 3; c++) {
            const int expected = on_white(channel(sample, masks[c]), alpha),
                      found = ps_photo_rgb(photo)[i * 3 + c];
            if (expected != found)
                fail_msg("depth %u, header %u: pixel %zu, channel %zu: expected %d, found %d", plan->depth,
                         plan->header, i, c, expected, found);
        }
    }
    ps_photo_free(&photo);
    free(file.bytes);
}

static void test_bmp_kinds(void **state)
{
    (void)state;
    static const uint32_t rgb[4] = {0xff0000, 0xff00, 0xff}, rgba[4] = {0xff0000, 0xff00, 0xff, 0xff000000};
    static const uint32_t swapped[4] = {0xff, 0xff00, 0xff0000, 0xff000000};
    static const uint32_t fives[4] = {0x7c00, 0x3e0, 0x1f}, sixes[4] = {0xf800, 0x7e0, 0x1f};
    uint32_t palette[256];
    for (uint32_t i = 0; i < 256; i++)
        palette[i] = i * 0x1f3d57 & 0xffffff;
    static const struct {
        uint32_t depth, header;
        const uint32_t *masks, *stated;
        bool palette;
    } kinds[] = {
        {1, 40, rgb, NULL, true},       {4, 40, rgb, NULL, true},           {8, 40, rgb, NULL, true},
        {8, 12, rgb, NULL, true},       {8, 124, rgb, NULL, true},          {24, 40, rgb, NULL, false},
        {24, 12, rgb, NULL, false},     {16, 40, fives, NULL, false},       {16, 40, sixes, sixes, false},
        {16, 108, fives, fives, false}, {32, 40, rgb, NULL, false}, /* the fourth byte means nothing */
        {32, 40, rgb, rgb, false},      {32, 108, rgba, rgba, false},       {32, 124, rgba, rgba, false},
        {32, 124, rgb, rgb, false},     {32, 124, swapped, swapped, false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int top_down = 0; top_down < (kinds[i].header == 12 ? 1 : 2); top_down++) {
            struct bmp_plan plan = {.depth = kinds[i].depth,
                                    .header = kinds[i].header,
                                    .top_down = top_down,
                                    .masks = kinds[i].stated,
                                    .palette = kinds[i].palette ? palette : NULL};
            check_bmp(&plan, kinds[i].masks);
        }
}

static struct ps_file plain_bmp(void)
{
    uint32_t samples[PIXELS];
    for (uint32_t i = 0; i < PIXELS; i++)
        samples[i] = i * 0x1f3d57 & 0xffffff;
    const struct bmp_plan plan = {
        .width = WIDTH, .height = HEIGHT, .depth = 24, .header = 40, .samples = samples};
    return make_bmp(&plan);
}

static void test_bmp_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        const char *id;
    } cases[] = {
        {30, 1, "image.unsupported"},                                 /* run-length coded */
        {30, 4, "image.unsupported"},                                 /* JPEG inside */
        {28, 48, "image.unsupported"},                                /* 48 bits */
        {14, 52, "image.unsupported"}, {14, 16, "image.unsupported"}, /* headers */
        {18, 0, "image.damaged"},                                     /* width 0 */
        {21, 0x80, "image.too-large"},                                /* a negative width */
        {19, 1, "image.truncated"},                                   /* wider than there are pixels */
        {25, 0x40, "image.too-large"}, {11, 1, "image.truncated"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file = plain_bmp();
        file.bytes[cases[i].at] = cases[i].value;
        expect_refusal(&file, cases[i].id);
        free(file.bytes);
    }
}

/* ---- both ---- */

static void cut_everywhere(struct ps_file file, size_t whole)
{
    for (size_t size = 18; size < whole; size++) {
        struct ps_file part = {.name = "x", .bytes = malloc(size), .size = size};
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        memcpy(part.bytes, file.bytes, size);
        ps_photo_decode(&photo, &part, NULL, &error);
        assert_null(photo);
        assert_error(&error, PS_ERR_INPUT, "image.truncated");
        free(part.bytes);
    }
    free(file.bytes);
}

static void test_cut(void **state)
{
    (void)state;
    const struct tiff_plan plan = plain_tiff();
    struct ps_file tiff = make_tiff(&plan), bmp = plain_bmp();
    cut_everywhere(tiff, tiff.size);
    cut_everywhere(bmp, bmp.size);
}

/* Every byte but the samples damaged in turn: an error or a picture, never anything else. */
static void flip_bytes(struct ps_file file, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct ps_photo *photo = NULL;
            struct ps_error error = {0};
            file.bytes[at] ^= (uint8_t)(1 << bit);
            const enum ps_status status = ps_photo_decode(&photo, &file, NULL, &error);
            assert_true(status ? !photo && error.message[0] && status == PS_ERR_INPUT
                               : photo && !error.status);
            ps_photo_free(&photo);
            file.bytes[at] ^= (uint8_t)(1 << bit);
        }
    free(file.bytes);
}

static void test_flipped_bits(void **state)
{
    (void)state;
    enum { BMP_HEADERS = 54 };
    const struct tiff_plan plan = plain_tiff();
    const struct ps_file tiff = make_tiff(&plan);
    flip_bytes(tiff, 8 + PIXELS * 3, tiff.size);
    flip_bytes(plain_bmp(), 0, BMP_HEADERS);
}

/* ---- orientation in the containers that Pillow writes ---- */

static struct ps_photo *load(const char *name)
{
    char path[512];
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&photo, join(path, MEDIA_DATA, name), NULL, &error), error);
    return photo;
}

/* The same file with another number in its EXIF: every turn of it is the same picture. */
static void check_orientations(const char *name)
{
    char path[512];
    struct ps_file file = read_file(join(path, MEDIA_DATA, name));
    static const uint8_t field[] = {0x01, 0x12, 0, 3, 0, 0, 0, 1, 0},
                         little[] = {0x12, 0x01, 3, 0, 1, 0, 0, 0};
    uint8_t *at = memmem(file.bytes, file.size, field, sizeof field);
    size_t length = sizeof field;
    if (!at) {
        at = memmem(file.bytes, file.size, little, sizeof little);
        length = sizeof little;
    }
    assert_non_null(at);
    at += length;
    *at = 1;
    struct ps_photo *stored = decode(&file, NULL);
    const uint32_t width = ps_photo_width(stored), height = ps_photo_height(stored);
    for (uint8_t orientation = 0; orientation <= 9; orientation++) {
        const unsigned meant = orientation >= 1 && orientation <= 8 ? orientation : 1;
        *at = orientation;
        struct ps_photo *photo = decode(&file, NULL);
        assert_int_equal(ps_photo_width(photo), meant >= 5 ? height : width);
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < width; x++) {
                const size_t right = width - 1 - x, bottom = height - 1 - y;
                const size_t places[9][2] = {{x, y},          {x, y},          {right, y},
                                             {right, bottom}, {x, bottom},     {y, x},
                                             {bottom, x},     {bottom, right}, {y, right}};
                const size_t to = places[meant][1] * ps_photo_width(photo) + places[meant][0];
                assert_memory_equal(ps_photo_rgb(photo) + to * 3, ps_photo_rgb(stored) + (y * width + x) * 3,
                                    3);
            }
        ps_photo_free(&photo);
    }
    ps_photo_free(&stored);
    free(file.bytes);
}

static void test_orientation_of_jpeg_and_webp(void **state)
{
    (void)state;
    check_orientations("jpeg-turned.jpg");
    check_orientations("webp-turned.webp");
}

/* ---- names and notes ---- */

static void test_wrong_name(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_file file = read_file(MEDIA_DATA "jpeg420.jpg");
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    write_file(join(path, folder, "shoe.PNG"), file.bytes, file.size);
    assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
    assert_string_equal(ps_photo_note(photo, 0), "it is a JPEG, whatever its name says");
    assert_null(ps_photo_note(photo, 1));
    ps_photo_free(&photo);
    write_file(join(path, folder, "shoe.jpe"), file.bytes, file.size);
    assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
    assert_null(ps_photo_note(photo, 0));
    ps_photo_free(&photo);
    free(file.bytes);
    folder_remove(folder);
    photo = load("jpeg-turned.jpg");
    assert_null(ps_photo_note(photo, 0));
    ps_photo_free(&photo);
}

static void test_damaged_exif_is_noted(void **state)
{
    (void)state;
    struct ps_file file = read_file(MEDIA_DATA "jpeg-turned.jpg");
    uint8_t *exif = memmem(file.bytes, file.size, "Exif\0", 6);
    assert_non_null(exif);
    memset(exif + 6 + 4, 0xff, 4); /* where the first directory is */
    struct ps_photo *photo = decode(&file, NULL);
    assert_string_equal(ps_photo_note(photo, 0), "its EXIF data is damaged and was ignored");
    ps_photo_free(&photo);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_tiff_kinds),
        silent_unit_test(test_tiff_orientation),
        silent_unit_test(test_tiff_refused),
        silent_unit_test(test_tiff_pages),
        silent_unit_test(test_tiff_wild_offsets),
        silent_unit_test(test_compressed_tiffs),
        silent_unit_test(test_bmp_kinds),
        silent_unit_test(test_bmp_refused),
        silent_unit_test(test_cut),
        silent_unit_test(test_flipped_bits),
        silent_unit_test(test_orientation_of_jpeg_and_webp),
        silent_unit_test(test_wrong_name),
        silent_unit_test(test_damaged_exif_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
