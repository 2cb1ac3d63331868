/* RGB to Y'CbCr in every form that an encoder takes, against the standards' own numbers. */
#include "media/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/yuv.h"

enum { WIDTH = 8, HEIGHT = 4, SAMPLES = WIDTH * HEIGHT };

/* Planes of up to WIDTH x HEIGHT samples of up to 16 bits. */
struct picture {
    uint16_t samples[3][SAMPLES];
};

/* The four forms: 4:2:0 and 4:2:2 and 4:4:4 in 8 and 10 bits, and JPEG's. */
static const struct ps_planes forms[] = {
    {.log2_x = 1, .log2_y = 1, .bits = 8},
    {.log2_x = 1, .log2_y = 0, .bits = 10},
    {.log2_x = 0, .log2_y = 0, .bits = 10},
    {.log2_x = 0, .log2_y = 0, .bits = 8, .jfif = true},
};

enum { FORMS = sizeof forms / sizeof *forms };

static struct picture convert(const struct ps_planes *form, const uint8_t *rgb)
{
    uint8_t bytes[3][SAMPLES * 2];
    struct picture picture;
    struct ps_planes planes = *form;
    const int sample = form->bits == 8 ? 1 : 2;
    for (int c = 0; c < 3; c++) {
        planes.planes[c] = bytes[c];
        planes.strides[c] = (c ? WIDTH >> form->log2_x : WIDTH) * sample;
    }
    memset(bytes, 0xee, sizeof bytes);
    ps_yuv_from_rgb(&planes, rgb, (size_t)WIDTH * 3, WIDTH, HEIGHT);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SAMPLES; i++)
            picture.samples[c][i] =
                (uint16_t)(sample == 1 ? bytes[c][i] : bytes[c][2 * i] | bytes[c][2 * i + 1] << 8);
    return picture;
}

/* Straight from BT.709 or, for JPEG, BT.601, of a colour of 0 to 255. */
static void expected(double to[3], const struct ps_planes *form, const double rgb[3])
{
    const double kr = form->jfif ? 0.299 : 0.2126, kb = form->jfif ? 0.114 : 0.0722;
    const double luma = (kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]) / 255;
    const double cb = (rgb[2] / 255 - luma) / (2 * (1 - kb)), cr = (rgb[0] / 255 - luma) / (2 * (1 - kr));
    const double scale = form->bits == 10 ? 4 : 1;
    to[0] = (form->jfif ? 255 * luma : 16 + 219 * luma) * scale;
    to[1] = (128 + (form->jfif ? 255 : 224) * cb) * scale;
    to[2] = (128 + (form->jfif ? 255 : 224) * cr) * scale;
}

/* The corners of the RGB cube and greys. */
static void test_colours(void **state)
{
    (void)state;
    static const uint8_t colours[][3] = {{0, 0, 0},       {255, 255, 255}, {255, 0, 0},   {0, 255, 0},
                                         {0, 0, 255},     {255, 255, 0},   {0, 255, 255}, {255, 0, 255},
                                         {128, 128, 128}, {1, 2, 3},       {200, 100, 50}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        for (size_t f = 0; f < FORMS; f++) {
            uint8_t rgb[SAMPLES * 3];
            double wanted[3];
            for (size_t pixel = 0; pixel < SAMPLES; pixel++)
                memcpy(rgb + pixel * 3, colours[i], 3);
            const struct picture picture = convert(&forms[f], rgb);
            expected(wanted, &forms[f], (double[3]){colours[i][0], colours[i][1], colours[i][2]});
            for (int c = 0; c < 3; c++) {
                const int count = c ? SAMPLES >> (forms[f].log2_x + forms[f].log2_y) : SAMPLES;
                for (int s = 0; s < count; s++)
                    assert_true(fabs(picture.samples[c][s] - wanted[c]) <= 0.51);
            }
        }
}

/* BT.709's own numbers, so that the test does not share a mistake with its formula. */
static void test_known_colours(void **state)
{
    (void)state;
    static const struct {
        uint8_t rgb[3], yuv[3];
    } colours[] = {
        {{255, 0, 0}, {63, 102, 240}},      {{0, 255, 0}, {173, 42, 26}},
        {{0, 0, 255}, {32, 240, 118}},      {{255, 255, 0}, {219, 16, 138}},
        {{0, 255, 255}, {188, 154, 16}},    {{255, 0, 255}, {78, 214, 230}},
        {{255, 255, 255}, {235, 128, 128}}, {{128, 128, 128}, {126, 128, 128}},
    };
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        uint8_t rgb[SAMPLES * 3];
        for (size_t pixel = 0; pixel < SAMPLES; pixel++)
            memcpy(rgb + pixel * 3, colours[i].rgb, 3);
        const struct picture picture = convert(&forms[0], rgb);
        for (int c = 0; c < 3; c++)
            assert_int_equal(picture.samples[c][0], colours[i].yuv[c]);
    }
}

/* One blue column on black: its chroma goes to the samples that left-sited chroma puts it in, 1-2-1. */
static void test_siting_across(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (int column = 0; column < WIDTH; column++) {
            uint8_t rgb[SAMPLES * 3] = {0};
            for (int y = 0; y < HEIGHT; y++)
                rgb[(y * WIDTH + column) * 3 + 2] = 255;
            const struct picture picture = convert(&forms[f], rgb);
            for (int i = 0; i < WIDTH / 2; i++) {
                const int distance = abs(2 * i - column);
                const double share = distance == 0 ? (i == 0 ? 0.75 : 0.5) : distance == 1 ? 0.25 : 0;
                const double scale = forms[f].bits == 10 ? 4 : 1;
                assert_int_equal(picture.samples[1][i], (int)((128 + 112 * share) * scale + 0.5));
            }
        }
}

/* One blue row: between two rows in 4:2:0, its own in 4:2:2 and 4:4:4. */
static void test_siting_down(void **state)
{
    (void)state;
    for (size_t f = 0; f < 3; f++)
        for (int row = 0; row < HEIGHT; row++) {
            uint8_t rgb[SAMPLES * 3] = {0};
            for (int x = 0; x < WIDTH; x++)
                rgb[(row * WIDTH + x) * 3 + 2] = 255;
            const struct picture picture = convert(&forms[f], rgb);
            const int across = WIDTH >> forms[f].log2_x;
            for (int y = 0; y < HEIGHT >> forms[f].log2_y; y++) {
                const double share = forms[f].log2_y ? (row / 2 == y ? 0.5 : 0) : row == y;
                const double scale = forms[f].bits == 10 ? 4 : 1;
                assert_int_equal(picture.samples[1][y * across], (int)((128 + 112 * share) * scale + 0.5));
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_colours),
        silent_unit_test(test_known_colours),
        silent_unit_test(test_siting_across),
        silent_unit_test(test_siting_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
