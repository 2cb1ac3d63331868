/* What a phase does about a device that fails. Whatever was sampled is with the host, so the phase is run again for what
 * it has left: on a new device, once, or within less memory. Neither changes a bit of the clip. */
#include <string.h>

#include "base/checked.h"
#include "render/job.h"

/* Another program may hold memory that was free when the phase was planned. The least plan ends it, each being at least a
 * quarter smaller than the one before. */
static bool lay_out_smaller(struct ps_job *job, uint32_t i, const struct ps_error *failed)
{
    const struct ps_context *context = job->session.model->context;
    struct ps_layout_plan *layout = &job->layouts[i], smaller;
    struct ps_error refused = {0};
    const uint64_t budget = ps_min_u64(ps_layout_bytes(layout) / 4 * 3, ps_context_free_bytes(context));
    if (ps_layout_make(&smaller, &job->phases[i], context->backend, budget, &refused))
        return false;
    ps_log(&context->log, PS_LOG_WARNING, "%s; going on within %llu MiB instead of %llu", failed->message,
           (unsigned long long)ps_layout_bytes(&smaller) >> 20,
           (unsigned long long)ps_layout_bytes(layout) >> 20);
    ps_layout_free(layout);
    *layout = smaller;
    job->planned[i] = job->phases[i].steps;
    return true;
}

/* Taps are written as they come, and could not be written twice. */
static bool take_new_device(struct ps_job *job, const struct ps_error *failed)
{
    struct ps_context *context = job->session.model->context;
    struct ps_error again = {0};
    if (job->lost || job->session.taps)
        return false;
    job->lost = true;
    ps_log(&context->log, PS_LOG_WARNING, "%s; trying once more", failed->message);
    if (!ps_context_reopen(context, &again))
        return true;
    ps_log(&context->log, PS_LOG_WARNING, "the device cannot be opened again: %s", again.message);
    return false;
}

bool ps_job_recover(struct ps_job *job, uint32_t phase)
{
    const struct ps_error failed = *job->error;
    const uint32_t before = job->phases[phase].steps;
    if (failed.status != PS_ERR_DEVICE_LOST && strcmp(failed.id, "memory.device") != 0)
        return false;
    ps_session_phases(&job->session, job->phases);
    job->flops_before += ps_job_step_flops(job, phase) * (before - job->phases[phase].steps);
    ps_clip_free(&job->session.clip);
    if (failed.status == PS_ERR_DEVICE_LOST ? !take_new_device(job, &failed)
                                            : !lay_out_smaller(job, phase, &failed))
        return false;
    *job->error = (struct ps_error){0};
    return true;
}
