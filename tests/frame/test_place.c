/* Placements: tables of cases worked out by hand, and what must hold for any. */
#include "base/suite.h"

#include <math.h>

#include "frame/place.h"

struct row {
    struct ps_size picture, frame;
    struct ps_point focus;
    struct ps_rect expected;
};

static void assert_rect(const struct row *row, struct ps_rect found, struct ps_rect expected)
{
    if (found.left != expected.left || found.top != expected.top || found.width != expected.width ||
        found.height != expected.height)
        fail_msg("%ux%u in %ux%u about %g:%g: expected %u,%u %ux%u, found %u,%u %ux%u", row->picture.width,
                 row->picture.height, row->frame.width, row->frame.height, row->focus.x, row->focus.y,
                 expected.left, expected.top, expected.width, expected.height, found.left, found.top,
                 found.width, found.height);
}

static const struct ps_point middle = {0.5, 0.5};

static const struct row crops[] = {
    {{1024, 576}, {64, 36}, {0.5, 0.5}, {0, 0, 1024, 576}},
    {{1024, 576}, {64, 36}, {0, 1}, {0, 0, 1024, 576}},
    /* 1000 * 576 / 1024 = 562.5, half up; 800 - 563 = 237 leaves the odd pixel at the bottom. */
    {{1000, 800}, {1024, 576}, {0.5, 0.5}, {0, 118, 1000, 563}},
    {{800, 100}, {576, 1024}, {0.5, 0.5}, {372, 0, 56, 100}},
    {{1, 1}, {8192, 16}, {0.5, 0.5}, {0, 0, 1, 1}},
    {{2000, 1}, {16, 8192}, {0.5, 0.5}, {999, 0, 1, 1}},
    /* The middle of 56 columns about column 200 is 172 to 228. */
    {{800, 100}, {576, 1024}, {0.25, 0.5}, {172, 0, 56, 100}},
    /* Near an edge the part stays inside the picture. */
    {{800, 100}, {576, 1024}, {0.01, 0.5}, {0, 0, 56, 100}},
    {{800, 100}, {576, 1024}, {0.99, 0.5}, {744, 0, 56, 100}},
    {{100, 800}, {100, 100}, {0.5, 0}, {0, 0, 100, 100}},
    {{100, 800}, {100, 100}, {0.5, 0.75}, {0, 550, 100, 100}},
    {{100, 800}, {100, 100}, {0.5, 1}, {0, 700, 100, 100}},
};

static void test_crops(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++) {
        const struct row *row = &crops[i];
        const struct ps_placement made = ps_place_cropped(row->picture, row->frame, row->focus);
        assert_rect(row, made.picture, row->expected);
        assert_rect(row, made.frame, (struct ps_rect){0, 0, row->frame.width, row->frame.height});
    }
}

static const struct row wholes[] = {
    {{1024, 576}, {64, 36}, {0.5, 0.5}, {0, 0, 64, 36}},
    {{500, 500}, {1024, 576}, {0.5, 0.5}, {224, 0, 576, 576}},
    /* 576 * 3 / 4 = 432 of 1024 columns; 592 are left. */
    {{300, 400}, {1024, 576}, {0.5, 0.5}, {296, 0, 432, 576}},
    /* The focus is a quarter into the picture: 108 columns; the frame's middle is 512. */
    {{300, 400}, {1024, 576}, {0.25, 0.5}, {404, 0, 432, 576}},
    {{400, 300}, {576, 1024}, {0.5, 1}, {0, 80, 576, 432}},
    /* A tall frame has room to bring the very edge of the picture into its middle. */
    {{400, 300}, {576, 1024}, {0.5, 0}, {0, 512, 576, 432}},
    /* A picture that nearly fills the frame has not. */
    {{400, 300}, {400, 310}, {0.5, 0}, {0, 10, 400, 300}},
    {{400, 300}, {400, 310}, {0.5, 1}, {0, 0, 400, 300}},
    {{1000, 1}, {16, 16}, {0.5, 0.5}, {0, 7, 16, 1}},
    {{3, 2}, {8, 8}, {0.5, 0.5}, {0, 1, 8, 5}},
};

static void test_wholes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        const struct row *row = &wholes[i];
        const struct ps_placement made = ps_place_whole(row->picture, row->frame, row->focus);
        assert_rect(row, made.frame, row->expected);
        assert_rect(row, made.picture, (struct ps_rect){0, 0, row->picture.width, row->picture.height});
    }
}

/* A product in a clip of 1024 x 576, of which other aspects are cut. */
static const struct {
    struct row row; /* with the part that is seen */
    struct ps_box keep;
    struct ps_rect frame; /* where in the frame */
} kept[] = {
    /* Columns 409 to 615 are kept and fit into the 324 of a crop. */
    {{{1024, 576}, {576, 1024}, {0.5, 0.5}, {350, 0, 324, 576}}, {0.4, 0.1, 0.6, 0.9}, {0, 0, 576, 1024}},
    /* 512 to 820 fit as well, after a move. */
    {{{1024, 576}, {576, 1024}, {0.5, 0.5}, {496, 0, 324, 576}}, {0.5, 0.1, 0.8, 0.9}, {0, 0, 576, 1024}},
    {{{1024, 576}, {576, 1024}, {0.5, 0.5}, {204, 0, 324, 576}}, {0.2, 0.1, 0.4, 0.9}, {0, 0, 576, 1024}},
    /* 204 to 820 do not: all 616 columns are shown, 576 * 576 / 616 rows high. */
    {{{1024, 576}, {576, 1024}, {0.5, 0.5}, {204, 0, 616, 576}}, {0.2, 0.1, 0.8, 0.9}, {0, 242, 576, 539}},
    {{{1024, 576}, {576, 1024}, {0.5, 0.5}, {0, 0, 1024, 576}}, {0, 0, 1, 1}, {0, 350, 576, 324}},
    /* The focus, a quarter down, comes as near to the middle as it can: 512 - 324 / 4. */
    {{{1024, 576}, {576, 1024}, {0.5, 0.25}, {0, 0, 1024, 576}}, {0, 0, 1, 1}, {0, 431, 576, 324}},
    /* Nothing is cut where the aspect is the same. */
    {{{1024, 576}, {1920, 1080}, {0.1, 0.9}, {0, 0, 1024, 576}}, {0, 0, 1, 1}, {0, 0, 1920, 1080}},
    /* Without a product to keep it is a crop about the focus. */
    {{{1024, 576}, {576, 576}, {0.1, 0.5}, {0, 0, 576, 576}}, {0.1, 0.5, 0.1, 0.5}, {0, 0, 576, 576}},
    /* The product counts for more than the focus. */
    {{{1024, 576}, {576, 576}, {0.95, 0.5}, {0, 0, 576, 576}}, {0, 0.2, 0.2, 0.8}, {0, 0, 576, 576}},
    /* A tall clip in a wide frame: 576 * 1080 / 2520 = 246.9 rows, 409 to 615 kept. */
    {{{576, 1024}, {2520, 1080}, {0.5, 0.5}, {0, 388, 576, 247}}, {0.3, 0.4, 0.7, 0.6}, {0, 0, 2520, 1080}},
    /* 102 to 922 kept: 820 rows, 576 * 1080 / 820 columns. */
    {{{576, 1024}, {2520, 1080}, {0.5, 0.5}, {0, 102, 576, 820}}, {0.3, 0.1, 0.7, 0.9}, {880, 0, 759, 1080}},
    /* 4:5 of it: 720 of 1024 rows. */
    {{{576, 1024}, {1080, 1350}, {0.5, 0.3}, {0, 0, 576, 720}}, {0.1, 0, 0.9, 0.7}, {0, 0, 1080, 1350}},
};

static void test_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const struct row *row = &kept[i].row;
        const struct ps_placement made = ps_place_kept(row->picture, row->frame, row->focus, kept[i].keep);
        assert_rect(row, made.picture, row->expected);
        assert_rect(row, made.frame, kept[i].frame);
    }
}

static void test_stretched(void **state)
{
    (void)state;
    const struct row row = {{1000, 800}, {1024, 576}, {0, 0}, {0}};
    const struct ps_placement made = ps_place_stretched(row.picture, row.frame);
    assert_rect(&row, made.picture, (struct ps_rect){0, 0, 1000, 800});
    assert_rect(&row, made.frame, (struct ps_rect){0, 0, 1024, 576});
}

static bool lies_in(const struct ps_rect *rect, struct ps_size size)
{
    return rect->width && rect->height && rect->left <= size.width &&
           rect->width <= size.width - rect->left && rect->top <= size.height &&
           rect->height <= size.height - rect->top;
}

/* Nothing reaches outside, whatever the sizes and the focus. */
static void test_always_inside(void **state)
{
    (void)state;
    static const uint32_t sides[] = {1, 2, 3, 7, 16, 99, 640, 1001, 8192, 16384};
    static const double places[] = {0, 0.001, 1 / 3.0, 0.5, 0.77, 1};
    enum { SIDES = sizeof sides / sizeof *sides, PLACES = sizeof places / sizeof *places };
    for (size_t i = 0; i < (size_t)SIDES * SIDES * SIDES * SIDES; i++) {
        const struct ps_size picture = {sides[i % SIDES], sides[i / SIDES % SIDES]};
        const struct ps_size frame = {sides[i / SIDES / SIDES % SIDES], sides[i / SIDES / SIDES / SIDES]};
        const struct ps_point focus = {places[i % PLACES], places[i / PLACES % PLACES]};
        const struct ps_placement crop = ps_place_cropped(picture, frame, focus);
        const struct ps_placement whole = ps_place_whole(picture, frame, focus);
        assert_true(lies_in(&crop.picture, picture) && lies_in(&crop.frame, frame));
        assert_true(lies_in(&whole.picture, picture) && lies_in(&whole.frame, frame));
        const struct ps_box keep = {focus.x / 2, focus.y / 3, focus.x, focus.y};
        const struct ps_placement safe = ps_place_kept(picture, frame, focus, keep);
        assert_true(lies_in(&safe.picture, picture) && lies_in(&safe.frame, frame));
        assert_true(safe.picture.left <= keep.left * picture.width &&
                    safe.picture.top <= keep.top * picture.height);
        assert_true(safe.picture.left + safe.picture.width >= keep.right * picture.width);
        assert_true(safe.picture.top + safe.picture.height >= keep.bottom * picture.height);
    }
}

static void assert_point(struct ps_point found, double x, double y)
{
    assert_true(fabs(found.x - x) < 1e-12 && fabs(found.y - y) < 1e-12);
}

static void test_points(void **state)
{
    (void)state;
    const struct ps_size wide = {400, 100}, square = {50, 50}, tall = {100, 400};
    struct ps_placement placement = ps_place_cropped(wide, square, middle);
    assert_point(ps_placed_point(&placement, wide, square, middle), 0.5, 0.5);
    /* 150 to 250 of 400 columns are seen; column 175 is a quarter into them, column 0 far to the left. */
    assert_point(ps_placed_point(&placement, wide, square, (struct ps_point){0.4375, 1}), 0.25, 1);
    assert_point(ps_placed_point(&placement, wide, square, (struct ps_point){0, 0}), -1.5, 0);
    placement = ps_place_whole(tall, square, middle);
    /* 12.5 of 50 columns, rounded to 13, from 18 on. */
    assert_point(ps_placed_point(&placement, tall, square, (struct ps_point){0, 0.25}), 18 / 50.0, 0.25);
    assert_point(ps_placed_point(&placement, tall, square, (struct ps_point){1, 1}), 31 / 50.0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crops),     cmocka_unit_test(test_wholes),        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_stretched), cmocka_unit_test(test_always_inside), cmocka_unit_test(test_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
