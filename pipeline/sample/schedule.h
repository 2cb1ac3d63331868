/* Noise levels, the Euler steps between them, and the guidance ramp. */
#ifndef PS_SAMPLE_SCHEDULE_H
#define PS_SAMPLE_SCHEDULE_H

#include "base/error.h"

/* Falling noise levels, in units of the latents' standard deviation: sigma[0] to sigma[steps - 1] are above
 * 0, sigma[steps] is 0. Step i goes from sigma[i] to sigma[i + 1]. */
struct ps_sigmas {
    uint32_t steps;
    float sigma[PS_MAX_STEPS + 1];
};

/* Karras et al. 2022 (arXiv 2206.00364), equation 5 with rho = 7, from sigma_max down to sigma_min, then 0.
 * The bounds are the checkpoint's. Status: PS_ERR_USAGE for steps outside 1 to PS_MAX_STEPS,
 * PS_ERR_CHECKPOINT for the bounds. */
enum ps_status ps_sigmas_karras(struct ps_sigmas *sigmas, uint32_t steps, double sigma_min, double sigma_max,
                                struct ps_error *error);

/* Align Your Steps (Sabour et al. 2024, arXiv 2404.14507, table 3): the list published for Stable Video
 * Diffusion at 10 steps; at other counts its logarithm interpolated linearly over the step number, as its
 * authors publish it. The last level, 0.002, then becomes 0, as in diffusers' copy of the list. Status:
 * PS_ERR_USAGE. */
enum ps_status ps_sigmas_ays(struct ps_sigmas *sigmas, uint32_t steps, struct ps_error *error);

/* The caller's own levels. Status: PS_ERR_USAGE, with the position, unless there are 2 to PS_MAX_STEPS + 1 of
 * them, each below the one before, at most 1e6, above 0 but for the last, which is 0. */
enum ps_status ps_sigmas_list(struct ps_sigmas *sigmas, const float *list, uint32_t count,
                              struct ps_error *error);

/* Standard deviation of the latents that sampling starts from: sqrt(sigma[0]^2 + 1). Unit noise times this is
 * x. */
float ps_initial_scale(const struct ps_sigmas *sigmas);

/* One Euler step of the probability flow, for a network that predicts v:
 *
 *   v  = unet(concat(input_scale * x, image latents), time)
 *   x' = x_scale * x + v_scale * v */
struct ps_step {
    float time; /* ln(sigma) / 4, what the network's time embedding takes */
    float input_scale;
    float x_scale, v_scale;
};

struct ps_step ps_step_at(const struct ps_sigmas *sigmas, uint32_t step);

/* The same from sigma[step] to noise level 0 at once: what the network takes for the end. */
struct ps_step ps_step_to_end(const struct ps_sigmas *sigmas, uint32_t step);

/* scale[f] = min + (max - min) f / (frames - 1); one frame has min. True where the unconditional half of the
 * network is needed: some frame's scale is above 1. Where it is not, v is the conditional half's alone. */
bool ps_guidance_ramp(float min, float max, uint32_t frames, float *scale);

#endif
