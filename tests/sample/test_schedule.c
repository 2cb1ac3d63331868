#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample/golden.h"
#include "sample/schedule.h"

#define SIGMA_MIN 0.002
#define SIGMA_MAX 700.0

static int open_goldens(void **state)
{
    *state = golden_open("sampling.safetensors");
    return 0;
}

static int close_goldens(void **state)
{
    struct ps_safetensors *file = *state;
    ps_safetensors_close(&file);
    return 0;
}

/* `units` in the last place of float, or 2^-24 near 0 (a time near 0 is a logarithm near 1's). */
static void assert_close(const char *what, size_t index, float got, float want, float units)
{
    const float limit = units * fmaxf(FLT_EPSILON * fabsf(want), 0x1p-24f);
    if (!(fabsf(got - want) <= limit))
        fail_msg("%s[%zu]: expected %.9g, found %.9g", what, index, (double)want, (double)got);
}

static void assert_schedule(const struct ps_safetensors *file, const struct ps_sigmas *sigmas,
                            const char *name)
{
    float want[PS_MAX_STEPS + 1];
    assert_int_equal(golden_read(file, want, PS_MAX_STEPS + 1, "%s.sigmas", name), sigmas->steps + 1);
    for (uint32_t i = 0; i <= sigmas->steps; i++)
        assert_close(name, i, sigmas->sigma[i], want[i], 1.0f);
    assert_true(sigmas->sigma[sigmas->steps] == 0.0f);
    assert_int_equal(golden_read(file, want, PS_MAX_STEPS, "%s.timesteps", name), sigmas->steps);
    for (uint32_t i = 0; i < sigmas->steps; i++)
        assert_close(name, i, ps_step_at(sigmas, i).time, want[i], 1.0f);
    assert_int_equal(golden_read(file, want, 1, "%s.init_noise_sigma", name), 1);
    assert_close(name, 0, ps_initial_scale(sigmas), want[0], 1.0f);
}

static void karras(void **state)
{
    const uint32_t counts[] = {1, 2, 3, 4, 10, 25, 30};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct ps_sigmas sigmas;
        assert_int_equal(ps_sigmas_karras(&sigmas, counts[i], SIGMA_MIN, SIGMA_MAX, NULL), PS_OK);
        char name[32];
        snprintf(name, sizeof name, "karras.%u", counts[i]);
        assert_schedule(*state, &sigmas, name);
    }
}

static void align_your_steps(void **state)
{
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_ays(&sigmas, 10, NULL), PS_OK);
    assert_schedule(*state, &sigmas, "ays");
}

/* The authors' loglinear_interp of the published list (numpy 2.4.6) to steps + 1 levels, the last one then 0.
 */
static void align_your_steps_between(void **state)
{
    (void)state;
    const float four[] = {700.0f, 11.2571144f, 1.78900003f, 0.26404357f, 0.0f},
                fifteen[] = {700.0f,       127.633209f,   36.1356468f,   15.8859997f,
                             10.0360909f,  6.46578455f,   4.24800014f,   2.38672137f,
                             1.46429944f,  0.981000006f,  0.542117f,     0.304008275f,
                             0.172999993f, 0.0584791861f, 0.0132229785f, 0.0f};
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_ays(&sigmas, 4, NULL), PS_OK);
    for (uint32_t i = 0; i <= 4; i++)
        assert_close("4 steps", i, sigmas.sigma[i], four[i], 1.0f);
    assert_int_equal(ps_sigmas_ays(&sigmas, 15, NULL), PS_OK);
    for (uint32_t i = 0; i <= 15; i++)
        assert_close("15 steps", i, sigmas.sigma[i], fifteen[i], 1.0f);
    assert_int_equal(ps_sigmas_ays(&sigmas, 1, NULL), PS_OK);
    assert_true(sigmas.sigma[0] == 700.0f && sigmas.sigma[1] == 0.0f);
}

static void own_list(void **state)
{
    const float list[] = {80.0f, 5.0f, 0.5f, 0.0f};
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_list(&sigmas, list, 4, NULL), PS_OK);
    assert_schedule(*state, &sigmas, "custom");
}

/* What any schedule must be for the sampler: falling to 0, and a valid list itself. */
static void every_length_falls(void **state)
{
    (void)state;
    for (uint32_t steps = 1; steps <= PS_MAX_STEPS; steps++) {
        struct ps_sigmas sigmas, again;
        assert_int_equal(ps_sigmas_karras(&sigmas, steps, SIGMA_MIN, SIGMA_MAX, NULL), PS_OK);
        assert_int_equal(ps_sigmas_list(&again, sigmas.sigma, steps + 1, NULL), PS_OK);
        assert_int_equal(ps_sigmas_ays(&sigmas, steps, NULL), PS_OK);
        assert_int_equal(ps_sigmas_list(&again, sigmas.sigma, steps + 1, NULL), PS_OK);
        assert_memory_equal(again.sigma, sigmas.sigma, (steps + 1) * sizeof *again.sigma);
    }
}

static void refuses_bad_lists(void **state)
{
    (void)state;
    const struct {
        const float *list;
        uint32_t count;
        const char *message;
    } cases[] = {
        {(const float[]){0.0f}, 1, "sigmas: expected 2 to 1001 values, found 1"},
        {NULL, 0, "sigmas: expected 2 to 1001 values, found 0"},
        {NULL, 1002, "sigmas: expected 2 to 1001 values, found 1002"},
        {(const float[]){5, 5, 0}, 3,
         "sigmas: value 2 of 3: expected less than the value before it, found 5"},
        {(const float[]){5, 6, 0}, 3,
         "sigmas: value 2 of 3: expected less than the value before it, found 6"},
        {(const float[]){5, 0, 0}, 3,
         "sigmas: value 2 of 3: expected a number above 0 before the last, found 0"},
        {(const float[]){-1, 0}, 2,
         "sigmas: value 1 of 2: expected a number above 0 before the last, found -1"},
        {(const float[]){NAN, 0}, 2,
         "sigmas: value 1 of 2: expected a number above 0 before the last, found nan"},
        {(const float[]){INFINITY, 0}, 2, "sigmas: value 1 of 2: expected at most 1e6, found inf"},
        {(const float[]){5, 1}, 2, "sigmas: value 2 of 2: expected 0 at the end, found 1"},
        {(const float[]){5, NAN}, 2, "sigmas: value 2 of 2: expected 0 at the end, found nan"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_sigmas sigmas;
        struct ps_error error = {0};
        assert_int_equal(ps_sigmas_list(&sigmas, cases[i].list, cases[i].count, &error), PS_ERR_USAGE);
        assert_string_equal(error.id, "usage.sigmas");
        assert_string_equal(error.message, cases[i].message);
    }
}

static void refuses_bad_numbers(void **state)
{
    (void)state;
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_karras(&sigmas, 0, SIGMA_MIN, SIGMA_MAX, NULL), PS_ERR_USAGE);
    assert_int_equal(ps_sigmas_karras(&sigmas, 1001, SIGMA_MIN, SIGMA_MAX, NULL), PS_ERR_USAGE);
    assert_int_equal(ps_sigmas_ays(&sigmas, 0, NULL), PS_ERR_USAGE);
    assert_int_equal(ps_sigmas_ays(&sigmas, UINT32_MAX, NULL), PS_ERR_USAGE);
    const double bad[][2] = {{0, 1}, {-1, 1}, {2, 1}, {NAN, 1}, {1, NAN}, {1, INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ps_sigmas_karras(&sigmas, 5, bad[i][0], bad[i][1], NULL), PS_ERR_CHECKPOINT);
}

/* diffusers computes (x - x0) / s in float, whose rounding is FLT_EPSILON of x and of s v over s times the
 * step. */
static void euler_steps(void **state)
{
    enum { COUNT = 2 * 4 * 3 * 5 };
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_karras(&sigmas, 4, SIGMA_MIN, SIGMA_MAX, NULL), PS_OK);
    for (uint32_t i = 0; i < 4; i++) {
        float x[COUNT], v[COUNT], input[COUNT], next[COUNT];
        assert_int_equal(golden_read(*state, x, COUNT, "euler.%u.x", i), COUNT);
        assert_int_equal(golden_read(*state, v, COUNT, "euler.%u.v", i), COUNT);
        assert_int_equal(golden_read(*state, input, COUNT, "euler.%u.input", i), COUNT);
        assert_int_equal(golden_read(*state, next, COUNT, "euler.%u.next", i), COUNT);
        const struct ps_step step = ps_step_at(&sigmas, i);
        for (size_t k = 0; k < COUNT; k++) {
            assert_close("input", k, step.input_scale * x[k], input[k], 2.0f);
            const float got = step.x_scale * x[k] + step.v_scale * v[k];
            const float limit = 3.0f * FLT_EPSILON * (fabsf(x[k]) + fabsf(v[k]) + fabsf(next[k]));
            if (!(fabsf(got - next[k]) <= limit))
                fail_msg("next %u[%zu]: expected %.9g, found %.9g", i, k, (double)next[k], (double)got);
        }
    }
}

/* Against the formula as it is published, in long double. */
static void euler_coefficients(void **state)
{
    (void)state;
    struct ps_sigmas sigmas;
    assert_int_equal(ps_sigmas_karras(&sigmas, 100, SIGMA_MIN, SIGMA_MAX, NULL), PS_OK);
    for (uint32_t i = 0; i < 100; i++) {
        const long double s = (long double)sigmas.sigma[i];
        const long double next = (long double)sigmas.sigma[i + 1];
        const long double keep = 1.0L + (1.0L - 1.0L / (s * s + 1.0L)) / s * (next - s);
        const long double add = s / sqrtl(s * s + 1.0L) / s * (next - s);
        const struct ps_step step = ps_step_at(&sigmas, i);
        assert_close("x_scale", i, step.x_scale, (float)keep, 1.0f);
        assert_close("v_scale", i, step.v_scale, (float)add, 1.0f);
    }
}

static void guidance(void **state)
{
    const struct {
        const char *name;
        float min, max;
        uint32_t frames;
        bool guided;
    } cases[] = {
        {"1.0.3.0.25", 1.0f, 3.0f, 25, true}, {"1.0.3.0.14", 1.0f, 3.0f, 14, true},
        {"1.5.3.0.30", 1.5f, 3.0f, 30, true}, {"1.0.1.0.4", 1.0f, 1.0f, 4, false},
        {"3.0.1.0.5", 3.0f, 1.0f, 5, true},   {"2.0.2.0.1", 2.0f, 2.0f, 1, true},
        {"1.0.3.0.2", 1.0f, 3.0f, 2, true},   {"2.0.3.0.1", 2.0f, 3.0f, 1, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float want[32], scale[32];
        assert_int_equal(golden_read(*state, want, 32, "guidance.%s", cases[i].name), cases[i].frames);
        assert_int_equal(ps_guidance_ramp(cases[i].min, cases[i].max, cases[i].frames, scale),
                         cases[i].guided);
        for (uint32_t f = 0; f < cases[i].frames; f++)
            assert_close(cases[i].name, f, scale[f], want[f], 1.0f);
        assert_true(scale[0] == want[0]);
        assert_true(scale[cases[i].frames - 1] == want[cases[i].frames - 1]);
    }
}

/* diffusers stops with an exception in the first two; packshot's rule is the scales that the frames really
 * have. */
static void guidance_by_frames(void **state)
{
    (void)state;
    float scale[4];
    assert_false(ps_guidance_ramp(1.0f, 3.0f, 1, scale));
    assert_true(scale[0] == 1.0f);
    assert_true(ps_guidance_ramp(3.0f, 1.0f, 1, scale));
    assert_true(scale[0] == 3.0f);
    assert_false(ps_guidance_ramp(0.5f, 1.0f, 4, scale));
    assert_true(ps_guidance_ramp(3.0f, 0.5f, 4, scale));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(karras),
        cmocka_unit_test(align_your_steps),
        cmocka_unit_test(align_your_steps_between),
        cmocka_unit_test(own_list),
        cmocka_unit_test(every_length_falls),
        cmocka_unit_test(refuses_bad_lists),
        cmocka_unit_test(refuses_bad_numbers),
        cmocka_unit_test(euler_steps),
        cmocka_unit_test(euler_coefficients),
        cmocka_unit_test(guidance),
        cmocka_unit_test(guidance_by_frames),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
