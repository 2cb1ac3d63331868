/* What finishing makes of a clip, in whole frames: counts, what each frame shows, and what is refused. */
#include "finish/support.h"

#include <string.h>

#include "finish/plan.h"

static const struct ps_clip_shape svd = {1024, 576, 25, 7};

static struct ps_finish_plan resolve(const struct ps_clip_shape *clip, struct ps_finish_params params)
{
    struct ps_finish_plan plan;
    struct ps_error error = {0};
    assert_ok(ps_finish_resolve(&plan, clip, &params, &error), error);
    return plan;
}

static void test_nothing(void **state)
{
    (void)state;
    const struct ps_finish_plan plan = resolve(&svd, (struct ps_finish_params){0});
    assert_int_equal(plan.width, 1024);
    assert_int_equal(plan.height, 576);
    assert_int_equal(plan.frames, 25);
    assert_int_equal(plan.rate.num, 7);
    assert_int_equal(plan.rate.den, 1);
    for (uint32_t i = 0; i < 25; i++) {
        const struct ps_moment moment = ps_finish_moment(&plan, i);
        assert_int_equal(moment.first, i);
        assert_int_equal(moment.part, 0);
        assert_int_equal(ps_finish_loop_frame(&plan, i).first, i);
        assert_int_equal(ps_finish_card_share(&plan, i), 0);
        assert_int_equal(ps_finish_fade_share(&plan, i), 0);
    }
}

/* Frames = seconds times rate, rounded. */
static void test_counts(void **state)
{
    (void)state;
    static const struct ps_photo *const some = (const struct ps_photo *)"";
    static const struct {
        struct ps_finish_params params;
        uint32_t frames;
    } cases[] = {
        {{.rate = {24, 1}}, 86},       /* 25 / 7 * 24 = 85.7 */
        {{.rate = {24000, 1001}}, 86}, /* 85.6 */
        {{.rate = {14, 1}}, 50},
        {{.rate = {3, 1}}, 11}, /* 10.7 */
        {{.speed = 2}, 13},     /* 12.5, half up */
        {{.speed = 0.5f}, 50},
        {{.rate = {25, 1}, .duration = 6}, 150},
        {{.rate = {24000, 1001}, .duration = 10}, 240}, /* 239.8 */
        {{.loop = PS_LOOP_BOOMERANG}, 48},
        {{.loop = PS_LOOP_SEAMLESS}, 21}, /* 0.5 s are 3.5 frames, half up */
        {{.loop = PS_LOOP_SEAMLESS, .crossfade = 1}, 18},
        {{.hold = 1}, 32},
        {{.hold = 1, .duration = 5}, 35},
        {{.end_card = {.picture = some}}, 39},
        {{.end_card = {.picture = some, .hold = 1, .fade = 1}}, 32},
        {{.end_card = {.picture = some, .hold = 1, .fade = 1}, .hold = 1, .duration = 5}, 35},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ps_finish_plan plan = resolve(&svd, cases[i].params);
        if (plan.frames != cases[i].frames)
            fail_msg("case %zu: %u frames, expected %u", i, plan.frames, cases[i].frames);
    }
}

/* Duplicated frames are each shown for the same time: 7 into 14 twice each, 7 into 3 every second or third. */
static void test_duplicate(void **state)
{
    (void)state;
    struct ps_finish_plan plan = resolve(&svd, (struct ps_finish_params){.rate = {14, 1}});
    for (uint32_t i = 0; i < plan.frames; i++)
        assert_int_equal(ps_finish_moment(&plan, i).first, i / 2);
    plan = resolve(&svd, (struct ps_finish_params){.rate = {24, 1}});
    uint32_t shown[25] = {0};
    for (uint32_t i = 0; i < plan.frames; i++)
        shown[ps_finish_moment(&plan, i).first]++;
    for (uint32_t i = 0; i < 25; i++)
        assert_true(shown[i] == 3 || shown[i] == 4);
}

/* Without a loop the result begins and ends with the clip's own first and last frame, evenly spaced. */
static void test_open(void **state)
{
    (void)state;
    const struct ps_finish_plan plan =
        resolve(&svd, (struct ps_finish_params){.rate = {24, 1}, .interpolation = PS_INTERPOLATION_BLEND});
    for (uint32_t i = 0; i < plan.frames; i++) {
        const struct ps_moment moment = ps_finish_moment(&plan, i);
        assert_int_equal((uint64_t)moment.first * moment.whole + moment.part, i * 24);
        assert_int_equal(moment.whole, plan.frames - 1);
        assert_true(moment.second == moment.first + 1 || moment.first == 24);
        assert_true(moment.second < 25);
    }
}

/* A loop's last frame leads to its first: the step over the seam is as long as any other. */
static void test_closed(void **state)
{
    (void)state;
    const struct ps_finish_plan plan = resolve(
        &svd, (struct ps_finish_params){
                  .rate = {24, 1}, .interpolation = PS_INTERPOLATION_BLEND, .loop = PS_LOOP_BOOMERANG});
    assert_int_equal(plan.loop_frames, 48);
    for (uint32_t i = 0; i < plan.frames; i++) {
        const struct ps_moment moment = ps_finish_moment(&plan, i);
        assert_int_equal((uint64_t)moment.first * moment.whole + moment.part, i * 48);
        assert_int_equal(moment.whole, plan.frames);
        assert_int_equal(moment.second, (moment.first + 1) % 48);
    }
}

static void test_boomerang(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {0, 1, 2, 3, 2, 1};
    const struct ps_clip_shape clip = {64, 48, 4, 7};
    const struct ps_finish_plan plan = resolve(&clip, (struct ps_finish_params){.loop = PS_LOOP_BOOMERANG});
    assert_int_equal(plan.frames, 6);
    for (uint32_t i = 0; i < 6; i++) {
        const struct ps_moment moment = ps_finish_loop_frame(&plan, i);
        assert_int_equal(moment.first, wanted[i]);
        assert_int_equal(moment.part, 0);
    }
    /* Too short to turn back. */
    for (uint32_t frames = 1; frames <= 2; frames++) {
        const struct ps_clip_shape little = {64, 48, frames, 7};
        assert_int_equal(resolve(&little, (struct ps_finish_params){.loop = PS_LOOP_BOOMERANG}).frames,
                         frames);
    }
}

/* Ten frames, three of them in the crossfade: 3 4 5 6, then 7 8 9 dissolve into 0 1 2, and 3 follows. */
static void test_seamless(void **state)
{
    (void)state;
    const struct ps_clip_shape clip = {64, 48, 10, 10};
    const struct ps_finish_plan plan =
        resolve(&clip, (struct ps_finish_params){.loop = PS_LOOP_SEAMLESS, .crossfade = 0.3f});
    assert_int_equal(plan.frames, 7);
    for (uint32_t i = 0; i < 7; i++) {
        const struct ps_moment moment = ps_finish_loop_frame(&plan, i);
        assert_int_equal(moment.first, 3 + i);
        assert_int_equal(moment.part, i < 4 ? 0 : i - 3);
        if (i < 4)
            continue;
        assert_int_equal(moment.second, i - 4);
        assert_int_equal(moment.whole, 4);
    }
}

static void test_shares(void **state)
{
    (void)state;
    static const struct ps_photo *const some = (const struct ps_photo *)"";
    const struct ps_clip_shape clip = {64, 48, 10, 10};
    const struct ps_finish_plan plan =
        resolve(&clip, (struct ps_finish_params){.end_card = {.picture = some, .hold = 0.5f, .fade = 0.3f},
                                                 .fade_in = 0.4f,
                                                 .fade_out = 0.2f});
    static const uint32_t card[] = {0,     0,     0,     0,     0,     0,     0,    16384,
                                    32768, 49152, 65536, 65536, 65536, 65536, 65536};
    static const uint32_t fade[] = {65536, 49152, 32768, 16384, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32768, 65536};
    assert_int_equal(plan.frames, 15);
    for (uint32_t i = 0; i < 15; i++) {
        assert_int_equal(ps_finish_card_share(&plan, i), card[i]);
        assert_int_equal(ps_finish_fade_share(&plan, i), fade[i]);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        struct ps_finish_params params;
        struct ps_crop crop;
        uint32_t width, height;
    } cases[] = {
        {{.width = 1920, .height = 1080}, {0, 0, 1024, 576}, 1920, 1080},
        {{.width = 1920}, {0, 0, 1024, 576}, 1920, 1080},
        {{.height = 288}, {0, 0, 1024, 576}, 512, 288},
        {{.width = 1080, .height = 1080}, {224, 0, 576, 576}, 1080, 1080},
        {{.width = 1080, .height = 1920}, {350, 0, 324, 576}, 1080, 1920},
        {{.width = 2100, .height = 900}, {0, 68, 1024, 439}, 2100, 900},
        {{.crop = {10, 20, 300, 200}}, {10, 20, 300, 200}, 300, 200},
        {{.crop = {10, 20, 300, 200}, .width = 600}, {10, 20, 300, 200}, 600, 400},
        {{.crop = {10, 20, 300, 200}, .width = 600, .height = 600}, {10, 20, 300, 200}, 600, 600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ps_finish_plan plan = resolve(&svd, cases[i].params);
        assert_memory_equal(&plan.crop, &cases[i].crop, sizeof plan.crop);
        assert_int_equal(plan.width, cases[i].width);
        assert_int_equal(plan.height, cases[i].height);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct ps_photo *const some = (const struct ps_photo *)"";
    static const struct {
        struct ps_finish_params params;
        const char *id;
    } cases[] = {
        {{.speed = 0.09f}, "usage.finish"},
        {{.speed = 11}, "usage.finish"},
        {{.speed = -1}, "usage.finish"},
        {{.speed = __builtin_nanf("")}, "usage.finish"},
        {{.hold = -1}, "usage.finish"},
        {{.hold = 61}, "usage.finish"},
        {{.fade_in = __builtin_inff()}, "usage.finish"},
        {{.logo.opacity = 1.5f}, "usage.finish"},
        {{.logo.margin = 0.6f}, "usage.finish"},
        {{.logo.margin = -__builtin_inff()}, "usage.finish"},
        {{.caption.size = 0.001f}, "usage.finish"},
        {{.caption.colour = 0x1000000}, "usage.finish"},
        {{.loop = (enum ps_loop)3}, "usage.finish"},
        {{.interpolation = (enum ps_interpolation) - 1}, "usage.finish"},
        {{.logo.anchor = (enum ps_anchor)10}, "usage.finish"},
        {{.product_lock = PS_MAX_FRAMES + 1}, "usage.finish"},
        {{.speed = 1, .duration = 1}, "usage.conflict"},
        {{.rate = {24, 0}}, "usage.rate"},
        {{.rate = {0, 24}}, "usage.rate"},
        {{.rate = {1, 2}}, "usage.rate"},
        {{.rate = {241, 1}}, "usage.rate"},
        {{.width = 15}, "usage.size"},
        {{.height = 8193}, "usage.size"},
        {{.height = 8192}, "usage.size"}, /* 14564 wide */
        {{.crop = {0, 0, 1025, 576}}, "usage.crop"},
        {{.crop = {1, 0, 1024, 576}}, "usage.crop"},
        {{.crop = {0xffffffff, 0, 2, 576}}, "usage.crop"},
        {{.crop = {0, 0, 16, 0}}, "usage.crop"},
        {{.width = 64, .height = 64, .place = {0, 1, 64, 64}}, "usage.crop"},
        {{.width = 64, .height = 64, .place = {0, 0, 64, 0}}, "usage.crop"},
        {{.width = 64, .place = {0, 0, 32, 32}}, "usage.crop"},
        {{.loop = PS_LOOP_SEAMLESS, .crossfade = 2}, "usage.crossfade"},
        {{.loop = PS_LOOP_SEAMLESS, .crossfade = 0.01f}, "usage.crossfade"},
        {{.duration = 0.1f}, "usage.duration"},
        {{.duration = 60}, "usage.duration"},
        {{.duration = 3, .hold = 3}, "usage.duration"},
        {{.rate = {240, 1}, .duration = 600}, "usage.duration"},
        {{.end_card = {.picture = some, .fade = 4}}, "usage.end-card"},
        {{.fade_in = 2, .fade_out = 2}, "usage.fade"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_finish_plan plan;
        struct ps_error error = {0};
        ps_finish_resolve(&plan, &svd, &cases[i].params, &error);
        if (error.status != PS_ERR_USAGE || strcmp(error.id, cases[i].id))
            fail_msg("case %zu: found %s: %s", i, error.id, error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),  cmocka_unit_test(test_counts), cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_open),     cmocka_unit_test(test_closed), cmocka_unit_test(test_boomerang),
        cmocka_unit_test(test_seamless), cmocka_unit_test(test_shares), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
