#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "render/session.h"

static void step_done(struct ps_run *run, struct ps_session *session, uint32_t step, uint32_t steps)
{
    if (!ps_run_ok(run) || run->backend->plan_only || !session->step_done)
        return;
    if (run->backend->ops->finish(run->backend, run->error) &&
        !session->step_done(session->user, step, steps))
        ps_run_fail(run, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
}

static void vision_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    (void)steps;
    struct ps_session *session = subject;
    const struct ps_vision *vision = &session->model->vision;
    const uint32_t size = vision->config.image_size;
    const struct ps_tensor pixels = ps_new(run, run->type, 1, size, size, 3);
    ps_upload_floats(run, pixels, session->pixels);
    ps_download_floats(run, ps_vision_forward(run, vision, pixels), session->embedding);
    step_done(run, session, 1, 1);
}

static void encoder_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    (void)steps;
    struct ps_session *session = subject;
    const struct ps_render_params *params = &session->request->params;
    const struct ps_tensor image = ps_new(run, run->type, 1, params->height, params->width, 3);
    ps_upload_floats(run, image, session->image);
    ps_download_floats(run, ps_encoder_forward(run, &session->model->encoder, image), session->image_latents);
    step_done(run, session, 1, 1);
}

/* What one half of the guidance sees: the photo's latent in every frame and its embedding, or zeros for both.
 */
struct condition {
    struct ps_tensor latents; /* [frames, h, w, c] */
    struct ps_tensor context; /* [1, 1, 1, cross_attention_dim] */
};

static struct condition make_condition(struct ps_run *run, struct ps_session *session, bool zero)
{
    const struct ps_request *request = session->request;
    const uint32_t frames = request->params.frames;
    struct condition condition = {
        .latents =
            ps_new(run, run->type, frames, request->latent_h, request->latent_w, request->latent_channels),
        .context = ps_new(run, run->type, 1, 1, 1, session->model->vision.config.projection_dim),
    };
    if (zero) {
        /* A blend of nothing is 0. */
        ps_blend(run, &(struct ps_blend){.into = condition.latents});
        ps_blend(run, &(struct ps_blend){.into = condition.context});
        return condition;
    }
    const struct ps_tensor first = ps_frames(condition.latents, 0, 1);
    ps_upload_floats(run, first, session->image_latents);
    for (uint32_t f = 1; f < frames; f++)
        ps_blend(run, &(struct ps_blend){.a = 1, .p = first, .into = ps_frames(condition.latents, f, 1)});
    ps_upload_floats(run, condition.context, session->embedding);
    return condition;
}

/* One half of the guidance: v as float32. */
static struct ps_tensor predict(struct ps_run *run, struct ps_session *session,
                                const struct ps_unet_clip *clip, struct ps_tensor latents,
                                const struct condition *condition, struct ps_step step)
{
    ps_enter(run, "predict");
    struct ps_tensor scaled = ps_narrow(run, latents, step.input_scale);
    struct ps_tensor x = ps_concat(run, scaled, condition->latents);
    ps_drop(run, &scaled);
    const struct ps_tensor v =
        ps_unet_forward(run, &session->model->unet, clip, x, condition->context, step.time);
    return ps_leave(run, ps_widen(run, v, 1, (struct ps_tensor){0}));
}

static void check_finite(struct ps_run *run, const struct ps_session *session, uint64_t count)
{
    if (!ps_run_ok(run) || run->backend->plan_only)
        return;
    for (uint64_t i = 0; i < count; i++) {
        if (isfinite(session->latents[i]))
            continue;
        ps_run_fail(run, PS_ERR_CHECKPOINT, "latents.not-finite",
                    "sampling left the range of numbers: the latents hold NaN or infinity");
        ps_hint(run->error, run->type == PS_F16
                                ? "try --dtype f32; if that fails too the checkpoint is damaged"
                                : "the checkpoint is damaged or not Stable Video Diffusion");
        return;
    }
}

static void unet_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    struct ps_session *session = subject;
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const float ids[3] = {(float)params->fps - 1, params->motion, params->noise_augmentation};
    struct ps_tensor latents =
        ps_new(run, PS_F32, params->frames, request->latent_h, request->latent_w, request->latent_channels);
    const struct ps_tensor scale = ps_new(run, PS_F32, 1, 1, 1, params->frames);
    ps_upload_floats(run, latents, session->latents);
    ps_upload_floats(run, scale, request->guidance);
    struct condition uncond = {0};
    const struct condition cond = make_condition(run, session, false);
    if (request->guided)
        uncond = make_condition(run, session, true);
    const struct ps_unet_clip clip = ps_unet_prepare(run, &session->model->unet, params->frames, ids);
    for (uint32_t i = 0; i < steps && ps_run_ok(run); i++) {
        const struct ps_step step = ps_step_at(&request->sigmas, i);
        ps_enter(run, "step");
        struct ps_tensor v = predict(run, session, &clip, latents, &cond, step);
        if (request->guided)
            v = ps_guide(run, predict(run, session, &clip, latents, &uncond, step), v, scale);
        ps_blend(run, &(struct ps_blend){
                          .a = step.x_scale, .p = latents, .b = step.v_scale, .q = v, .into = latents});
        ps_taps_step(session->taps, run, i, v, latents);
        ps_leave(run, (struct ps_tensor){0});
        step_done(run, session, i + 1, steps);
    }
    ps_download_floats(run, latents, session->latents);
    check_finite(run, session, ps_elements(latents));
}

/* round(255 clamp(x / 2 + 1/2)), halves to even as numpy rounds. Returns how many values are no numbers; NaN becomes
 * black. */
static uint64_t quantise(const float *frame, uint64_t count, uint8_t *to)
{
    uint64_t not_finite = 0;
    for (uint64_t i = 0; i < count; i++) {
        const float unit = fminf(fmaxf(frame[i] * 0.5f + 0.5f, 0), 1);
        to[i] = (uint8_t)rintf(unit * 255);
        not_finite += isfinite(frame[i]) ? 0 : 1;
    }
    return not_finite;
}

/* Decodes latents of frames [first, first + count) as a clip of their own and hands the frames to the
 * session. */
static void decode_frames(struct ps_run *run, struct ps_session *session, uint32_t first, uint32_t count,
                          float *pixels)
{
    const struct ps_request *request = session->request;
    ps_enter(run, "decode");
    struct ps_tensor z =
        ps_new(run, run->type, count, request->latent_h, request->latent_w, request->latent_channels);
    ps_upload_floats(run, z, session->latents ? session->latents + first * ps_frame_elements(z) : NULL);
    const struct ps_tensor y = ps_decoder_forward(run, &session->model->decoder, z);
    for (uint32_t f = 0; f < count && ps_run_ok(run); f++) {
        ps_download_floats(run, ps_frames(y, f, 1), pixels);
        if (!ps_run_ok(run) || !session->clip)
            continue;
        session->clip->not_finite +=
            quantise(pixels, ps_frame_elements(y), ps_clip_frame_pixels(session->clip, first + f));
        ps_taps_frame(session->taps, first + f, pixels);
    }
    ps_leave(run, (struct ps_tensor){0});
}

static void decoder_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    (void)steps;
    struct ps_session *session = subject;
    const struct ps_render_params *params = &session->request->params;
    const uint32_t chunk =
        params->decode_chunk ? (uint32_t)ps_min_u64(params->decode_chunk, params->frames) : params->frames;
    const uint32_t pieces = ps_div_up(params->frames, chunk);
    float *pixels = malloc((size_t)params->width * params->height * 3 * sizeof *pixels);
    if (!pixels)
        ps_run_fail(run, PS_ERR_MEMORY, "memory.host", "out of memory");
    for (uint32_t i = 0; i < pieces && ps_run_ok(run); i++) {
        const uint32_t first = i * chunk;
        decode_frames(run, session, first, (uint32_t)ps_min_u64(chunk, params->frames - first), pixels);
        step_done(run, session, i + 1, pieces);
    }
    free(pixels);
}

void ps_session_phases(struct ps_session *session, struct ps_phase phases[PS_MAX_PHASES])
{
    const struct ps_model *model = session->model;
    const struct ps_request *request = session->request;
    const struct ps_part *parts = model->checkpoint->parts;
    phases[PS_PHASE_VISION] = (struct ps_phase){.name = "vision",
                                                .weights = &model->vision.weights,
                                                .store = &parts[PS_PART_VISION].store,
                                                .type = request->type,
                                                .steps = 1,
                                                .body = vision_phase,
                                                .subject = session};
    phases[PS_PHASE_ENCODER] = (struct ps_phase){.name = "encoder",
                                                 .weights = &model->encoder.weights,
                                                 .store = &parts[PS_PART_VAE].store,
                                                 .type = request->encoder_type,
                                                 .steps = 1,
                                                 .body = encoder_phase,
                                                 .subject = session};
    phases[PS_PHASE_UNET] = (struct ps_phase){.name = "unet",
                                              .weights = &model->unet.weights,
                                              .store = &parts[PS_PART_UNET].store,
                                              .type = request->type,
                                              .steps = request->params.steps,
                                              .body = unet_phase,
                                              .subject = session};
    phases[PS_PHASE_DECODER] = (struct ps_phase){.name = "decoder",
                                                 .weights = &model->decoder.weights,
                                                 .store = &parts[PS_PART_VAE].store,
                                                 .type = request->type,
                                                 .steps = 1,
                                                 .body = decoder_phase,
                                                 .subject = session};
}
