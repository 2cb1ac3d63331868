#include "render/job.h"

enum ps_status ps_render_takes_plan(struct ps_plan *plan, struct ps_model *model,
                                    const struct ps_render_params *params, const struct ps_takes *takes,
                                    struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_job *job = NULL;
    error = error ? error : &local;
    ps_job_new(&job, model, params, takes, plan, error);
    ps_job_free(&job);
    return error->status;
}

enum ps_status ps_render_plan(struct ps_plan *plan, struct ps_model *model,
                              const struct ps_render_params *params, struct ps_error *error)
{
    return ps_render_takes_plan(plan, model, params, NULL, error);
}

enum ps_status ps_render_takes(struct ps_model *model, const struct ps_photo *photo,
                               const struct ps_render_params *params, const struct ps_takes *takes,
                               const struct ps_render_events *events, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_job *job = NULL;
    struct ps_plan plan;
    error = error ? error : &local;
    if (!ps_job_new(&job, model, params, takes, &plan, error)) {
        if (events && events->plan)
            events->plan(events->user, &plan);
        ps_job_run(job, photo, events, error);
    }
    ps_job_free(&job);
    return error->status;
}

static bool take_clip(void *user, uint32_t take, struct ps_clip *clip)
{
    (void)take;
    *(struct ps_clip **)user = clip;
    return true;
}

enum ps_status ps_render(struct ps_clip **clip, struct ps_model *model, const struct ps_photo *photo,
                         const struct ps_render_params *params, const struct ps_render_events *events,
                         struct ps_error *error)
{
    const struct ps_takes takes = {.count = 1, .done = take_clip, .user = clip};
    *clip = NULL;
    const enum ps_status status = ps_render_takes(model, photo, params, &takes, events, error);
    if (status)
        ps_clip_free(clip);
    return status;
}
