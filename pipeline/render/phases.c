#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "render/session.h"

uint64_t ps_latent_frame(const struct ps_request *request)
{
    return (uint64_t)request->latent_h * request->latent_w * request->latent_channels;
}

static bool is_live(const struct ps_run *run, const struct ps_session *session)
{
    return ps_run_ok(run) && !run->backend->plan_only && session->events;
}

/* What an event's false means where no error was set. */
static void answer(struct ps_run *run, bool go_on)
{
    if (!go_on && ps_run_ok(run))
        ps_run_fail(run, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
}

/* Whether the device is through with all that was asked of it; false also on the plan interpreter. */
static bool is_finished(struct ps_run *run, const struct ps_session *session)
{
    return is_live(run, session) && run->backend->ops->finish(run->backend, run->error);
}

static void step_done(struct ps_run *run, struct ps_session *session, uint32_t step, uint32_t steps)
{
    if (is_finished(run, session))
        answer(run, session->events->step_done(session->events->user, step, steps));
}

static void vision_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    struct ps_session *session = subject;
    const struct ps_vision *vision = &session->model->vision;
    const uint32_t size = vision->config.image_size;
    (void)steps;
    const struct ps_tensor pixels = ps_new(run, run->type, 1, size, size, 3);
    ps_upload_floats(run, pixels, session->pixels);
    ps_download_floats(run, ps_vision_forward(run, vision, pixels), session->embedding);
    step_done(run, session, 1, 1);
}

/* Sampling steps that a take has left. */
static uint32_t steps_left(const struct ps_session *session, const struct ps_take *take)
{
    return take->step < session->until ? session->until - take->step : 0;
}

/* Noise on the photo is drawn from the seed, so every take has a photo of its own to encode. */
static void encoder_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    struct ps_session *session = subject;
    const struct ps_render_params *params = &session->request->params;
    for (uint32_t i = 0; i < session->take_count && steps && ps_run_ok(run); i++) {
        struct ps_take *take = &session->takes[i];
        if (!steps_left(session, take))
            continue;
        session->take = i;
        ps_enter(run, "take");
        const struct ps_tensor image = ps_new(run, run->type, 1, params->height, params->width, 3);
        ps_upload_floats(run, image, take->image);
        ps_download_floats(run, ps_encoder_forward(run, &session->model->encoder, image),
                           take->image_latents);
        ps_leave(run, (struct ps_tensor){0});
        step_done(run, session, 1, 1);
        steps--;
    }
}

/* What one half of the guidance sees: the photo's latent in every frame and its embedding, or zeros for both.
 */
struct condition {
    struct ps_tensor latents; /* [frames, h, w, c] */
    struct ps_tensor context; /* from ps_unet_context */
};

static struct condition make_condition(struct ps_run *run, const struct ps_session *session,
                                       const struct ps_take *take, bool zero)
{
    const struct ps_request *request = session->request;
    const uint32_t frames = request->params.frames;
    struct condition condition = {
        .latents =
            ps_new(run, run->type, frames, request->latent_h, request->latent_w, request->latent_channels),
    };
    struct ps_tensor embedding =
        ps_new(run, run->type, 1, 1, 1, session->model->vision.config.projection_dim);
    if (zero) {
        /* A blend of nothing is 0. */
        ps_blend(run, &(struct ps_blend){.into = condition.latents});
        ps_blend(run, &(struct ps_blend){.into = embedding});
    } else {
        const struct ps_tensor first = ps_frames(condition.latents, 0, 1);
        ps_upload_floats(run, first, take->image_latents);
        for (uint32_t f = 1; f < frames; f++)
            ps_blend(run, &(struct ps_blend){.a = 1, .p = first, .into = ps_frames(condition.latents, f, 1)});
        ps_upload_floats(run, embedding, session->embedding);
    }
    condition.context = ps_unet_context(run, &session->model->unet, embedding);
    ps_drop(run, &embedding);
    return condition;
}

/* What stays on the device while a take is sampled. */
struct sampling {
    struct ps_tensor latents; /* float32, [frames, h, w, c] */
    struct ps_tensor scale;   /* guidance by frame */
    struct condition cond, uncond;
    struct ps_unet_clip clip;
};

/* One half of the guidance: v as float32. */
static struct ps_tensor predict(struct ps_run *run, struct ps_session *session, const struct sampling *s,
                                const struct condition *condition, struct ps_tensor time,
                                struct ps_tensor scaled)
{
    ps_enter(run, "predict");
    const struct ps_tensor x = ps_concat(run, scaled, condition->latents);
    const struct ps_tensor v =
        ps_unet_forward(run, &session->model->unet, &s->clip, x, condition->context, time);
    return ps_leave(run, ps_widen(run, v, 1, (struct ps_tensor){0}));
}

/* v, guided. The numbers of a step are in `time` and `scaled` alone, so that its launches are those of every step. */
static struct ps_tensor predict_guided(struct ps_run *run, struct ps_session *session,
                                       const struct sampling *s, struct ps_tensor time,
                                       struct ps_tensor scaled)
{
    ps_repeat_begin(run);
    struct ps_tensor v = predict(run, session, s, &s->cond, time, scaled);
    if (session->request->guided)
        v = ps_guide(run, predict(run, session, s, &s->uncond, time, scaled), v, s->scale);
    ps_repeat_end(run);
    return v;
}

static void check_finite(struct ps_run *run, const float *latents, uint64_t count)
{
    if (!ps_run_ok(run) || run->backend->plan_only)
        return;
    for (uint64_t i = 0; i < count; i++) {
        if (isfinite(latents[i]))
            continue;
        ps_run_fail(run, PS_ERR_CHECKPOINT, "latents.not-finite",
                    "sampling left the range of numbers: the latents hold NaN or infinity");
        ps_hint(run->error,
                run->type == PS_F16
                    ? "try --dtype bf16, which has the range of f32, or f32; if that fails too the "
                      "checkpoint is damaged"
                    : "the checkpoint is damaged or not Stable Video Diffusion");
        return;
    }
}

/* Step `i` of the take, in place; with `preview` also the step from there to noise level 0. */
static void sample_step(struct ps_run *run, struct ps_session *session, const struct sampling *s, uint32_t i,
                        float *preview, bool is_draft)
{
    const struct ps_request *request = session->request;
    const struct ps_step step = ps_step_at(&request->sigmas, i);
    ps_enter(run, "step");
    const struct ps_tensor time = ps_unet_time(run, &session->model->unet, &s->clip, step.time);
    const struct ps_tensor scaled = ps_narrow(run, s->latents, step.input_scale);
    const struct ps_tensor v = predict_guided(run, session, s, time, scaled);
    if (is_draft) {
        const struct ps_step last = ps_step_to_end(&request->sigmas, i);
        ps_download_floats(
            run,
            ps_blend(run, &(struct ps_blend){.a = last.x_scale, .p = s->latents, .b = last.v_scale, .q = v}),
            preview);
    }
    ps_blend(run, &(struct ps_blend){
                      .a = step.x_scale, .p = s->latents, .b = step.v_scale, .q = v, .into = s->latents});
    ps_taps_step(session->taps, run, i, v, s->latents);
    ps_leave(run, (struct ps_tensor){0});
}

/* Takes over the latents after `step` steps, once they are whole and the device has got through: whatever fails later,
 * sampling can go on from there. */
static void keep_step(struct ps_run *run, struct ps_session *session, struct ps_take *take,
                      struct ps_tensor latents, uint32_t step)
{
    ps_download_floats(run, latents, session->spare);
    check_finite(run, session->spare, ps_elements(latents));
    if (!is_finished(run, session))
        return;
    float *before = take->latents;
    take->latents = session->spare;
    session->spare = before;
    take->step = step;
    answer(run, session->events->step_done(session->events->user, step, session->until));
}

/* Runs `steps` sampling steps of one take. */
static void sample_take(struct ps_run *run, struct ps_session *session, struct ps_take *take, uint32_t steps)
{
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const float ids[3] = {(float)params->fps - 1, params->motion, params->noise_augmentation};
    struct sampling s = {
        .latents = ps_new(run, PS_F32, params->frames, request->latent_h, request->latent_w,
                          request->latent_channels),
        .scale = ps_new(run, PS_F32, 1, 1, 1, params->frames),
    };
    ps_upload_floats(run, s.latents, take->latents);
    ps_upload_floats(run, s.scale, request->guidance);
    s.cond = make_condition(run, session, take, false);
    if (request->guided)
        s.uncond = make_condition(run, session, take, true);
    s.clip = ps_unet_prepare(run, &session->model->unet, params->frames, ids);
    const uint32_t end = take->step + steps;
    for (uint32_t i = take->step; i < end && ps_run_ok(run); i++) {
        sample_step(run, session, &s, i, take->preview, i + 1 == end && session->until < params->steps);
        keep_step(run, session, take, s.latents, i + 1);
    }
}

static void unet_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    struct ps_session *session = subject;
    for (uint32_t i = 0; i < session->take_count && steps && ps_run_ok(run); i++) {
        struct ps_take *take = &session->takes[i];
        const uint32_t left = (uint32_t)ps_min_u64(steps_left(session, take), steps);
        if (!left)
            continue;
        session->take = i;
        ps_enter(run, "take");
        sample_take(run, session, take, left);
        ps_leave(run, (struct ps_tensor){0});
        steps -= left;
        if (is_live(run, session))
            answer(run, session->events->sampled(session->events->user, i));
    }
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
static void decode_frames(struct ps_run *run, struct ps_session *session, const float *latents,
                          uint32_t first, uint32_t count, float *pixels)
{
    const struct ps_request *request = session->request;
    ps_enter(run, "decode");
    struct ps_tensor z =
        ps_new(run, run->type, count, request->latent_h, request->latent_w, request->latent_channels);
    ps_upload_floats(run, z, latents ? latents + first * ps_frame_elements(z) : NULL);
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

/* The decoder takes latents in its own scale. Null while planning and after an error. */
static float *unscaled(struct ps_run *run, const struct ps_session *session, const struct ps_take *take)
{
    const uint64_t count = ps_latent_frame(session->request) * session->request->params.frames;
    const float *from = take->preview ? take->preview : take->latents;
    if (!is_live(run, session))
        return NULL;
    float *latents = malloc((size_t)count * sizeof *latents);
    if (!latents)
        ps_run_fail(run, PS_ERR_MEMORY, "memory.host", "out of memory");
    const float scale = 1.0f / session->model->checkpoint->vae.scaling_factor;
    for (uint64_t i = 0; latents && i < count; i++)
        latents[i] = from[i] * scale;
    return latents;
}

static void decode_take(struct ps_run *run, struct ps_session *session, const struct ps_take *take)
{
    const struct ps_render_params *params = &session->request->params;
    const uint32_t chunk =
        params->decode_chunk ? (uint32_t)ps_min_u64(params->decode_chunk, params->frames) : params->frames;
    const uint32_t pieces = ps_div_up(params->frames, chunk);
    float *pixels = malloc((size_t)params->width * params->height * 3 * sizeof *pixels);
    float *latents = unscaled(run, session, take);
    if (!pixels)
        ps_run_fail(run, PS_ERR_MEMORY, "memory.host", "out of memory");
    for (uint32_t i = 0; i < pieces && ps_run_ok(run); i++) {
        const uint32_t first = i * chunk;
        decode_frames(run, session, latents, first, (uint32_t)ps_min_u64(chunk, params->frames - first),
                      pixels);
        step_done(run, session, i + 1, pieces);
    }
    free(latents);
    free(pixels);
}

static void decoder_phase(struct ps_run *run, void *subject, uint32_t steps)
{
    struct ps_session *session = subject;
    const uint32_t first = session->handed;
    for (uint32_t i = first; i < first + steps && ps_run_ok(run); i++) {
        session->take = i;
        if (is_live(run, session))
            answer(run, session->events->decoding(session->events->user, i));
        decode_take(run, session, &session->takes[i]);
        if (is_live(run, session))
            answer(run, session->events->decoded(session->events->user, i));
    }
}

void ps_session_phases(struct ps_session *session, struct ps_phase phases[PS_MAX_PHASES])
{
    const struct ps_model *model = session->model;
    const struct ps_request *request = session->request;
    const struct ps_part *parts = model->checkpoint->parts;
    uint32_t unfinished = 0, steps = 0;
    for (uint32_t i = 0; i < session->take_count; i++) {
        steps += steps_left(session, &session->takes[i]);
        unfinished += steps_left(session, &session->takes[i]) > 0;
    }
    phases[PS_PHASE_VISION] = (struct ps_phase){.name = "vision",
                                                .weights = &model->vision.weights,
                                                .store = &parts[PS_PART_VISION].store,
                                                .type = request->type,
                                                .steps = unfinished > 0,
                                                .body = vision_phase,
                                                .subject = session};
    phases[PS_PHASE_ENCODER] = (struct ps_phase){.name = "encoder",
                                                 .weights = &model->encoder.weights,
                                                 .store = &parts[PS_PART_VAE].store,
                                                 .type = request->encoder_type,
                                                 .steps = unfinished,
                                                 .body = encoder_phase,
                                                 .subject = session};
    phases[PS_PHASE_UNET] = (struct ps_phase){.name = "unet",
                                              .weights = &model->unet.weights,
                                              .store = &parts[PS_PART_UNET].store,
                                              .type = request->type,
                                              .quantised = request->params.weights == PS_WEIGHTS_Q8,
                                              .steps = steps,
                                              .body = unet_phase,
                                              .subject = session};
    phases[PS_PHASE_DECODER] = (struct ps_phase){.name = "decoder",
                                                 .weights = &model->decoder.weights,
                                                 .store = &parts[PS_PART_VAE].store,
                                                 .type = request->type,
                                                 .steps = session->take_count - session->handed,
                                                 .body = decoder_phase,
                                                 .subject = session};
}
