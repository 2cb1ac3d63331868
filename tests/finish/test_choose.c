/* Results of another aspect: what of the clip they show, and the surroundings where that does not fill them. */
#include "finish/support.h"

#include <stdlib.h>
#include <string.h>

#include "finish/finish.h"

enum { WIDTH = 320, HEIGHT = 180, FRAMES = 3 };

/* A clip of a grey ramp whose photo shows a box. */
static struct ps_clip *clip_of(const struct ps_crop *box)
{
    struct ps_clip *clip = moving_ball(WIDTH, HEIGHT, FRAMES, 7);
    uint8_t *photo = malloc(WIDTH * HEIGHT * 3);
    assert_non_null(photo);
    memset(photo, 220, WIDTH * HEIGHT * 3);
    for (size_t y = box->top; y < box->top + box->height; y++)
        memset(photo + (y * WIDTH + box->left) * 3, 30, (size_t)box->width * 3);
    ps_clip_take_photo(clip, photo, NULL);
    return clip;
}

static struct ps_finish_params choose(const struct ps_clip *clip, uint32_t width, uint32_t height, float safe)
{
    struct ps_finish_params finish = {.width = width, .height = height};
    struct ps_error error = {0};
    assert_ok(ps_clip_choose_crop(&finish, clip, safe, &error), error);
    return finish;
}

static void assert_crop(const struct ps_crop *found, uint32_t left, uint32_t top, uint32_t width,
                        uint32_t height)
{
    /* A cell of the search for the product has 5 pixels. */
    const uint32_t cell = 6;
    if (found->left + cell < left || found->left > left + cell || found->top + cell < top ||
        found->top > top + cell || found->width + 2 * cell < width || found->width > width + 2 * cell ||
        found->height + 2 * cell < height || found->height > height + 2 * cell)
        fail_msg("found %u, %u %u x %u; expected about %u, %u %u x %u", found->left, found->top, found->width,
                 found->height, left, top, width, height);
}

static bool is_all(const struct ps_crop *place, uint32_t width, uint32_t height)
{
    return !place->left && !place->top && place->width == width && place->height == height;
}

static void test_a_crop_about_the_product(void **state)
{
    (void)state;
    struct ps_clip *clip = clip_of(&(struct ps_crop){220, 40, 40, 100});
    struct ps_finish_params finish = choose(clip, 90, 160, 0);
    /* 101 of 320 columns about column 240. */
    assert_crop(&finish.crop, 190, 0, 101, 180);
    assert_true(is_all(&finish.place, 90, 160));
    finish = choose(clip, 320, 180, 0);
    assert_crop(&finish.crop, 0, 0, 320, 180);
    assert_true(is_all(&finish.place, 320, 180));
    ps_clip_free(&clip);
}

static void test_a_focus_counts_for_more_than_the_middle(void **state)
{
    (void)state;
    struct ps_clip *clip = clip_of(&(struct ps_crop){220, 40, 40, 100});
    clip->has_focus = true;
    clip->focus = (struct ps_point){0.1, 0.5};
    /* As far to the left as the product allows, and all the way where it does not count. */
    struct ps_finish_params finish = choose(clip, 90, 160, 0);
    assert_crop(&finish.crop, 159, 0, 101, 180);
    finish = choose(clip, 90, 160, -1);
    assert_int_equal(finish.crop.left, 0);
    ps_clip_free(&clip);
}

static void test_a_wide_product_is_not_cut(void **state)
{
    (void)state;
    struct ps_clip *clip = clip_of(&(struct ps_crop){60, 60, 200, 60});
    struct ps_finish_params finish = choose(clip, 90, 160, 0);
    assert_crop(&finish.crop, 60, 0, 200, 180);
    assert_int_equal(finish.place.left, 0);
    assert_int_equal(finish.place.width, 90);
    assert_true(finish.place.height > 75 && finish.place.height < 90 && finish.place.top > 30);
    /* Half of it fits, with a margin more is shown. */
    finish = choose(clip, 90, 160, 0.5f);
    assert_true(is_all(&finish.place, 90, 160));
    finish = choose(clip, 90, 160, 1.3f);
    assert_crop(&finish.crop, 30, 0, 260, 180);
    ps_clip_free(&clip);
}

static void test_without_a_photo(void **state)
{
    (void)state;
    struct ps_clip *clip = moving_ball(WIDTH, HEIGHT, FRAMES, 7);
    const struct ps_finish_params finish = choose(clip, 100, 100, 0);
    assert_int_equal(finish.crop.left, 70);
    assert_int_equal(finish.crop.width, 180);
    assert_true(is_all(&finish.place, 100, 100));
    struct ps_finish_params none = {0};
    struct ps_error error = {0};
    ps_clip_choose_crop(&none, clip, 0, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.crop");
    ps_clip_free(&clip);
}

/* Frame `frame` as a save would encode it, to be freed. */
static uint8_t *finished(const struct ps_clip *clip, const struct ps_finish_params *params, uint32_t frame)
{
    const struct ps_clip_shape shape = {clip->width, clip->height, clip->frames, clip->fps};
    struct ps_finish_plan plan;
    struct ps_finish finish;
    struct ps_error error = {0};
    struct ps_view view;
    assert_ok(ps_finish_resolve(&plan, &shape, params, &error), error);
    assert_ok(ps_finish_open(&finish, clip, &plan, 1, &error), error);
    assert_ok(ps_finish_frame(&finish, frame, &view, &error), error);
    assert_int_equal(view.width, plan.width);
    assert_int_equal(view.height, plan.height);
    uint8_t *rgb = malloc((size_t)view.width * view.height * 3);
    for (size_t y = 0; y < view.height; y++)
        memcpy(rgb + y * view.width * 3, view.rgb + y * view.stride, (size_t)view.width * 3);
    ps_finish_close(&finish);
    return rgb;
}

/* The crop lies in its place as it is alone, and nothing beside it is left black. */
static void test_surroundings(void **state)
{
    (void)state;
    enum { W = 64, H = 96, TOP = 30, SIDE = 64 };
    struct ps_clip *clip = moving_ball(WIDTH, HEIGHT, FRAMES, 7);
    const struct ps_crop crop = {100, 0, 180, 180};
    const struct ps_finish_params alone = {.width = SIDE, .height = SIDE, .crop = crop};
    const struct ps_finish_params placed = {
        .width = W, .height = H, .crop = crop, .place = {0, TOP, SIDE, SIDE}};
    for (uint32_t frame = 0; frame < FRAMES; frame += 2) {
        uint8_t *inner = finished(clip, &alone, frame), *all = finished(clip, &placed, frame);
        assert_memory_equal(all + TOP * W * 3, inner, SIDE * W * 3);
        for (size_t i = 0; i < W * H * 3; i++)
            assert_true(all[i] > 25);
        /* The seam: two rows that mirror each other. */
        assert_true(mean_difference(all + (TOP - 1) * W * 3, all + TOP * W * 3, W * 3) < 4);
        assert_true(mean_difference(all + (TOP + SIDE) * W * 3, all + (TOP + SIDE - 1) * W * 3, W * 3) < 4);
        free(inner);
        free(all);
    }
    ps_clip_free(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crop_about_the_product),
        cmocka_unit_test(test_a_focus_counts_for_more_than_the_middle),
        cmocka_unit_test(test_a_wide_product_is_not_cut),
        cmocka_unit_test(test_without_a_photo),
        cmocka_unit_test(test_surroundings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
