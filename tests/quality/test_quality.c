/* Clips with one fault each trip that measure and no other; a good clip trips none. */
#include "quality/scene.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quality/measure.h"

static struct ps_quality measure(struct ps_clip *clip)
{
    struct ps_quality quality;
    struct ps_error error = {0};
    assert_int_equal(ps_clip_measure(&quality, clip, &error), PS_OK);
    print_message("black %u flat %u frozen %u flicker %.2f motion %.4f drift %.2f colour %.1f\n",
                  quality.black_frames, quality.flat_frames, quality.frozen_frames, quality.flicker,
                  quality.motion, quality.drift, quality.colour_drift);
    ps_clip_free(&clip);
    return quality;
}

static struct ps_quality measure_scene(struct scene (*at)(uint32_t frame))
{
    return measure(scene_clip(at));
}

/* Fails unless these are the findings, each with its figure beyond its limit and in its text. */
static void assert_findings(const struct ps_quality *quality, const char *first, const char *second)
{
    const char *const ids[] = {first, second};
    const uint32_t count = !first ? 0 : second ? 2 : 1;
    for (uint32_t i = 0; i < quality->finding_count; i++)
        print_message("  %s: %s\n", quality->findings[i].id, quality->findings[i].text);
    assert_int_equal(quality->finding_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct ps_finding *finding = &quality->findings[i];
        assert_string_equal(finding->id, ids[i]);
        assert_true(finding->figure > finding->limit);
        assert_true(strcspn(finding->text, "0123456789") < strlen(finding->text));
    }
}

/* A slow pan with grain, the product coming a little nearer. */
static struct scene pan(uint32_t f)
{
    return (struct scene){.x = (int)f, .y = -(int)f / 4, .size = 1 + 0.01 * f, .grain = 2, .seed = f};
}

static void test_good(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(pan);
    assert_findings(&quality, NULL, NULL);
    assert_true(quality.motion > 0.002 && quality.motion < 0.02);
    assert_true(quality.drift >= 0 && quality.drift < 0.2);
    assert_true(quality.colour_drift >= 0 && quality.colour_drift < 4);
    assert_true(quality.flicker < 0.2);
}

static struct scene fade(uint32_t f)
{
    struct scene scene = pan(f);
    scene.light = 2 * (int)f;
    return scene;
}

/* Light that changes steadily is no flicker. */
static void test_steady_light(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(fade), same = measure_scene(pan);
    assert_findings(&quality, NULL, NULL);
    assert_true(fabs(quality.motion - same.motion) < 0.0005);
}

static struct scene blink(uint32_t f)
{
    struct scene scene = pan(f);
    scene.light = f % 2 ? 2 : -2;
    return scene;
}

static void test_flicker(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(blink);
    assert_findings(&quality, "quality.flicker", NULL);
    assert_true(fabs(quality.flicker - 2) < 0.2);
}

static struct scene stand(uint32_t f)
{
    return f < 4 ? pan(f) : pan(4);
}

static void test_frozen(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(stand);
    assert_findings(&quality, "quality.frozen", NULL);
    assert_int_equal(quality.frozen_frames, SCENE_FRAMES - 5);
}

static struct scene stutter(uint32_t f)
{
    return pan(f / 2 * 2);
}

/* Frames in a row count, not all of them. */
static void test_a_stutter_is_not_frozen(void **state)
{
    (void)state;
    assert_int_equal(measure_scene(stutter).frozen_frames, 1);
}

static struct scene start_late(uint32_t f)
{
    return f < 2 ? pan(0) : pan(f);
}

static void test_a_late_start_is_not_frozen(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(start_late);
    assert_int_equal(quality.frozen_frames, 1);
    assert_findings(&quality, NULL, NULL);
}

static void test_black_and_flat(void **state)
{
    (void)state;
    struct ps_clip *clip = scene_clip(pan);
    const size_t size = SCENE_W * SCENE_H * 3;
    memset(ps_clip_frame_pixels(clip, SCENE_FRAMES - 1), 3, size);
    struct ps_quality quality = measure(clip);
    assert_int_equal(quality.black_frames, 1);
    assert_int_equal(quality.flat_frames, 0);
    assert_string_equal(quality.findings[0].id, "quality.black");
    clip = scene_clip(pan);
    memset(ps_clip_frame_pixels(clip, SCENE_FRAMES - 1), 128, size);
    quality = measure(clip);
    assert_int_equal(quality.black_frames, 0);
    assert_int_equal(quality.flat_frames, 1);
    assert_string_equal(quality.findings[0].id, "quality.flat");
}

/* A photo that is nearly black makes a clip that may be. */
static void test_a_dark_photo_is_not_a_black_clip(void **state)
{
    (void)state;
    struct ps_clip *clip = scene_clip(pan);
    const size_t size = SCENE_W * SCENE_H * 3;
    for (size_t i = 0; i < size; i++)
        clip->photo[i] /= 20;
    for (size_t i = 0; i < size * SCENE_FRAMES; i++)
        clip->rgb[i] /= 20;
    memset(ps_clip_frame_pixels(clip, 2), 9, size);
    const struct ps_quality quality = measure(clip);
    assert_int_equal(quality.black_frames, 0);
    assert_int_equal(quality.flat_frames, 0);
}

static struct scene rush(uint32_t f)
{
    return (struct scene){.x = f % 2 ? 10 : -2, .grain = 2, .seed = f};
}

static void test_motion(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(rush);
    assert_findings(&quality, "quality.motion", NULL);
    /* 12 of 256 pixels. */
    assert_true(fabs(quality.motion - 12.0 / 256) < 0.008);
}

/* A picture with texture everywhere that goes `step` pixels a frame. */
static double motion_of(double step)
{
    struct ps_clip *clip = scene_clip(pan);
    for (uint32_t f = 0; f < SCENE_FRAMES; f++) {
        uint8_t *to = ps_clip_frame_pixels(clip, f);
        for (int y = 0; y < SCENE_H; y++)
            for (int x = 0; x < SCENE_W; x++, to += 3) {
                const double u = (x - f * step) / 9.0, v = (y - f * step * 0.75) / 7.0;
                memset(to, (int)(128 + 60 * sin(u + 2 * sin(v / 3)) + 50 * sin(v + 2 * sin(u / 4))), 3);
            }
    }
    return measure(clip).motion;
}

static void test_motion_is_a_length(void **state)
{
    (void)state;
    static const double steps[] = {0, 0.4, 1, 2, 4};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (fabs(motion_of(steps[i]) - 1.25 * steps[i] / SCENE_W) > 0.0008)
            fail_msg("a way of %g pixels is not measured as that", 1.25 * steps[i]);
}

static struct scene another_for_a_while(uint32_t f)
{
    struct scene scene = pan(f);
    scene.other = f >= 4 && f < 8;
    return scene;
}

static void test_drift(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(another_for_a_while);
    assert_findings(&quality, "quality.drift", NULL);
}

static struct scene turn_blue(uint32_t f)
{
    struct scene scene = pan(f);
    scene.tint[2] = 10 * f;
    return scene;
}

static void test_colour(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(turn_blue);
    assert_findings(&quality, "quality.colour", NULL);
}

static struct scene turn_orange(uint32_t f)
{
    struct scene scene = pan(f);
    scene.tint[1] = 6 * f;
    return scene;
}

static struct scene fade_to_grey(uint32_t f)
{
    struct scene scene = pan(f);
    scene.grey = f > 8;
    return scene;
}

static struct scene blacken(uint32_t f)
{
    struct scene scene = pan(f);
    scene.gain = 1 - 0.068 * f;
    return scene;
}

/* Another hue, no hue, and the same in black. */
static void test_other_colours(void **state)
{
    (void)state;
    struct scene (*const scenes[])(uint32_t) = {turn_orange, fade_to_grey, blacken};
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        const struct ps_quality quality = measure_scene(scenes[i]);
        assert_findings(&quality, "quality.colour", NULL);
    }
}

static struct scene sweep(uint32_t f)
{
    struct scene scene = pan(f);
    scene.lit = true;
    scene.lamp = 2.0 * f / (SCENE_FRAMES - 1) - 1;
    return scene;
}

/* A light that travels over the product changes how bright it is and where it shines. */
static void test_a_travelling_light_is_no_other_colour(void **state)
{
    (void)state;
    const struct ps_quality quality = measure_scene(sweep);
    assert_findings(&quality, NULL, NULL);
}

static void test_no_numbers(void **state)
{
    (void)state;
    struct ps_clip *clip = scene_clip(pan);
    clip->not_finite = 7;
    const struct ps_quality quality = measure(clip);
    assert_findings(&quality, "quality.not-finite", NULL);
    assert_non_null(strstr(quality.findings[0].text, "7 "));
}

/* Without a photo, and of one frame: what can be measured is. */
static void test_without_a_photo(void **state)
{
    (void)state;
    struct ps_clip *clip = scene_clip(pan);
    ps_clip_take_photo(clip, NULL, NULL);
    memset(ps_clip_frame_pixels(clip, 3), 0, SCENE_W * SCENE_H * 3);
    struct ps_quality quality = measure(clip);
    assert_int_equal(quality.black_frames, 1);
    assert_true(quality.drift == -1 && quality.colour_drift == -1);
    clip = scene_clip(pan);
    clip->frames = 1;
    quality = measure(clip);
    assert_findings(&quality, NULL, NULL);
    assert_true(quality.motion == 0 && quality.flicker == 0 && quality.frozen_frames == 0);
}

/* Smaller than a block of motion, or than the product. */
static void test_sizes_that_are_hardly_a_picture(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{16, 16}, {16, 400}, {400, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ps_clip *clip = NULL;
        assert_int_equal(ps_clip_new(&clip, sizes[i][0], sizes[i][1], 3, 7, NULL), PS_OK);
        for (size_t byte = 0; byte < (size_t)sizes[i][0] * sizes[i][1] * 9; byte++)
            clip->rgb[byte] = (uint8_t)(byte * byte % 251);
        uint8_t *photo = malloc((size_t)sizes[i][0] * sizes[i][1] * 3);
        memcpy(photo, clip->rgb, (size_t)sizes[i][0] * sizes[i][1] * 3);
        ps_clip_take_photo(clip, photo, NULL);
        const struct ps_quality quality = measure(clip);
        assert_true(isfinite(quality.motion) && isfinite(quality.drift) && isfinite(quality.colour_drift));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_steady_light),
        cmocka_unit_test(test_flicker),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_a_stutter_is_not_frozen),
        cmocka_unit_test(test_a_late_start_is_not_frozen),
        cmocka_unit_test(test_black_and_flat),
        cmocka_unit_test(test_a_dark_photo_is_not_a_black_clip),
        cmocka_unit_test(test_motion),
        cmocka_unit_test(test_motion_is_a_length),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_other_colours),
        cmocka_unit_test(test_a_travelling_light_is_no_other_colour),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_without_a_photo),
        cmocka_unit_test(test_sizes_that_are_hardly_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
