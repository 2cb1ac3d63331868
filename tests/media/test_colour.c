/* Colours of photos with profiles against lcms2 (data/colour/make_colour.py), and what happens to bad profiles. */
#include "media/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "media/delta_e.h"
#include "media/photo.h"
#include "media/png_maker.h"

#define COLOUR MEDIA_DATA "colour/"

/* The published pairs of Sharma, Wu and Dalal 2005, table 1, that reach every branch. */
static void test_delta_e(void **state)
{
    (void)state;
    static const struct {
        struct lab one, two;
        double expected;
    } pairs[] = {
        {{50, 2.6772, -79.7751}, {50, 0, -82.7485}, 2.0425},
        {{50, 2.8361, -74.0200}, {50, 0, -82.7485}, 3.4412},
        {{50, 0, 0}, {50, -1, 2}, 2.3669},
        {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0009}, 7.1792},
        {{50, 2.4900, -0.0010}, {50, -2.4900, 0.0011}, 7.2195},
        {{50, 2.5, 0}, {73, 25, -18}, 27.1492},
        {{50, 2.5, 0}, {61, -5, 29}, 22.8977},
        {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
        {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (fabs(delta_e_2000(pairs[i].one, pairs[i].two) - pairs[i].expected) > 1e-4)
            fail_msg("pair %zu: %f", i, delta_e_2000(pairs[i].one, pairs[i].two));
    const uint8_t white[3] = {255, 255, 255}, red[3] = {255, 0, 0};
    assert_true(fabs(lab_of_srgb(white).l - 100) < 0.01 && fabs(lab_of_srgb(white).a) < 0.01);
    assert_true(fabs(lab_of_srgb(red).l - 53.24) < 0.01 && fabs(lab_of_srgb(red).b - 67.2) < 0.02);
}

static struct ps_photo *load(const char *name)
{
    char path[512];
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_load(&photo, join(path, COLOUR, name), NULL, &error), error);
    return photo;
}

/* The largest difference to NAME.ref.png. */
static double compare(const struct ps_photo *photo, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%.*s.ref.png", (int)strcspn(name, "."), name);
    struct ps_photo *reference = load(path);
    double largest = 0;
    assert_int_equal(ps_photo_width(photo), ps_photo_width(reference));
    assert_int_equal(ps_photo_height(photo), ps_photo_height(reference));
    for (size_t i = 0; i < (size_t)ps_photo_width(photo) * ps_photo_height(photo); i++)
        largest = fmax(largest, delta_e_2000(lab_of_srgb(ps_photo_rgb(photo) + i * 3),
                                             lab_of_srgb(ps_photo_rgb(reference) + i * 3)));
    ps_photo_free(&reference);
    return largest;
}

/* An eye can just see 1; each photo would be off by more than 5 if its profile were ignored. */
static void test_against_lcms(void **state)
{
    (void)state;
    static const char *const names[] = {"p3.png",          "p3-alpha.png",  "wide-deep.png", "grey.png",
                                        "linear-deep.png", "cicp-p3.png",   "wide.tif",      "grey-tiff.tif",
                                        "inks.tif",        "inks-deep.tif", "wide-jpeg.jpg", "grey-jpeg.jpg",
                                        "p3-webp.webp",    "cmyk.jpg",      "ycck.jpg",      "ycck420.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_photo *photo = load(names[i]);
        const double difference = compare(photo, names[i]);
        print_message("%s: CIEDE2000 %.2f at most\n", names[i], difference);
        assert_true(difference < 2);
        assert_null(ps_photo_note(photo, 0));
        ps_photo_free(&photo);
    }
}

/* A profile that says sRGB changes no byte. */
static void test_srgb_is_kept(void **state)
{
    (void)state;
    struct ps_photo *photo = load("srgb.png"), *reference = load("srgb.ref.png");
    assert_memory_equal(ps_photo_rgb(photo), ps_photo_rgb(reference),
                        (size_t)ps_photo_width(photo) * ps_photo_height(photo) * 3);
    assert_null(ps_photo_note(photo, 0));
    ps_photo_free(&photo);
    ps_photo_free(&reference);
}

/* ---- profiles that cannot be used: the pixels as they are, and a note ---- */

static struct ps_photo *decode(const struct ps_file *file, const struct ps_photo_params *params)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_decode(&photo, file, params, &error), error);
    return photo;
}

static void expect_note(const struct ps_photo *photo, const char *words)
{
    assert_non_null(ps_photo_note(photo, 0));
    if (!strstr(ps_photo_note(photo, 0), words))
        fail_msg("\"%s\" does not say \"%s\"", ps_photo_note(photo, 0), words);
    assert_null(ps_photo_note(photo, 1));
}

enum { SIDE = 8 };

/* A PNG with a chunk of any bytes after its header. */
static struct ps_file png_with(const char *type, const uint8_t *data, size_t size)
{
    enum { AFTER_HEADER = 33 };
    uint16_t samples[SIDE * SIDE * 3];
    for (size_t i = 0; i < SIDE * SIDE * 3; i++)
        samples[i] = (uint16_t)(i * 85 % 256);
    const struct png_plan plan = {
        .width = SIDE, .height = SIDE, .depth = 8, .colour = PNG_COLOR_TYPE_RGB, .samples = samples};
    struct ps_file file = make_png(&plan);
    uint8_t *at = realloc(file.bytes, file.size + size + 12);
    assert_non_null(at);
    file.bytes = at;
    at += AFTER_HEADER;
    memmove(at + size + 12, at, file.size - AFTER_HEADER);
    file.size += size + 12;
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(size >> (24 - 8 * i));
    memcpy(at + 4, type, 4);
    memcpy(at + 8, data, size);
    const uLong crc = crc32(0, at + 4, (uInt)size + 4);
    for (int i = 0; i < 4; i++)
        at[8 + size + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    return file;
}

static void expect_untouched(const struct ps_photo *photo)
{
    for (size_t i = 0; i < SIDE * SIDE * 3; i++)
        assert_int_equal(ps_photo_rgb(photo)[i], i * 85 % 256);
}

/* An iCCP chunk of `size` zeros, deflated to a thousandth. */
static struct ps_file zeros_as_profile(size_t size)
{
    uint8_t *zeros = calloc(1, size), *data = malloc(compressBound(size) + 3);
    uLongf length = compressBound(size);
    assert_true(zeros && data);
    memcpy(data, "x\0\0", 3);
    assert_int_equal(compress2(data + 3, &length, zeros, size, 9), Z_OK);
    struct ps_file file = png_with("iCCP", data, length + 3);
    free(zeros);
    free(data);
    return file;
}

/* 50 KB of PNG that would be 50 MB of profile. */
static void test_profile_bomb(void **state)
{
    (void)state;
    struct ps_file file = zeros_as_profile(50 * 1000 * 1000);
    assert_true(file.size < 60000);
    struct ps_photo *photo = decode(&file, NULL);
    expect_note(photo, "larger than 8 MB");
    expect_untouched(photo);
    ps_photo_free(&photo);
    free(file.bytes);
    file = zeros_as_profile(8 * 1000 * 1000);
    photo = decode(&file, NULL);
    expect_note(photo, "broken");
    ps_photo_free(&photo);
    free(file.bytes);
}

static void test_broken_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *note;
    } cases[] = {
#define CASE(data, note) {data, sizeof data - 1, note}
        CASE("", "damaged"),
        CASE("no end of the name", "damaged"),
        CASE("x\0", "damaged"),
        CASE("x\0\1abc", "damaged"),
        CASE("x\0\0not deflated", "damaged"),
        CASE("x\0\0\x78\xda\x03\0\0\0\0\1", "broken"), /* nothing, deflated */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file = png_with("iCCP", (const uint8_t *)cases[i].data, cases[i].size);
        struct ps_photo *photo = decode(&file, NULL);
        expect_note(photo, cases[i].note);
        expect_untouched(photo);
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

/* A real profile with one byte changed at a time, or cut: some picture and at most a note, never a failure. */
static void test_damaged_profiles(void **state)
{
    (void)state;
    const char *const names[] = {"p3.png", "grey.png"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        struct ps_file file = read_file(join(path, COLOUR, names[i]));
        size_t at = 0;
        while (memcmp(file.bytes + at, "iCCP", 4))
            at++;
        uint8_t profile[8192];
        const uint8_t *chunk = file.bytes + at;
        uLongf size = sizeof profile;
        const size_t length = (size_t)chunk[-2] << 8 | chunk[-1];
        assert_int_equal(uncompress(profile, &size, chunk + 4 + 6, length - 6), Z_OK);
        for (size_t byte = 0; byte < size; byte += byte < 256 ? 1 : 7) {
            uint8_t packed[9000] = "x\0\0";
            uLongf packed_size = sizeof packed - 3;
            profile[byte] ^= 0x55;
            compress2(packed + 3, &packed_size, profile, size, 1);
            profile[byte] ^= 0x55;
            struct ps_file damaged = png_with("iCCP", packed, packed_size + 3);
            struct ps_photo *photo = decode(&damaged, NULL);
            assert_null(ps_photo_note(photo, 1));
            ps_photo_free(&photo);
            free(damaged.bytes);
        }
        free(file.bytes);
    }
}

/* A profile for grey on colours, for inks on colours, for colours on inks. */
static void test_wrong_channels(void **state)
{
    (void)state;
    char path[512];
    static const struct {
        const char *name;
        uint32_t to; /* the profile's colour space in its header, changed to */
        bool refused;
    } cases[] = {{"wide.tif", 0x47524159 /* GRAY */, false},
                 {"wide.tif", 0x434d594b /* CMYK */, false},
                 {"inks.tif", 0x52474220 /* RGB */, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file = read_file(join(path, COLOUR, cases[i].name));
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        size_t at = 0;
        while (memcmp(file.bytes + at, "acsp", 4))
            at++;
        for (size_t byte = 0; byte < 4; byte++)
            file.bytes[at - 20 + byte] = (uint8_t)(cases[i].to >> (24 - 8 * byte));
        const enum ps_status status = ps_photo_decode(&photo, &file, NULL, &error);
        if (cases[i].refused)
            assert_error(&error, PS_ERR_INPUT, "image.cmyk");
        else
            assert_true(!status && ps_photo_note(photo, 0));
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

/* ---- inks without a profile ---- */

static void test_inks_alone(void **state)
{
    (void)state;
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    ps_photo_load(&photo, MEDIA_DATA "cmyk.jpg", NULL, &error);
    assert_error(&error, PS_ERR_INPUT, "image.cmyk");
    assert_non_null(strstr(error.hint, "--assume-cmyk"));
    assert_null(photo);
    /* Pillow made it of jpeg444 with K = 0, so that the plain conversion gives that back. */
    struct ps_photo *reference = NULL;
    const struct ps_photo_params assume = {.assume_cmyk = true};
    error = (struct ps_error){0};
    assert_ok(ps_photo_load(&photo, MEDIA_DATA "cmyk.jpg", &assume, &error), error);
    assert_ok(ps_photo_load(&reference, MEDIA_DATA "jpeg444.png", NULL, &error), error);
    expect_note(photo, "rough");
    const size_t count = (size_t)ps_photo_width(photo) * ps_photo_height(photo) * 3;
    assert_true(mean_difference(ps_photo_rgb(photo), ps_photo_rgb(reference), count) < 3);
    ps_photo_free(&photo);
    ps_photo_free(&reference);
}

/* ---- a profile in the segments of a JPEG ---- */

enum { SEGMENTS = 3, APP2_HEADER = 18 };

/* wide-jpeg.jpg with its profile cut into three segments in this order, numbered so, of which `stated` are stated. */
static struct ps_file split_profile(const int order[SEGMENTS], const int numbers[SEGMENTS], int count,
                                    int stated)
{
    char path[512];
    struct ps_file whole = read_file(join(path, COLOUR, "wide-jpeg.jpg")), file = {.name = "split.jpg"};
    size_t at = 0;
    while (memcmp(whole.bytes + at, "ICC_PROFILE", 12))
        at++;
    at -= 4;
    const size_t length = ((size_t)whole.bytes[at + 2] << 8 | whole.bytes[at + 3]) - 16;
    const uint8_t *profile = whole.bytes + at + APP2_HEADER;
    file.bytes = malloc(whole.size + SEGMENTS * APP2_HEADER);
    memcpy(file.bytes, whole.bytes, at);
    file.size = at;
    for (int i = 0; i < count; i++) {
        const size_t first = length * (size_t)order[i] / SEGMENTS,
                     end = length * ((size_t)order[i] + 1) / SEGMENTS;
        const size_t size = end - first + 16;
        uint8_t *segment = file.bytes + file.size;
        memcpy(segment, "\xff\xe2\0\0ICC_PROFILE", 16);
        segment[2] = (uint8_t)(size >> 8);
        segment[3] = (uint8_t)size;
        segment[16] = (uint8_t)numbers[i];
        segment[17] = (uint8_t)stated;
        memcpy(segment + APP2_HEADER, profile + first, end - first);
        file.size += size + 2;
    }
    const size_t rest = at + APP2_HEADER + length;
    memcpy(file.bytes + file.size, whole.bytes + rest, whole.size - rest);
    file.size += whole.size - rest;
    free(whole.bytes);
    return file;
}

static void test_profile_in_segments(void **state)
{
    (void)state;
    static const struct {
        int order[SEGMENTS], numbers[SEGMENTS], count, stated;
        bool sound;
    } cases[] = {
        {{0, 1, 2}, {1, 2, 3}, 3, 3, true},  {{2, 0, 1}, {3, 1, 2}, 3, 3, true},
        {{0, 1, 2}, {1, 2, 2}, 3, 3, false}, {{0, 1, 0}, {1, 2, 0}, 2, 3, false},
        {{0, 1, 2}, {0, 1, 2}, 3, 3, false}, {{0, 1, 2}, {1, 2, 4}, 3, 3, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file =
            split_profile(cases[i].order, cases[i].numbers, cases[i].count, cases[i].stated);
        struct ps_photo *photo = decode(&file, NULL);
        if (cases[i].sound)
            assert_true(compare(photo, "wide-jpeg.jpg") < 2);
        else
            expect_note(photo, "damaged");
        ps_photo_free(&photo);
        free(file.bytes);
    }
}

/* ---- what PNG says in chunks of its own ---- */

static void test_png_chunks(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data;
        size_t size;
        bool changes;
    } cases[] = {
#define CHUNK(type, data, changes) {type, data, sizeof data - 1, changes}
        CHUNK("cICP", "\x0c\x0d\0\1", true),  /* Display P3 */
        CHUNK("cICP", "\x09\x0d\0\1", true),  /* BT.2020 */
        CHUNK("cICP", "\x01\x0d\0\1", false), /* sRGB */
        CHUNK("cICP", "\x0c\x0d\1\1", false), /* Y'CbCr, which no PNG has */
        CHUNK("cICP", "\x63\x0d\0\1", false), /* no such primaries */
        CHUNK("cICP", "\x0c\x0d\0", false),   CHUNK("gAMA", "\0\1\x86\xa0", false), /* 1, without primaries */
        CHUNK("sRGB", "\0", false),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file = png_with(cases[i].type, (const uint8_t *)cases[i].data, cases[i].size);
        struct ps_photo *photo = decode(&file, NULL);
        bool changed = false;
        for (size_t j = 0; j < SIDE * SIDE * 3; j++)
            changed = changed || ps_photo_rgb(photo)[j] != j * 85 % 256;
        if (changed != cases[i].changes)
            fail_msg("%s of case %zu: %schanged", cases[i].type, i, changed ? "" : "not ");
        ps_photo_free(&photo);
        free(file.bytes);
    }
    struct ps_file hdr = png_with("cICP", (const uint8_t *)"\x09\x10\0\1", 4);
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    ps_photo_decode(&photo, &hdr, NULL, &error);
    assert_error(&error, PS_ERR_INPUT, "image.unsupported");
    free(hdr.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_delta_e),
        silent_unit_test(test_against_lcms),
        silent_unit_test(test_srgb_is_kept),
        silent_unit_test(test_profile_bomb),
        silent_unit_test(test_broken_profiles),
        silent_unit_test(test_damaged_profiles),
        silent_unit_test(test_wrong_channels),
        silent_unit_test(test_inks_alone),
        silent_unit_test(test_profile_in_segments),
        silent_unit_test(test_png_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
