#include "render/params.h"

#include <math.h>

bool ps_param_in_range(const char *name, double value, double low, double high, struct ps_error *error)
{
    if (value >= low && value <= high)
        return true;
    ps_fail(error, PS_ERR_USAGE, "usage.range", "%s is %g; it must be from %g to %g", name, value, low, high);
    return false;
}

bool ps_param_is_size(const char *name, uint32_t pixels, struct ps_error *error)
{
    if (!ps_param_in_range(name, pixels, 16, 8192, error))
        return false;
    if (pixels % 8 == 0)
        return true;
    ps_fail(error, PS_ERR_USAGE, "usage.size", "%s is %u, which is not a multiple of 8", name, pixels);
    ps_hint(error, "use %u or %u", pixels / 8 * 8, pixels / 8 * 8 + 8);
    return false;
}

static float positive_or(float value, float fallback)
{
    return value == 0 ? fallback : value < 0 ? 0 : value;
}

static uint32_t first_of(uint32_t asked, uint32_t wished, uint32_t fallback)
{
    return asked ? asked : wished ? wished : fallback;
}

/* What the caller leaves open the model may wish, and Stable Video Diffusion's values are the rest. */
static void fill_defaults(struct ps_render_params *p, const struct ps_model *model)
{
    const struct ps_defaults *wish = &model->checkpoint->defaults;
    p->width = first_of(p->width, wish->width, 1024);
    p->height = first_of(p->height, wish->height, 576);
    p->frames = first_of(p->frames, wish->frames, first_of(model->checkpoint->unet.num_frames, 0, 25));
    p->fps = first_of(p->fps, wish->fps, 7);
    p->motion = positive_or(p->motion, positive_or(wish->motion, 127));
    p->noise_augmentation = positive_or(p->noise_augmentation, 0.02f);
    p->steps = first_of(p->steps, p->schedule == PS_SCHEDULE_AYS ? 10 : wish->steps, 25);
    if (p->guidance_min == 0)
        p->guidance_min = positive_or(wish->guidance[0], 1);
    if (p->guidance_max == 0)
        p->guidance_max = positive_or(wish->guidance[1], 3);
    if (p->dtype == PS_DTYPE_DEFAULT && wish->shuns_bf16 && ps_context_dtype(model->context) == PS_DTYPE_BF16)
        p->dtype = PS_DTYPE_F32;
    if (!p->memory_bytes)
        p->memory_bytes = ps_context_free_bytes(model->context);
}

static bool ranges_hold(const struct ps_render_params *p, struct ps_error *error)
{
    return ps_param_is_size("width", p->width, error) && ps_param_is_size("height", p->height, error) &&
           ps_param_in_range("frames", p->frames, 1, PS_MAX_FRAMES, error) &&
           ps_param_in_range("fps", p->fps, 1, 120, error) &&
           ps_param_in_range("motion", p->motion, 0, 1023, error) &&
           ps_param_in_range("noise augmentation", p->noise_augmentation, 0, 10, error) &&
           ps_param_in_range("guidance minimum", p->guidance_min, 0.01, 100, error) &&
           ps_param_in_range("guidance maximum", p->guidance_max, 0.01, 100, error) &&
           ps_param_in_range("decode chunk", p->decode_chunk, 0, PS_MAX_FRAMES, error) &&
           ps_param_in_range("fit", p->fit, PS_FIT_CROP, PS_FIT_EXTEND, error) &&
           ps_param_in_range("focus", p->focus, PS_FOCUS_CENTRE, PS_FOCUS_POINT, error) &&
           ps_param_in_range("focus x", (double)p->focus_x, 0, 1, error) &&
           ps_param_in_range("focus y", (double)p->focus_y, 0, 1, error) &&
           ps_param_in_range("pad colour", p->pad_colour, 0, 0xffffff, error) &&
           ps_param_in_range("schedule", p->schedule, PS_SCHEDULE_KARRAS, PS_SCHEDULE_AYS, error) &&
           ps_param_in_range("rng", p->rng, PS_RNG_PHILOX, PS_RNG_TORCH_CPU, error) &&
           ps_param_in_range("weights", p->weights, PS_WEIGHTS_FULL, PS_WEIGHTS_Q8, error);
}

static enum ps_status make_sigmas(struct ps_request *request, const struct ps_model *model,
                                  struct ps_error *error)
{
    struct ps_render_params *p = &request->params;
    const struct ps_scheduler_config *scheduler = &model->checkpoint->scheduler;
    if (p->sigmas)
        ps_sigmas_list(&request->sigmas, p->sigmas, p->sigma_count, error);
    else if (p->schedule == PS_SCHEDULE_AYS)
        ps_sigmas_ays(&request->sigmas, p->steps, error);
    else
        ps_sigmas_karras(&request->sigmas, p->steps, scheduler->sigma_min, scheduler->sigma_max, error);
    p->steps = request->sigmas.steps;
    return error->status;
}

bool ps_param_type(enum ps_dtype *dtype, enum ps_type *type, const struct ps_context *context,
                   struct ps_error *error)
{
    if (*dtype == PS_DTYPE_DEFAULT)
        *dtype = ps_context_dtype(context);
    if (!ps_param_in_range("dtype", *dtype, PS_DTYPE_F32, PS_DTYPE_BF16, error))
        return false;
    *type = *dtype == PS_DTYPE_BF16 ? PS_BF16 : *dtype == PS_DTYPE_F16 ? PS_F16 : PS_F32;
    return true;
}

enum ps_status ps_request_resolve(struct ps_request *request, const struct ps_model *model,
                                  const struct ps_render_params *params, struct ps_error *error)
{
    *request = (struct ps_request){0};
    if (params)
        request->params = *params;
    struct ps_render_params *p = &request->params;
    fill_defaults(p, model);
    if (!ranges_hold(p, error) || make_sigmas(request, model, error) ||
        !ps_param_type(&p->dtype, &request->type, model->context, error))
        return error->status;
    const uint32_t scale = ps_model_latent_scale(model);
    request->latent_h = p->height / scale;
    request->latent_w = p->width / scale;
    request->latent_channels = model->checkpoint->vae.latent_channels;
    if (p->height % scale || p->width % scale)
        return ps_fail(error, PS_ERR_USAGE, "usage.size",
                       "%ux%u is not a multiple of %u, which this model's VAE needs", p->width, p->height,
                       scale);
    request->guided = ps_guidance_ramp(p->guidance_min, p->guidance_max, p->frames, request->guidance);
    request->encoder_type = model->checkpoint->vae.force_upcast ? PS_F32 : request->type;
    return PS_OK;
}
