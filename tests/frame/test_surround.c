/* Surroundings: what is inside stays, the seam does not show, and far out nothing sharp is left. */
#include "base/suite.h"

#include <stdlib.h>
#include <string.h>

#include "frame/surround.h"

static uint8_t *surrounded(struct ps_size frame, struct ps_rect inner, const uint8_t *picture)
{
    struct ps_surround *surround = NULL;
    struct ps_error error = {0};
    uint8_t *rgb = malloc((size_t)frame.width * frame.height * 3);
    assert_non_null(rgb);
    memset(rgb, 0x99, (size_t)frame.width * frame.height * 3);
    for (size_t y = 0; y < inner.height; y++)
        memcpy(rgb + ((inner.top + y) * frame.width + inner.left) * 3, picture + y * inner.width * 3,
               inner.width * 3);
    assert_int_equal(ps_surround_new(&surround, frame, inner, &error), PS_OK);
    ps_surround_fill(surround, rgb);
    ps_surround_free(&surround);
    assert_null(surround);
    return rgb;
}

/* Stripes of eight columns, black and white, with the row in the green. */
static uint8_t *stripes(uint32_t width, uint32_t height)
{
    uint8_t *picture = malloc((size_t)width * height * 3), *to = picture;
    assert_non_null(picture);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, to += 3) {
            to[0] = to[2] = x / 8 % 2 ? 255 : 0;
            to[1] = (uint8_t)(y % 256);
        }
    return picture;
}

static void test_inside_is_untouched(void **state)
{
    (void)state;
    const struct ps_size frame = {90, 70};
    const struct ps_rect inner = {20, 11, 41, 43};
    uint8_t *picture = stripes(inner.width, inner.height), *rgb = surrounded(frame, inner, picture);
    for (size_t y = 0; y < inner.height; y++)
        assert_memory_equal(rgb + ((inner.top + y) * frame.width + inner.left) * 3,
                            picture + y * inner.width * 3, inner.width * 3);
    free(picture);
    free(rgb);
}

/* One colour stays exactly that colour everywhere, at any geometry: no level drifts and nothing is left out. */
static void test_one_colour(void **state)
{
    (void)state;
    static const struct {
        struct ps_size frame;
        struct ps_rect inner;
    } cases[] = {{{64, 64}, {0, 20, 64, 7}},   {{64, 64}, {63, 0, 1, 64}},   {{300, 20}, {150, 9, 1, 1}},
                 {{400, 30}, {90, 0, 33, 30}}, {{17, 400}, {0, 399, 17, 1}}, {{50, 50}, {0, 0, 50, 50}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ps_size frame = cases[i].frame;
        const size_t pixels = (size_t)cases[i].inner.width * cases[i].inner.height;
        uint8_t *picture = malloc(pixels * 3);
        for (size_t p = 0; p < pixels; p++)
            memcpy(picture + 3 * p, "\x07\xfe\xff", 3);
        uint8_t *rgb = surrounded(frame, cases[i].inner, picture);
        for (size_t p = 0; p < (size_t)frame.width * frame.height; p++)
            assert_memory_equal(rgb + 3 * p, "\x07\xfe\xff", 3);
        free(picture);
        free(rgb);
    }
}

/* A ramp goes on without a jump, and comes back as a mirror image that slows down: a third of the picture is
 * as deep as it looks. */
static void test_no_seam(void **state)
{
    (void)state;
    enum { SIZE = 120, OUT = 100, FIRST = 20, LAST = FIRST + SIZE - 1 };
    const struct ps_size frame = {SIZE + 2 * OUT, SIZE};
    const struct ps_rect inner = {OUT, 0, SIZE, SIZE};
    uint8_t *picture = malloc(SIZE * SIZE * 3);
    for (size_t i = 0; i < SIZE * SIZE; i++)
        memset(picture + 3 * i, (int)(FIRST + i % SIZE), 3);
    uint8_t *rgb = surrounded(frame, inner, picture);
    const uint8_t *row = rgb + (size_t)SIZE / 2 * frame.width * 3;
    for (size_t x = 0; x + 1 < frame.width; x++)
        assert_true(abs(row[3 * x + 3] - row[3 * x]) <= 2);
    for (int out = 1; out <= OUT; out++) {
        const int left = row[3 * (OUT - out)], right = row[3 * (OUT + SIZE - 1 + out)];
        /* Blur pulls towards the picture's mean by up to a quarter of its own width. */
        assert_true(left >= FIRST && left <= FIRST + out + 1 + out / 4);
        assert_true(right <= LAST && right >= LAST - out - 1 - out / 4);
        assert_true(left <= FIRST + SIZE / 3 + SIZE / 4 && right >= LAST - SIZE / 3 - SIZE / 4);
    }
    assert_true(row[3 * (OUT - 10)] >= FIRST + 6 && row[3 * (OUT - 60)] >= FIRST + 20);
    assert_true(row[3 * (OUT + SIZE + 9)] <= LAST - 6 && row[3 * (OUT + SIZE + 59)] <= LAST - 20);
    free(picture);
    free(rgb);
}

/* Largest difference between neighbours of a row in red. */
static int contrast(const uint8_t *row, size_t from, size_t to)
{
    int most = 0;
    for (size_t x = from; x + 1 < to; x++) {
        const int difference = abs(row[3 * x + 3] - row[3 * x]);
        most = difference > most ? difference : most;
    }
    return most;
}

static void test_blur_grows(void **state)
{
    (void)state;
    const struct ps_size frame = {600, 64};
    const struct ps_rect inner = {200, 0, 200, 64};
    uint8_t *picture = stripes(inner.width, inner.height), *rgb = surrounded(frame, inner, picture);
    const uint8_t *row = rgb + (size_t)30 * frame.width * 3;
    assert_int_equal(contrast(row, 200, 400), 255);
    const int near = contrast(row, 185, 200), out = contrast(row, 165, 185), far = contrast(row, 0, 100);
    if (near <= out || out <= far || near < 20 || far > 2)
        fail_msg("contrast is %d near the edge, %d farther out and %d far out", near, out, far);
    free(picture);
    free(rgb);
}

/* Filling twice gives the same: nothing of a frame is kept for the next. */
static void test_frames_are_independent(void **state)
{
    (void)state;
    const struct ps_size frame = {80, 40};
    const struct ps_rect inner = {20, 0, 40, 40};
    const size_t size = (size_t)frame.width * frame.height * 3;
    uint8_t *picture = stripes(inner.width, inner.height), *rgb = surrounded(frame, inner, picture);
    struct ps_surround *surround = NULL;
    struct ps_error error = {0};
    uint8_t *other = malloc(size);
    assert_int_equal(ps_surround_new(&surround, frame, inner, &error), PS_OK);
    memset(other, 200, size);
    ps_surround_fill(surround, other);
    memcpy(other, rgb, size);
    ps_surround_fill(surround, other);
    assert_memory_equal(other, rgb, size);
    ps_surround_free(&surround);
    free(other);
    free(picture);
    free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside_is_untouched),
        cmocka_unit_test(test_one_colour),
        cmocka_unit_test(test_no_seam),
        cmocka_unit_test(test_blur_grows),
        cmocka_unit_test(test_frames_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
