#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "media/framing.h"
#include "media/resample.h"
#include "render/origin.h"
#include "render/session.h"
#include "render/trained.h"
#include "sample/noise.h"

/* A render while it runs: the session, its layouts, and what progress is told from. */
struct job {
    struct ps_request *request;
    struct ps_session session;
    struct ps_phase phases[PS_MAX_PHASES];
    struct ps_layout_plan layouts[PS_MAX_PHASES];
    const struct ps_render_events *events;
    double begun, phase_step_begun, step_seconds, last_told;
    uint64_t flops_total, flops_before; /* of all phases, of the phases finished */
    uint32_t phase, step, steps;
};

static void free_layouts(struct job *job)
{
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++)
        ps_layout_free(&job->layouts[i]);
}

static enum ps_status plan_job(struct job *job, const struct ps_model *model,
                               const struct ps_render_params *params, struct ps_plan *plan,
                               struct ps_error *error)
{
    if (ps_request_resolve(job->request, model, params, error))
        return error->status;
    const struct ps_render_params *resolved = &job->request->params;
    ps_warn_of_size(model, resolved->width, resolved->height);
    job->session = (struct ps_session){.model = model, .request = job->request};
    ps_session_phases(&job->session, job->phases);
    *plan = (struct ps_plan){.budget_bytes = resolved->memory_bytes, .phase_count = PS_MAX_PHASES};
    plan->resolved = *resolved;
    plan->resolved.sigmas = NULL;
    plan->resolved.taps = plan->resolved.taps_in = NULL;
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++) {
        struct ps_layout_plan *layout = &job->layouts[i];
        struct ps_phase_plan *line = &plan->phases[i];
        if (ps_layout_make(layout, &job->phases[i], model->context->backend, resolved->memory_bytes, error))
            return error->status;
        snprintf(line->name, sizeof line->name, "%s", job->phases[i].name);
        line->weights_bytes = layout->weights_bytes;
        line->scratch_bytes = layout->scratch_bytes;
        line->staging_bytes = layout->staging_bytes;
        line->flops = layout->flops;
        line->streamed = layout->streamed;
        plan->peak_bytes = ps_max_u64(plan->peak_bytes, ps_layout_bytes(layout));
        job->flops_total += layout->flops;
    }
    return PS_OK;
}

enum ps_status ps_render_plan(struct ps_plan *plan, struct ps_model *model,
                              const struct ps_render_params *params, struct ps_error *error)
{
    struct ps_error local = {0};
    error = error ? error : &local;
    struct job job = {.request = malloc(sizeof *job.request)};
    if (!job.request)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    plan_job(&job, model, params, plan, error);
    free_layouts(&job);
    free(job.request);
    return error->status;
}

/* True while the caller wants the render to go on. */
static bool tell(struct job *job, uint64_t flops)
{
    job->last_told = ps_seconds();
    if (!job->events || !job->events->progress)
        return true;
    const struct ps_progress progress = {
        .phase = job->phases[job->phase].name,
        .step = job->step,
        .steps = job->steps,
        .done = job->flops_total ? (double)(job->flops_before + flops) / (double)job->flops_total : 0,
        .seconds = job->last_told - job->begun,
        .step_seconds = job->step_seconds,
    };
    return job->events->progress(job->events->user, &progress);
}

static bool on_launch(void *user, const struct ps_run *run)
{
    struct job *job = user;
    return ps_seconds() - job->last_told < 0.2 || tell(job, run->flops);
}

static bool on_step(void *user, uint32_t step, uint32_t steps)
{
    struct job *job = user;
    const double now = ps_seconds();
    job->step_seconds = now - job->phase_step_begun;
    job->phase_step_begun = now;
    job->step = step < steps ? step + 1 : steps;
    job->steps = steps;
    return tell(job, job->layouts[job->phase].flops / steps * step);
}

static float *new_floats(uint64_t count, struct ps_error *error)
{
    float *floats = malloc((size_t)count * sizeof *floats);
    if (!floats)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory: %llu MiB asked for",
                (unsigned long long)(count * sizeof *floats >> 20));
    return floats;
}

static void free_session(struct ps_session *session)
{
    free(session->pixels);
    free(session->image);
    free(session->embedding);
    free(session->image_latents);
    free(session->latents);
    ps_taps_close(&session->taps);
    ps_clip_free(&session->clip);
}

static enum ps_status allocate_session(struct ps_session *session, struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const struct ps_vision_config *vision = &session->model->vision.config;
    const uint64_t frame = (uint64_t)request->latent_h * request->latent_w * request->latent_channels;
    session->pixels = new_floats(3ull * vision->image_size * vision->image_size, error);
    session->image = new_floats(3ull * params->width * params->height, error);
    session->embedding = new_floats(vision->projection_dim, error);
    session->image_latents = new_floats(frame, error);
    session->latents = new_floats(frame * params->frames, error);
    if (!error->status)
        ps_clip_new(&session->clip, params->width, params->height, params->frames, params->fps, error);
    if (!error->status)
        ps_taps_open(&session->taps, request, session->model, error);
    return error->status;
}

/* Fills image noise [height, width, 3] and latents [frames, h, w, c] with unit normals. Generators draw in
 * diffusers' layout, channels first. */
static enum ps_status draw_noise(const struct ps_session *session, float *image_noise, struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const uint64_t pixels = (uint64_t)params->width * params->height;
    const uint64_t cells = (uint64_t)request->latent_h * request->latent_w,
                   channels = request->latent_channels;
    const uint64_t latent_count = params->frames * cells * channels;
    float *image = new_floats(3 * pixels, error), *latents = new_floats(latent_count, error);
    if (!error->status) {
        ps_draw_noise(params->rng, params->seed, image, 3 * pixels, latents, latent_count);
        ps_channels_last(image_noise, image, 1, pixels, 3);
        ps_channels_last(session->latents, latents, params->frames, cells, channels);
        ps_taps_read_noise(request, image_noise, session->latents, error);
    }
    free(image);
    free(latents);
    return error->status;
}

/* What the phases start from: the vision tower's pixels, the noised photo, and latents at the first noise
 * level. */
static enum ps_status prepare_inputs(struct ps_session *session, const struct ps_photo *photo,
                                     struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const struct ps_vision_config *vision = &session->model->vision.config;
    const struct ps_framing framing = {params->fit, params->focus, params->focus_x, params->focus_y,
                                       params->pad_colour};
    const struct ps_size frame = {params->width, params->height};
    struct ps_framed framed = {0};
    const uint64_t values = 3ull * params->width * params->height;
    const uint64_t side = vision->image_size;
    float *planar = new_floats(3 * side * side, error), *noise = new_floats(values, error);
    uint8_t *resized = malloc((size_t)values), *alpha = NULL;
    if (!resized)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!error->status &&
        !ps_frame_photo(&framed, photo, &framing, frame, error) &&
        !ps_vision_pixels(planar, vision->image_size, &framed.view, vision->mean, vision->std, error) &&
        !ps_resize_lanczos(resized, params->width, params->height, &framed.view, error) &&
        !draw_noise(session, noise, error)) {
        ps_channels_last(session->pixels, planar, 1, side * side, 3);
        for (uint64_t i = 0; i < values; i++)
            session->image[i] =
                (float)resized[i] / 255.0f * 2.0f - 1.0f + params->noise_augmentation * noise[i];
        const float scale = ps_initial_scale(&request->sigmas);
        const uint64_t count =
            (uint64_t)params->frames * request->latent_h * request->latent_w * request->latent_channels;
        for (uint64_t i = 0; i < count; i++)
            session->latents[i] *= scale;
        if (!ps_taps_inputs(session->taps, session->pixels, session->image, error) &&
            !ps_frame_alpha(&alpha, photo, &framed.placement, frame, error)) {
            ps_clip_take_photo(session->clip, resized, alpha);
            resized = NULL;
        }
    }
    ps_framed_free(&framed);
    free(planar);
    free(noise);
    free(resized);
    return error->status;
}

/* The VAE's decoder takes latents in its own scale. */
static void unscale_latents(struct ps_session *session)
{
    const struct ps_request *request = session->request;
    const float scale = 1.0f / session->model->checkpoint->vae.scaling_factor;
    const uint64_t count =
        (uint64_t)request->params.frames * request->latent_h * request->latent_w * request->latent_channels;
    for (uint64_t i = 0; i < count; i++)
        session->latents[i] *= scale;
}

static enum ps_status run_phases(struct job *job, struct ps_error *error)
{
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++) {
        job->phase = i;
        job->step = 1;
        job->steps = job->phases[i].steps;
        job->step_seconds = 0;
        job->phase_step_begun = ps_seconds();
        if (!tell(job, 0))
            return ps_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
        if (ps_layout_run(&job->layouts[i], &job->phases[i], job->session.model->context->backend, on_launch,
                          job, error))
            return error->status;
        job->flops_before += job->layouts[i].flops;
        if (i == PS_PHASE_ENCODER &&
            ps_taps_encoded(job->session.taps, job->session.embedding, job->session.image_latents, error))
            return error->status;
        if (i == PS_PHASE_UNET)
            unscale_latents(&job->session);
    }
    return PS_OK;
}

enum ps_status ps_render(struct ps_clip **clip, struct ps_model *model, const struct ps_photo *photo,
                         const struct ps_render_params *params, const struct ps_render_events *events,
                         struct ps_error *error)
{
    struct ps_error local = {0};
    *clip = NULL;
    error = error ? error : &local;
    struct ps_plan plan;
    struct job job = {.events = events, .begun = ps_seconds(), .request = malloc(sizeof *job.request)};
    if (!job.request)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (plan_job(&job, model, params, &plan, error))
        goto done;
    if (events && events->plan)
        events->plan(events->user, &plan);
    struct ps_backend *backend = model->context->backend;
    backend->peak_bytes = backend->allocated_bytes;
    job.session.step_done = on_step;
    job.session.user = &job;
    if (allocate_session(&job.session, error) ||
        ps_origin_of_render(&job.session.clip->origin, job.request, model, photo, error) ||
        prepare_inputs(&job.session, photo, error) || run_phases(&job, error) ||
        ps_taps_commit(job.session.taps, error))
        goto done;
    ps_clip_set_peak(job.session.clip, backend->peak_bytes);
    *clip = job.session.clip;
    job.session.clip = NULL;
done:
    free_session(&job.session);
    free_layouts(&job);
    free(job.request);
    return error->status;
}
