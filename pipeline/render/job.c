#include "render/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "render/origin.h"
#include "render/state.h"
#include "render/takes.h"
#include "render/trained.h"

/* ---- planning ---- */

static enum ps_status plan_phase(struct ps_job *job, uint32_t i, struct ps_plan *plan, struct ps_error *error)
{
    const struct ps_phase *phase = &job->phases[i];
    struct ps_layout_plan *layout = &job->layouts[i];
    struct ps_phase_plan *line = &plan->phases[i];
    snprintf(line->name, sizeof line->name, "%s", phase->name);
    if (!phase->steps)
        return PS_OK;
    if (ps_layout_make(layout, phase, job->session.model->context->backend, job->request.params.memory_bytes,
                       error))
        return error->status;
    line->weights_bytes = layout->weights_bytes;
    line->scratch_bytes = layout->scratch_bytes;
    line->staging_bytes = layout->staging_bytes;
    line->flops = layout->flops;
    line->streamed = layout->streamed;
    job->planned[i] = phase->steps;
    plan->peak_bytes = ps_max_u64(plan->peak_bytes, ps_layout_bytes(layout));
    return PS_OK;
}

static enum ps_status plan_job(struct ps_job *job, struct ps_plan *plan, struct ps_error *error)
{
    const struct ps_render_params *resolved = &job->request.params;
    ps_session_phases(&job->session, job->phases);
    *plan = (struct ps_plan){.budget_bytes = resolved->memory_bytes, .phase_count = PS_MAX_PHASES};
    plan->resolved = *resolved;
    plan->resolved.sigmas = NULL;
    plan->resolved.taps = plan->resolved.taps_in = plan->resolved.state = NULL;
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++)
        if (plan_phase(job, i, plan, error))
            return error->status;
    return PS_OK;
}

enum ps_status ps_job_new(struct ps_job **out, const struct ps_model *model,
                          const struct ps_render_params *params, const struct ps_takes *takes,
                          struct ps_plan *plan, struct ps_error *error)
{
    struct ps_job *job = *out = calloc(1, sizeof *job);
    if (!job)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    job->begun = ps_seconds();
    if (ps_request_resolve(&job->request, model, params, error))
        return error->status;
    ps_warn_of_size(model, job->request.params.width, job->request.params.height);
    job->takes = takes ? *takes : (struct ps_takes){0};
    job->takes.count = job->takes.count ? job->takes.count : 1;
    job->session = (struct ps_session){.model = model, .request = &job->request};
    if (ps_takes_open(&job->session, &job->takes, error))
        return error->status;
    return plan_job(job, plan, error);
}

void ps_job_free(struct ps_job **job)
{
    if (!*job)
        return;
    ps_takes_close(&(*job)->session);
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++)
        ps_layout_free(&(*job)->layouts[i]);
    free(*job);
    *job = NULL;
}

/* ---- progress ---- */

uint64_t ps_job_step_flops(const struct ps_job *job, uint32_t phase)
{
    return job->planned[phase] ? job->layouts[phase].flops / job->planned[phase] : 0;
}

/* True while the caller wants the render to go on. `flops` are those of this phase. */
static bool tell(struct ps_job *job, uint64_t flops)
{
    job->last_told = ps_seconds();
    if (!job->events || !job->events->progress)
        return true;
    /* A plan that had to be made smaller does more. */
    const double done = fmin((double)(job->flops_before + flops) / (double)job->flops_total, 1);
    const struct ps_progress progress = {
        .phase = job->phases[job->phase].name,
        .step = job->step,
        .steps = job->steps,
        .done = job->flops_total ? done : 0,
        .seconds = job->last_told - job->begun,
        .step_seconds = job->step_seconds,
        .take = job->session.take + 1,
        .takes = job->session.take_count,
    };
    return job->events->progress(job->events->user, &progress);
}

/* Sampling with a state stops between two steps, where the state is that of the latents. */
static bool on_launch(void *user, const struct ps_run *run)
{
    struct ps_job *job = user;
    if (job->stopping || ps_seconds() - job->last_told < 0.2 || tell(job, run->flops))
        return true;
    job->stopping = job->session.state && job->phase == PS_PHASE_UNET;
    return job->stopping;
}

static bool on_step(void *user, uint32_t step, uint32_t steps)
{
    struct ps_job *job = user;
    const double now = ps_seconds();
    /* A phase counts sampling steps of all takes, or takes, each of as many steps. */
    const uint32_t each = job->phase == PS_PHASE_UNET ? 1 : steps;
    job->step_seconds = now - job->step_begun;
    job->step_begun = now;
    job->step = step < steps ? step + 1 : steps;
    job->steps = steps;
    job->finished++;
    if (job->phase == PS_PHASE_UNET && ps_state_write(job->session.state, &job->session, job->error))
        return false;
    job->kept = job->session.takes[0].step;
    return !job->stopping && tell(job, ps_job_step_flops(job, job->phase) / each * job->finished);
}

/* ---- takes ---- */

static bool on_sampled(void *user, uint32_t take)
{
    struct ps_job *job = user;
    const char *path = job->takes.keep ? job->takes.keep[take] : NULL;
    return !path || !ps_take_keep(&job->session.takes[take], &job->session, path,
                                  job->request.params.overwrite, NULL, 0, job->error);
}

static bool on_decoding(void *user, uint32_t take)
{
    struct ps_job *job = user;
    if (ps_take_clip(&job->session, job->error))
        return false;
    struct ps_origin **origin = &job->session.clip->origin;
    if (!ps_origin_of_render(origin, &job->request, job->session.model, job->photo, job->error))
        (*origin)->params.seed = job->session.takes[take].seed;
    return !job->error->status;
}

static bool on_decoded(void *user, uint32_t take)
{
    struct ps_job *job = user;
    struct ps_clip *clip = job->session.clip;
    ps_clip_set_peak(clip, job->session.model->context->backend->peak_bytes);
    if (take + 1 == job->session.take_count && ps_taps_commit(job->session.taps, job->error))
        return false;
    job->session.clip = NULL;
    job->session.handed++;
    return job->takes.done(job->takes.user, take, clip);
}

/* ---- running ---- */

/* The step that a phase begins with, of as many. */
static void begin_phase(struct ps_job *job, uint32_t i)
{
    job->phase = i;
    job->session.take = 0;
    job->step = 1;
    job->steps = 1;
    if (i == PS_PHASE_UNET) {
        while (job->session.takes[job->session.take].step == job->session.until)
            job->session.take++;
        job->step = job->session.takes[job->session.take].step + 1;
        job->steps = job->session.until;
    }
    job->finished = 0;
    job->step_seconds = 0;
    job->step_begun = ps_seconds();
}

static enum ps_status run_phase(struct ps_job *job, uint32_t i)
{
    const struct ps_phase *phase = &job->phases[i];
    begin_phase(job, i);
    if (!tell(job, 0))
        return ps_fail(job->error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
    if (ps_layout_run(&job->layouts[i], phase, job->session.model->context->backend, on_launch, job,
                      job->error))
        return job->error->status;
    job->flops_before += ps_job_step_flops(job, i) * phase->steps;
    return i == PS_PHASE_ENCODER ? ps_taps_encoded(job->session.taps, job->session.embedding,
                                                   job->session.takes[0].image_latents, job->error)
                                 : PS_OK;
}

/* The phases as they are left, which a state may have shortened. */
static void count_work(struct ps_job *job)
{
    ps_session_phases(&job->session, job->phases);
    job->flops_total = job->flops_before;
    for (uint32_t i = 0; i < PS_MAX_PHASES; i++)
        job->flops_total += ps_job_step_flops(job, i) * job->phases[i].steps;
}

/* A render that failed can go on later; says where. */
static void tell_state(const struct ps_job *job)
{
    const struct ps_session *session = &job->session;
    if (session->state && job->kept)
        ps_log(&session->model->context->log, PS_LOG_INFO,
               "the same render goes on after step %u of %u, from %s", job->kept, session->until,
               job->request.params.state);
}

enum ps_status ps_job_run(struct ps_job *job, const struct ps_photo *photo,
                          const struct ps_render_events *events, struct ps_error *error)
{
    struct ps_backend *backend = job->session.model->context->backend;
    backend->peak_bytes = backend->allocated_bytes;
    job->photo = photo;
    job->events = events;
    job->error = error;
    job->session_events = (struct ps_session_events){on_step, on_sampled, on_decoding, on_decoded, job};
    job->session.events = &job->session_events;
    if (ps_takes_prepare(&job->session, photo, error))
        return error->status;
    job->kept = job->session.takes[0].step;
    count_work(job);
    for (uint32_t i = 0; i < PS_MAX_PHASES && !error->status; i++)
        while (job->phases[i].steps && run_phase(job, i) && ps_job_recover(job, i))
            continue;
    if (error->status)
        tell_state(job);
    return error->status;
}
