#include "sample/schedule.h"

#include <math.h>

/* Above this a list is a mistake, and x' would leave the range of float within a few steps. */
#define SIGMA_LIMIT 1e6

static enum ps_status check_steps(uint32_t steps, struct ps_error *error)
{
    if (steps >= 1 && steps <= PS_MAX_STEPS)
        return PS_OK;
    return ps_fail(error, PS_ERR_USAGE, "usage.steps", "steps: expected 1 to %d, found %u", PS_MAX_STEPS,
                   steps);
}

enum ps_status ps_sigmas_karras(struct ps_sigmas *sigmas, uint32_t steps, double sigma_min, double sigma_max,
                                struct ps_error *error)
{
    const enum ps_status status = check_steps(steps, error);
    if (status)
        return status;
    if (!(sigma_min > 0.0 && sigma_min < sigma_max && sigma_max <= SIGMA_LIMIT))
        return ps_fail(
            error, PS_ERR_CHECKPOINT, "checkpoint.scheduler",
            "scheduler: expected 0 < sigma_min < sigma_max <= %g, found sigma_min %g, sigma_max %g",
            SIGMA_LIMIT, sigma_min, sigma_max);
    const double rho = 7.0;
    const double from = pow(sigma_max, 1.0 / rho);
    const double to = pow(sigma_min, 1.0 / rho);
    sigmas->steps = steps;
    for (uint32_t i = 0; i < steps; i++) {
        const double ramp = steps > 1 ? (double)i / (steps - 1) : 0.0;
        sigmas->sigma[i] = (float)pow(from + ramp * (to - from), rho);
    }
    sigmas->sigma[steps] = 0.0f;
    return PS_OK;
}

enum ps_status ps_sigmas_ays(struct ps_sigmas *sigmas, uint32_t steps, struct ps_error *error)
{
    static const double published[] = {700.0, 54.5,  15.886, 7.977, 4.248, 1.789,
                                       0.981, 0.403, 0.173,  0.034, 0.002};
    const uint32_t intervals = sizeof published / sizeof *published - 1;
    const enum ps_status status = check_steps(steps, error);
    if (status)
        return status;
    sigmas->steps = steps;
    for (uint32_t i = 0; i < steps; i++) {
        const uint32_t knot = i * intervals / steps;
        const uint32_t rest = i * intervals % steps;
        const double ratio = published[knot + 1] / published[knot];
        sigmas->sigma[i] = (float)(published[knot] * pow(ratio, (double)rest / steps));
    }
    sigmas->sigma[steps] = 0.0f;
    return PS_OK;
}

enum ps_status ps_sigmas_list(struct ps_sigmas *sigmas, const float *list, uint32_t count,
                              struct ps_error *error)
{
    if (count < 2 || count > PS_MAX_STEPS + 1)
        return ps_fail(error, PS_ERR_USAGE, "usage.sigmas", "sigmas: expected 2 to %d values, found %u",
                       PS_MAX_STEPS + 1, count);
    for (uint32_t i = 0; i < count; i++) {
        const float sigma = list[i];
        const char *expected = NULL;
        if (i + 1 == count)
            expected = sigma == 0.0f ? NULL : "0 at the end";
        else if (!(sigma > 0.0f))
            expected = "a number above 0 before the last";
        else if (!(sigma <= (float)SIGMA_LIMIT))
            expected = "at most 1e6";
        else if (i && !(sigma < list[i - 1]))
            expected = "less than the value before it";
        if (expected)
            return ps_fail(error, PS_ERR_USAGE, "usage.sigmas",
                           "sigmas: value %u of %u: expected %s, found %.9g", i + 1, count, expected,
                           (double)sigma);
    }
    sigmas->steps = count - 1;
    for (uint32_t i = 0; i + 1 < count; i++)
        sigmas->sigma[i] = list[i];
    sigmas->sigma[count - 1] = 0.0f;
    return PS_OK;
}

float ps_initial_scale(const struct ps_sigmas *sigmas)
{
    const double sigma = (double)sigmas->sigma[0];
    return (float)sqrt(sigma * sigma + 1.0);
}

/* From x0 = x / (s^2 + 1) - v s / sqrt(s^2 + 1), d = (x - x0) / s, x' = x + (s' - s) d follows
 *
 *   x' = x (1 + s s') / (s^2 + 1) + v (s' - s) / sqrt(s^2 + 1)
 *
 * which neither divides by s nor subtracts numbers of like size, as x - x0 does at small s. */
static struct ps_step step_between(double s, double next)
{
    const double variance = s * s + 1.0;
    return (struct ps_step){
        .time = (float)(0.25 * log(s)),
        .input_scale = (float)(1.0 / sqrt(variance)),
        .x_scale = (float)((1.0 + s * next) / variance),
        .v_scale = (float)((next - s) / sqrt(variance)),
    };
}

struct ps_step ps_step_at(const struct ps_sigmas *sigmas, uint32_t step)
{
    return step_between((double)sigmas->sigma[step], (double)sigmas->sigma[step + 1]);
}

struct ps_step ps_step_to_end(const struct ps_sigmas *sigmas, uint32_t step)
{
    return step_between((double)sigmas->sigma[step], 0);
}

/* torch.linspace in float: counted from both ends, so that both are met exactly. */
bool ps_guidance_ramp(float min, float max, uint32_t frames, float *scale)
{
    const float step = frames > 1 ? (max - min) / (float)(frames - 1) : 0.0f;
    bool guided = false;
    for (uint32_t f = 0; f < frames; f++) {
        if (frames == 1 || f < frames / 2)
            scale[f] = min + step * (float)f;
        else
            scale[f] = max - step * (float)(frames - 1 - f);
        guided = guided || scale[f] > 1.0f;
    }
    return guided;
}
