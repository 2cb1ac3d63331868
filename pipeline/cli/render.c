#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cache.h"
#include "cli/commands.h"
#include "cli/delivery.h"
#include "cli/layers.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "cli/quality.h"
#include "cli/record.h"
#include "cli/repeat.h"
#include "cli/request.h"
#include "cli/stop.h"
#include "cli/takes.h"
#include "cli/text.h"

static const char *const examples[] = {
    "render shoe.png -o shoe.mp4",
    "render shoe.png -o shoe.mp4 --model svd-xt",
    "render shoe.png -o shoe.mp4 --model svd_xt.safetensors --seed 7 --motion 60 --memory 8G",
    "render --from shoe.mp4.json -o again.mp4 --model svd-xt",
    "render shoe.png --model svd-xt --width 768 --height 768 --dry-run",
    NULL,
};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_render_command = {
    .name = "render",
    .summary = "one product photo in, a short clip out",
    .operand = "PHOTO",
    .operand_offset = offsetof(struct cli_request, photo),
    .operand_optional = true,
    .examples = examples,
    .options = cli_request_options,
    .notes = "PHOTO is a PNG, JPEG, WebP, TIFF or BMP file. The clip appears under its name only when it is "
             "complete.\n"
             "Ctrl-C stops after the step at hand and leaves no file; a second one stops at once.",
    .run = run,
};

/* What a render holds on to until its end. */
struct work {
    struct cli_report report;
    struct cli_layers layers; /* has the texts of the request */
    struct cli_request request;
    struct cli_names names; /* those that follow from the sidecar of --from */
    json_t *sections;       /* of the sidecars */
    struct ps_context *context;
    struct ps_model *model;
    struct ps_photo *photo;
    struct cli_attempts attempts;
    struct ps_plan plan;
    struct cli_delivery delivery;
    struct cli_takes takes; /* where it is about candidates, a draft or kept latents */
    struct cli_progress progress;
    double begun;
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum ps_status check_stop(struct ps_error *error)
{
    return cli_stop_signal()
               ? cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked; nothing was written")
               : PS_OK;
}

static void on_log(void *user, enum ps_log_level level, const char *line)
{
    struct cli_report *report = user;
    if (level <= PS_LOG_INFO)
        cli_say(report, true, "%s%s", level == PS_LOG_WARNING ? "warning: " : "", line);
}

static void tell_notes(struct work *work)
{
    const char *note;
    for (uint32_t i = 0; (note = ps_photo_note(work->photo, i)); i++) {
        cli_say(&work->report, true, "warning: %s: %s", work->request.photo, note);
        cli_emit(&work->report, json_pack("{s:s, s:o, s:s}", "event", "warning", "photo",
                                          cli_json_text(work->request.photo), "message", note));
    }
}

/* Names all that will be written, and makes sure that it can be. */
static enum ps_status name_outputs(struct work *work, struct ps_error *error)
{
    struct cli_request *request = &work->request;
    struct cli_takes *takes = &work->takes;
    struct cli_output others[CLI_TAKE_OUTPUTS + 1];
    size_t count;
    *takes = (struct cli_takes){.request = request,
                                .photo = work->photo,
                                .delivery = &work->delivery,
                                .progress = &work->progress,
                                .report = &work->report,
                                .resume = request->candidates ? NULL : work->names.latents};
    if (cli_takes_name(takes, others, &count, error))
        return error->status;
    others[count++] = (struct cli_output){request->params.taps, "--taps"};
    if (cli_delivery_open(&work->delivery, request, takes->count, request->candidates > 0, error))
        return error->status;
    return cli_delivery_check(&work->delivery, request, others, count, error);
}

static enum ps_status open_inputs(struct work *work, struct ps_error *error)
{
    const struct cli_request *request = &work->request;
    const struct ps_context_params context = {.device = request->device,
                                              .threads = request->threads,
                                              .log = on_log,
                                              .user = &work->report,
                                              .validate = request->validate};
    const struct ps_model_params model = {.unet = request->unet};
    if (ps_photo_load(&work->photo, request->photo, &request->photo_params, error))
        return error->status;
    tell_notes(work);
    if (name_outputs(work, error) || ps_context_open(&work->context, &context, error) ||
        ps_model_open(&work->model, work->context, request->model, &model, error))
        return error->status;
    if (request->model == request->default_model)
        cli_say(&work->report, true, "no --model: taking %s, which comes with packshot", request->model);
    const struct ps_device *device = ps_context_device(work->context);
    if (device->software && (!request->device || !strcmp(request->device, "auto")))
        cli_say(&work->report, true, "no GPU was found; %s renders instead, which takes longer",
                device->name);
    return check_stop(error);
}

/* The checkpoint's hashes, and the sidecar that is repeated against what is at hand. */
static enum ps_status identify(struct work *work, struct ps_error *error)
{
    const struct cli_request *request = &work->request;
    if (request->provenance.unlabelled && request->no_sidecar && !request->from)
        return PS_OK;
    char *cache = cli_cache_folder();
    ps_model_identify(work->model, cache, error);
    free(cache);
    if (!error->status && request->from)
        ps_sidecar_check(work->layers.sidecar, work->model, work->photo, request->params.taps_in, error);
    return error->status ? error->status : check_stop(error);
}

/* What a sidecar has beside the library's own: see cli/record.h. */
static enum ps_status make_sections(struct work *work, struct ps_error *error)
{
    json_t *options = NULL;
    if (cli_record_options(&options, &work->layers.settings, error)) {
        json_decref(options);
        return error->status;
    }
    work->sections = json_pack("{s:o}", "options", options);
    return work->sections ? PS_OK : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

/* What a save cannot do must not come to light after an hour of rendering. */
static enum ps_status plan(struct work *work, struct ps_error *error)
{
    const struct ps_takes takes = cli_takes_params(&work->takes);
    if (ps_render_takes_plan(&work->plan, work->model, &work->request.params, &takes, error))
        return error->status;
    return cli_delivery_plan(&work->delivery, &work->request, &work->plan.resolved, &work->report, error);
}

static void on_plan(void *user, const struct ps_plan *plan)
{
    struct cli_progress *progress = user;
    cli_tell_plan(progress->report, plan);
}

static enum ps_status check_messages(const struct work *work, struct ps_error *error)
{
    const uint64_t messages = ps_context_validation_messages(work->context);
    return messages ? cli_fail(error, PS_ERR_INTERNAL, "device.validation",
                               "the validation layer gave %llu messages", (unsigned long long)messages)
                    : PS_OK;
}

/* Clips to choose from, or one that goes on from latents. */
static enum ps_status render_takes(struct work *work, const struct ps_render_events *events,
                                   struct ps_error *error)
{
    work->takes.model = work->model;
    work->takes.sections = work->sections;
    work->takes.events = events;
    return cli_takes_run(&work->takes, error) ? error->status : check_messages(work, error);
}

static enum ps_status render_one(struct work *work, const struct ps_render_events *events,
                                 struct ps_error *error)
{
    const struct cli_request *request = &work->request;
    work->attempts = (struct cli_attempts){.model = work->model,
                                           .photo = work->photo,
                                           .params = &work->request.params,
                                           .on_fail = (enum cli_on_fail)request->on_fail,
                                           .rerolls = request->rerolls,
                                           .events = events,
                                           .report = &work->report};
    if (cli_attempts_run(&work->attempts, error) || check_messages(work, error) || check_stop(error))
        return error->status;
    json_object_set_new(work->sections, "quality", cli_quality_event(&work->attempts.quality));
    return cli_delivery_write(&work->delivery, request, 0, work->attempts.clip, work->sections,
                              &work->progress, error);
}

static enum ps_status render(struct work *work, struct ps_error *error)
{
    const struct ps_render_events events = {
        .plan = on_plan, .progress = cli_progress_tell, .user = &work->progress};
    cli_progress_begin(&work->progress, &work->report);
    if (plan(work, error) || identify(work, error) || make_sections(work, error))
        return error->status;
    return cli_takes_wanted(&work->request, work->takes.resume) ? render_takes(work, &events, error)
                                                                : render_one(work, &events, error);
}

/* What was rendered, beside the files. */
static json_t *clip_event(const struct work *work)
{
    const struct ps_clip *clip = work->attempts.clip;
    json_t *event = json_pack("{s:I, s:i, s:i, s:i, s:i, s:o}", "peak_bytes",
                              (json_int_t)ps_clip_peak_bytes(clip), "width", (int)ps_clip_width(clip),
                              "height", (int)ps_clip_height(clip), "frames", (int)ps_clip_frames(clip), "fps",
                              (int)ps_clip_fps(clip), "quality", cli_quality_event(&work->attempts.quality));
    if (event)
        json_object_set(event, "tried", work->attempts.tried);
    return event;
}

static json_t *summary_event(const struct work *work, double seconds)
{
    const struct ps_device *device = ps_context_device(work->context);
    const struct cli_request *request = &work->request;
    const struct cli_target *first = &work->delivery.targets[0];
    json_t *event =
        json_pack("{s:s, s:o, s:o, s:f, s:s, s:o, s:{s:b, s:o}}", "event", "summary", "outputs",
                  cli_delivery_event(&work->delivery, 0), "model", cli_json_text(request->model), "seconds",
                  seconds, "device", device->selector, "device_name", cli_json_text(device->name),
                  "provenance", "label", !request->provenance.unlabelled, "sidecar",
                  first->sidecar ? cli_json_text(first->sidecar) : json_null());
    json_t *output = cli_target_event(first);
    if (event && output) {
        json_object_update_missing(event, output);
        json_object_del(event, "sidecar");
    }
    json_decref(output);
    if (event && request->params.taps)
        json_object_set_new(event, "taps", cli_json_text(request->params.taps));
    if (event && request->dry_run)
        json_object_set_new(event, "dry_run", json_true());
    return event;
}

static void summarise(struct work *work)
{
    const double seconds = now_seconds() - work->begun;
    json_t *event = summary_event(work, seconds), *clip = work->attempts.clip ? clip_event(work) : NULL;
    if (event && clip)
        json_object_update(event, clip);
    if (event && work->takes.made)
        cli_takes_summarise(&work->takes, event);
    json_decref(clip);
    cli_emit(&work->report, event);
    if (work->request.dry_run || work->report.quiet)
        return;
    if (work->takes.sheet)
        cli_print(&work->report, "%s, %s: all of them", work->takes.sheet, work->takes.page);
    for (uint32_t i = 0; i < work->delivery.count; i++) {
        const struct cli_target *target = &work->delivery.targets[i];
        char peak[CLI_NUMBER_SIZE], result[96];
        cli_print(&work->report, "%s: %s, %.1f s, peak %s", target->clip,
                  cli_target_describe(result, sizeof result, target), seconds,
                  cli_bytes(peak, work->attempts.clip ? ps_clip_peak_bytes(work->attempts.clip)
                                                      : work->takes.peak_bytes));
    }
}

static enum ps_status plan_only(struct work *work, struct ps_error *error)
{
    if (plan(work, error))
        return error->status;
    cli_tell_plan(&work->report, &work->plan);
    return PS_OK;
}

static void close_work(struct work *work)
{
    ps_clip_free(&work->attempts.clip);
    json_decref(work->attempts.tried);
    ps_photo_free(&work->photo);
    cli_takes_free(&work->takes);
    cli_delivery_close(&work->delivery);
    ps_model_close(&work->model);
    ps_context_close(&work->context);
    cli_request_free(&work->request);
    cli_names_free(&work->names);
    cli_layers_end(&work->layers);
    json_decref(work->sections);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct work work = {.begun = now_seconds(), .report = {.json = cli_wants_json(argc, argv)}};
    bool help;
    cli_layers_begin(&work.layers, command);
    if (!cli_layers_read(&work.layers, argc, argv, &work.request, &help, &error) && help) {
        work.report.json = false;
        cli_help(&work.report, command);
        close_work(&work);
        return cli_finish(&work.report, &error);
    }
    if (!error.status) {
        cli_settings_store(&work.layers.settings, &work.request);
        cli_repeat_names(&work.names, &work.request, work.layers.sidecar, &error);
    }
    work.report.quiet = work.request.quiet;
    if (!error.status)
        cli_repeat_latents(&work.names, &work.request, &work.layers.settings, work.layers.sidecar,
                           &work.report, &error);
    cli_layers_warn(&work.report, command->options);
    if (!error.status && !cli_request_resolve(&work.request, &error)) {
        cli_stop_begin(work.request.quiet);
        if (!open_inputs(&work, &error) && !(work.request.dry_run ? plan_only : render)(&work, &error))
            summarise(&work);
    }
    close_work(&work);
    return cli_finish(&work.report, &error);
}
