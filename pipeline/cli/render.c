#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/job.h"
#include "cli/layers.h"
#include "cli/plan.h"
#include "cli/quality.h"
#include "cli/stop.h"
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
    .notes =
        "PHOTO is a PNG, JPEG, WebP, TIFF or BMP file. The clip appears under its name only when it is "
        "complete.\n"
        "Ctrl-C stops after the step at hand and leaves no file but that of --state; a second one stops at "
        "once.",
    .run = run,
};

/* What a render holds on to until its end. */
struct work {
    struct cli_report report;
    struct cli_layers layers; /* has the texts of the request */
    struct cli_engine engine;
    struct cli_job job;
    struct cli_progress progress;
    double begun;
};

static void on_plan(void *user, const struct ps_plan *plan)
{
    struct cli_progress *progress = user;
    cli_tell_plan(progress->report, plan);
}

/* Says where an option of the command line does nothing. A file may set it for other photos and devices. */
static void tell_unused(struct work *work)
{
    const struct cli_settings *settings = &work->layers.settings;
    const struct cli_setting *background =
        cli_settings_of(settings, cli_settings_find(settings, "background"));
    cli_engine_warn(&work->engine, settings, &work->report);
    if (background->text && !background->origin && !ps_photo_alpha(work->job.photo))
        cli_say(&work->report, true,
                "warning: --background is for cut-outs, and %s has no transparent part: it does nothing",
                work->job.request.photo);
}

static enum ps_status open_inputs(struct work *work, struct ps_error *error)
{
    if (cli_job_load(&work->job, error))
        return error->status;
    cli_job_tell_notes(&work->job);
    if (!cli_job_name_outputs(&work->job, error) && !cli_job_open(&work->job, error))
        tell_unused(work);
    return error->status;
}

static enum ps_status plan_only(struct work *work, struct ps_error *error)
{
    if (cli_job_plan(&work->job, error))
        return error->status;
    cli_tell_plan(&work->report, &work->job.plan);
    return PS_OK;
}

static enum ps_status render(struct work *work, struct ps_error *error)
{
    struct cli_job *job = &work->job;
    cli_progress_begin(&work->progress, &work->report);
    job->events =
        (struct ps_render_events){.plan = on_plan, .progress = cli_progress_tell, .user = &work->progress};
    if (!cli_job_plan(job, error) && !cli_job_identify(job, error)) {
        const unsigned swept = cli_job_sweep(job, false);
        if (swept)
            cli_say(&work->report, true, "removed %u temporary files of a render that was killed", swept);
        cli_job_render(job, error);
    }
    if (!error->status && !cli_job_measure(job, error)) {
        if (job->request.on_fail == CLI_ON_FAIL_REPORT)
            cli_tell_quality(&work->report, &job->attempts.quality);
        cli_job_deliver(job, &job->events, error);
    }
    cli_job_end_state(job, error);
    return error->status;
}

static void summarise(struct work *work)
{
    const struct cli_job *job = &work->job;
    const double seconds = ps_seconds() - work->begun;
    json_t *event = cli_job_event(job);
    if (event) {
        json_object_set_new(event, "event", json_string("summary"));
        json_object_set_new(event, "seconds", json_real(seconds));
    }
    if (event && job->request.dry_run)
        json_object_set_new(event, "dry_run", json_true());
    cli_emit(&work->report, event);
    if (job->request.dry_run || work->report.quiet)
        return;
    if (job->delivery.sheet)
        cli_print(&work->report, "%s, %s: all of them", job->delivery.sheet, job->delivery.page);
    for (uint32_t i = 0; i < job->delivery.count; i++) {
        const struct cli_target *target = &job->delivery.targets[i];
        char peak[CLI_NUMBER_SIZE], result[96];
        cli_print(&work->report, "%s: %s, %.1f s, peak %s", target->clip,
                  cli_target_describe(result, sizeof result, target), seconds,
                  cli_bytes(peak, job->attempts.clip ? ps_clip_peak_bytes(job->attempts.clip)
                                                     : job->takes.peak_bytes));
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct work work = {.begun = ps_seconds(), .report = {.json = cli_wants_json(argc, argv)}};
    struct cli_request *request = &work.job.request;
    bool help = false;
    work.job.report = &work.report;
    work.job.engine = &work.engine;
    cli_layers_begin(&work.layers, command);
    cli_layers_read(&work.layers, argc, argv, request, &help, &error);
    if (!help) {
        if (!error.status)
            cli_settings_store(&work.layers.settings, request);
        work.report.quiet = request->quiet;
        cli_layers_warn(&work.report, command->options);
    }
    if (help) {
        work.report.json = false;
        cli_help(&work.report, command);
    } else if (!error.status &&
               !cli_job_resolve(&work.job, &work.layers.settings, work.layers.sidecar, &error)) {
        cli_stop_begin(request->quiet);
        if (!open_inputs(&work, &error) && !(request->dry_run ? plan_only : render)(&work, &error))
            summarise(&work);
    }
    cli_job_close(&work.job);
    cli_engine_close(&work.engine);
    cli_layers_end(&work.layers);
    return cli_finish(&work.report, &error);
}
