#include "render/bench_part.h"

#include <stdlib.h>

#include "weights/random.h"

#define TIMESTEP 0.5f /* 0.25 ln sigma of a noise level in the middle; the time does not depend on it */

static bool bind(struct ps_bench_subject *subject, struct ps_binder *binder)
{
    switch (subject->part) {
    case PS_BENCH_UNET:
        return ps_unet_bind(&subject->unet, binder, &ps_svd_xt_unet);
    case PS_BENCH_DECODER:
        ps_decoder_bind(&subject->decoder, binder, &ps_svd_xt_vae);
        return true;
    case PS_BENCH_ENCODER:
        ps_encoder_bind(&subject->encoder, binder, &ps_svd_xt_vae);
        return true;
    case PS_BENCH_VISION:
        return ps_vision_bind(&subject->vision, binder, &ps_svd_xt_vision);
    }
    return false;
}

static struct ps_weight_set *own_weights(struct ps_bench_subject *subject)
{
    struct ps_weight_set *const sets[] = {&subject->unet.weights, &subject->decoder.weights,
                                          &subject->encoder.weights, &subject->vision.weights};
    return sets[subject->part];
}

static enum ps_status make(struct ps_bench_subject *subject, struct ps_error *error)
{
    struct ps_binder binder;
    subject->random = true;
    subject->latent_scale = 1u << (ps_svd_xt_vae.levels - 1);
    subject->latent_channels = ps_svd_xt_vae.latent_channels;
    ps_part_init_random(&subject->source, subject->name);
    subject->store = &subject->source.store;
    if (ps_binder_begin(&binder, &subject->source, error))
        return error->status;
    if (bind(subject, &binder))
        return ps_binder_finish(&binder, own_weights(subject), error);
    ps_binder_drop(&binder);
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

static void take(struct ps_bench_subject *subject, const struct ps_model *model)
{
    const struct ps_part *parts = model->checkpoint->parts;
    subject->latent_scale = ps_model_latent_scale(model);
    subject->latent_channels = model->checkpoint->vae.latent_channels;
    switch (subject->part) {
    case PS_BENCH_UNET:
        subject->unet = model->unet;
        subject->store = &parts[PS_PART_UNET].store;
        break;
    case PS_BENCH_DECODER:
        subject->decoder = model->decoder;
        subject->store = &parts[PS_PART_VAE].store;
        break;
    case PS_BENCH_ENCODER:
        subject->encoder = model->encoder;
        subject->store = &parts[PS_PART_VAE].store;
        break;
    case PS_BENCH_VISION:
        subject->vision = model->vision;
        subject->store = &parts[PS_PART_VISION].store;
        break;
    }
}

enum ps_status ps_bench_subject_open(struct ps_bench_subject *subject, enum ps_bench_part part,
                                     const struct ps_model *model, struct ps_error *error)
{
    static const char *const names[] = {"unet", "decoder", "encoder", "vision"};
    *subject = (struct ps_bench_subject){.part = part, .name = names[part]};
    subject->weights = own_weights(subject);
    if (!model)
        return make(subject, error);
    take(subject, model);
    return PS_OK;
}

void ps_bench_subject_close(struct ps_bench_subject *subject)
{
    if (!subject->random)
        return;
    if (subject->part == PS_BENCH_UNET)
        ps_unet_free(&subject->unet);
    else if (subject->part == PS_BENCH_VISION)
        ps_vision_free(&subject->vision);
    else
        ps_weight_set_free(own_weights(subject));
}

/* A tensor of numbers from -1 to 1, always the same. */
static struct ps_tensor noise(struct ps_run *run, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    const struct ps_tensor t = ps_new(run, run->type, n, h, w, c);
    const uint64_t count = ps_elements(t);
    float *values = run->backend->plan_only ? NULL : malloc((size_t)count * sizeof *values);
    if (!values && !run->backend->plan_only)
        ps_run_fail(run, PS_ERR_MEMORY, "memory.host", "out of memory");
    uint32_t state = 1;
    for (uint64_t i = 0; values && i < count; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes */
        values[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    ps_upload_floats(run, t, values);
    free(values);
    return t;
}

struct ps_bench_inputs ps_bench_inputs(struct ps_run *run, const struct ps_bench_subject *subject,
                                       const struct ps_bench_params *params)
{
    static const float ids[3] = {6, 127, 0.02f};
    const uint32_t h = params->height / subject->latent_scale, w = params->width / subject->latent_scale;
    struct ps_bench_inputs inputs = {0};
    switch (subject->part) {
    case PS_BENCH_UNET:
        inputs.x = noise(run, params->frames, h, w, subject->unet.config.in_channels);
        inputs.context = ps_unet_context(run, &subject->unet,
                                         noise(run, 1, 1, 1, subject->unet.config.cross_attention_dim[0]));
        inputs.clip = ps_unet_prepare(run, &subject->unet, params->frames, ids);
        break;
    case PS_BENCH_DECODER:
        inputs.x = noise(run, params->frames, h, w, subject->latent_channels);
        break;
    case PS_BENCH_ENCODER:
        inputs.x = noise(run, 1, params->height, params->width, 3);
        break;
    case PS_BENCH_VISION:
        inputs.x = noise(run, 1, subject->vision.config.image_size, subject->vision.config.image_size, 3);
        break;
    }
    return inputs;
}

struct ps_tensor ps_bench_forward(struct ps_run *run, const struct ps_bench_subject *subject,
                                  const struct ps_bench_inputs *inputs)
{
    struct ps_tensor y;
    switch (subject->part) {
    case PS_BENCH_UNET:
        y = ps_unet_time(run, &subject->unet, &inputs->clip, TIMESTEP);
        ps_repeat_begin(run);
        y = ps_unet_forward(run, &subject->unet, &inputs->clip, inputs->x, inputs->context, y);
        ps_repeat_end(run);
        return y;
    case PS_BENCH_DECODER:
        return ps_decoder_forward(run, &subject->decoder, inputs->x);
    case PS_BENCH_ENCODER:
        return ps_encoder_forward(run, &subject->encoder, inputs->x);
    case PS_BENCH_VISION:
        return ps_vision_forward(run, &subject->vision, inputs->x);
    }
    return (struct ps_tensor){0};
}
