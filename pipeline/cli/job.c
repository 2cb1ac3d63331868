#include "cli/job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "cli/found.h"
#include "cli/quality.h"
#include "cli/record.h"
#include "cli/stop.h"

static enum ps_status check_stop(struct ps_error *error)
{
    return cli_stop_signal()
               ? cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked; nothing was written")
               : PS_OK;
}

enum ps_status cli_job_resolve(struct cli_job *job, const struct cli_settings *settings,
                               struct ps_sidecar *sidecar, struct ps_error *error)
{
    job->settings = settings;
    job->sidecar = sidecar;
    if (cli_repeat_names(&job->names, &job->request, sidecar, error) ||
        cli_repeat_latents(&job->names, &job->request, settings, sidecar, job->report, error))
        return error->status;
    return cli_request_resolve(&job->request, error);
}

enum ps_status cli_job_load(struct cli_job *job, struct ps_error *error)
{
    return ps_photo_load(&job->photo, job->request.photo, &job->request.photo_params, error);
}

void cli_job_tell_notes(const struct cli_job *job)
{
    const char *note;
    for (uint32_t i = 0; (note = ps_photo_note(job->photo, i)); i++) {
        cli_say(job->report, true, "warning: %s: %s", job->request.photo, note);
        cli_emit(job->report, json_pack("{s:s, s:o, s:s}", "event", "warning", "photo",
                                        cli_json_text(job->request.photo), "message", note));
    }
}

enum ps_status cli_job_name_outputs(struct cli_job *job, struct ps_error *error)
{
    struct cli_request *request = &job->request;
    struct cli_takes *takes = &job->takes;
    struct cli_output others[CLI_TAKE_OUTPUTS + 2];
    size_t count;
    *takes = (struct cli_takes){.request = request,
                                .delivery = &job->delivery,
                                .report = job->report,
                                .resume = request->candidates ? NULL : job->names.latents};
    if (cli_takes_name(takes, others, &count, error))
        return error->status;
    others[count++] = (struct cli_output){request->params.taps, "--taps"};
    others[count++] = (struct cli_output){request->params.state, "--state"};
    if (cli_delivery_load(&job->delivery, request, error) ||
        cli_delivery_name(&job->delivery, request, takes->count, request->candidates > 0, error))
        return error->status;
    return cli_delivery_check(&job->delivery, request, others, count, error);
}

unsigned cli_job_sweep(const struct cli_job *job, bool certain)
{
    const struct cli_request *request = &job->request;
    const char *const others[] = {request->params.taps, request->params.state};
    unsigned removed = cli_found_sweep(&job->delivery, certain);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        removed += others[i] ? ps_output_sweep(others[i], certain) : 0;
    for (uint32_t i = 0; i < job->takes.count; i++)
        removed += job->takes.latents[i] ? ps_output_sweep(job->takes.latents[i], certain) : 0;
    return removed;
}

enum ps_status cli_job_open(struct cli_job *job, struct ps_error *error)
{
    if (cli_engine_open(job->engine, &job->request, job->report, error))
        return error->status;
    job->device = *ps_context_device(job->engine->context);
    return check_stop(error);
}

enum ps_status cli_job_plan(struct cli_job *job, struct ps_error *error)
{
    const struct ps_takes takes = cli_takes_params(&job->takes);
    if (ps_render_takes_plan(&job->plan, job->engine->model, &job->request.params, &takes, error))
        return error->status;
    return cli_delivery_plan(&job->delivery, &job->request, &job->plan.resolved, job->report, error);
}

enum ps_status cli_job_record(struct cli_job *job, struct ps_error *error)
{
    json_t *options = NULL;
    if (job->sections)
        return PS_OK;
    if (cli_record_options(&options, job->settings, error)) {
        json_decref(options);
        return error->status;
    }
    job->sections = json_pack("{s:o}", "options", options);
    return job->sections ? PS_OK : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

enum ps_status cli_job_identify(struct cli_job *job, struct ps_error *error)
{
    const struct cli_request *request = &job->request;
    const bool wanted =
        !request->provenance.unlabelled || !request->no_sidecar || request->from || request->params.state;
    if (wanted && cli_engine_identify(job->engine, true, error))
        return error->status;
    if (job->sidecar &&
        ps_sidecar_check(job->sidecar, job->engine->model, job->photo, request->params.taps_in, error))
        return error->status;
    if (wanted && check_stop(error))
        return error->status;
    return cli_job_record(job, error);
}

/* Clips to choose from, or one that goes on from latents. */
static enum ps_status render_takes(struct cli_job *job, struct ps_error *error)
{
    job->takes.model = job->engine->model;
    job->takes.photo = job->photo;
    job->takes.sections = job->sections;
    job->takes.events = &job->events;
    job->takes.alone = job->alone;
    job->takes.user = job->alone_user;
    return cli_takes_run(&job->takes, error) ? error->status : cli_engine_check(job->engine, error);
}

enum ps_status cli_job_render(struct cli_job *job, struct ps_error *error)
{
    struct cli_request *request = &job->request;
    if (cli_takes_wanted(request, job->takes.resume))
        return render_takes(job, error);
    job->attempts = (struct cli_attempts){.model = job->engine->model,
                                          .photo = job->photo,
                                          .params = &request->params,
                                          .on_fail = (enum cli_on_fail)request->on_fail,
                                          .rerolls = request->rerolls,
                                          .events = &job->events,
                                          .report = job->report};
    if (cli_attempts_run(&job->attempts, error) || cli_engine_check(job->engine, error))
        return error->status;
    return check_stop(error);
}

enum ps_status cli_job_measure(struct cli_job *job, struct ps_error *error)
{
    return job->attempts.clip ? cli_attempts_measure(&job->attempts, error) : PS_OK;
}

enum ps_status cli_job_deliver(struct cli_job *job, const struct ps_render_events *saving,
                               struct ps_error *error)
{
    if (!job->attempts.clip)
        return PS_OK;
    json_object_set_new(job->sections, "quality", cli_quality_event(&job->attempts.quality));
    return cli_delivery_write(&job->delivery, &job->request, 0, job->attempts.clip, job->sections, saving,
                              error);
}

void cli_job_end_state(const struct cli_job *job, const struct ps_error *error)
{
    const char *path = job->request.params.state;
    if (path && !error->status && unlink(path))
        cli_say(job->report, true, "warning: %s cannot be removed: %s", path, strerror(errno));
    else if (path && error->status && job->attempts.clip)
        cli_say(job->report, true, "the same render goes on after its last step, from %s", path);
}

/* What was rendered, beside the files. */
static json_t *clip_event(const struct cli_job *job)
{
    const struct ps_clip *clip = job->attempts.clip;
    json_t *event = json_pack("{s:I, s:i, s:i, s:i, s:i, s:o}", "peak_bytes",
                              (json_int_t)ps_clip_peak_bytes(clip), "width", (int)ps_clip_width(clip),
                              "height", (int)ps_clip_height(clip), "frames", (int)ps_clip_frames(clip), "fps",
                              (int)ps_clip_fps(clip), "quality", cli_quality_event(&job->attempts.quality));
    if (event)
        json_object_set(event, "tried", job->attempts.tried);
    return event;
}

/* Members of the first output stand beside the list of all. */
static void add_first(const struct cli_job *job, json_t *event)
{
    json_t *output = cli_target_event(&job->delivery.targets[0]);
    if (output)
        json_object_update_missing(event, output);
    json_object_del(event, "sidecar");
    json_decref(output);
}

json_t *cli_job_event(const struct cli_job *job)
{
    const struct cli_request *request = &job->request;
    const char *sidecar = job->delivery.targets[0].sidecar;
    json_t *event =
        json_pack("{s:o, s:o, s:s, s:o, s:{s:b, s:o}}", "outputs", cli_delivery_event(&job->delivery, 0),
                  "model", cli_json_text(request->model), "device", job->device.selector, "device_name",
                  cli_json_text(job->device.name), "provenance", "label", !request->provenance.unlabelled,
                  "sidecar", sidecar ? cli_json_text(sidecar) : json_null());
    if (!event)
        return NULL;
    add_first(job, event);
    if (request->params.taps)
        json_object_set_new(event, "taps", cli_json_text(request->params.taps));
    json_t *clip = job->attempts.clip ? clip_event(job) : NULL;
    if (clip)
        json_object_update(event, clip);
    json_decref(clip);
    if (job->takes.made)
        cli_takes_summarise(&job->takes, event);
    return event;
}

void cli_job_close(struct cli_job *job)
{
    ps_clip_free(&job->attempts.clip);
    json_decref(job->attempts.tried);
    ps_photo_free(&job->photo);
    cli_takes_free(&job->takes);
    cli_delivery_close(&job->delivery);
    cli_request_free(&job->request);
    cli_names_free(&job->names);
    json_decref(job->sections);
    *job = (struct cli_job){0};
}
