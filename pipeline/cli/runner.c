#include "cli/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/printable.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "jobs/claims.h"

/* ---- telling ---- */

static const char *name_of(const struct ps_journal_job *job)
{
    const char *path = *job->output ? job->output : job->photo;
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length && path[length - 1] != '/')
        length--;
    return path + length;
}

static json_t *job_event(const char *event, const struct ps_journal_job *job)
{
    char *photo = ps_claims_origin(job->photo);
    json_t *made = json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "event", event, "job", (json_int_t)job->id,
                             "row", (json_int_t)job->row, "photo", cli_json_text(photo ? photo : job->photo),
                             "output", cli_json_text(job->output), "key", cli_json_text(job->key));
    free(photo);
    return made;
}

static void add_log(json_t *event, const struct cli_task *task)
{
    if (event && task->log)
        json_object_set_new(event, "log", cli_json_text(task->log));
}

static void tell_findings(struct cli_report *report, const char *name, const json_t *event)
{
    size_t i;
    json_t *finding;
    json_array_foreach(json_object_get(json_object_get(event, "quality"), "findings"), i, finding) cli_say(
        report, true, "%s: needs eyes: %s", name, json_string_value(json_object_get(finding, "text")));
}

/* A line for each clip: those of several formats and candidates are not called what the job is. */
static void print_clips(struct cli_runner *runner, const struct cli_task *task)
{
    const json_t *takes = json_object_get(task->event, "takes"),
                 *outputs = json_object_get(task->event, "outputs");
    const size_t count = takes ? json_array_size(takes) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *of = takes ? json_object_get(json_array_get(takes, i), "outputs") : outputs;
        for (size_t j = 0; j < json_array_size(of); j++)
            cli_print(runner->report, "%s: %.1f s",
                      json_string_value(json_object_get(json_array_get(of, j), "output")), task->seconds);
    }
}

static void tell_done(struct cli_runner *runner, const struct cli_task *task)
{
    const struct ps_journal_job *job = task->record;
    const bool recognised = task->outcome == CLI_TASK_RECOGNISED;
    json_t *event = job_event("job_done", job);
    add_log(event, task);
    if (event) {
        json_object_set_new(event, "recognised", json_boolean(recognised));
        json_object_set_new(event, "seconds", json_real(task->seconds));
        json_object_set_new(event, "render_seconds", json_real(task->render_seconds));
        if (task->event)
            json_object_update_missing(event, task->event);
    }
    cli_emit(runner->report, event);
    /* Those of candidates were told as each was measured. */
    if (!json_object_get(task->event, "takes"))
        tell_findings(runner->report, name_of(job), task->event);
    if (runner->report->quiet)
        return;
    if (recognised)
        cli_print(runner->report, "%s: done before", job->output);
    else
        print_clips(runner, task);
}

static void tell_failed(struct cli_runner *runner, const struct cli_task *task)
{
    const struct ps_error *cause = &task->error;
    const bool again = task->outcome == CLI_TASK_AGAIN;
    json_t *event = job_event("job_failed", task->record);
    add_log(event, task);
    if (event) {
        json_object_set_new(event, "id", json_string(cause->id));
        json_object_set_new(event, "message", cli_json_text(cause->message));
        json_object_set_new(event, "hint", cli_json_text(cause->hint));
        json_object_set_new(event, "again", json_boolean(again));
    }
    cli_emit(runner->report, event);
    cli_say(runner->report, true, "%s: %s: %s", name_of(task->record),
            task->outcome == CLI_TASK_IGNORED ? "cancelled"
            : again                           ? "failed, to be tried again"
                                              : "failed",
            cause->message);
}

static void on_told(void *user, const struct cli_task *task)
{
    struct cli_runner *runner = user;
    runner->swept += task->swept;
    if (runner->ended)
        runner->ended(runner->user, task);
    switch (task->outcome) {
    case CLI_TASK_DONE:
        runner->rendered++;
        tell_done(runner, task);
        break;
    case CLI_TASK_RECOGNISED:
        runner->recognised++;
        tell_done(runner, task);
        break;
    case CLI_TASK_AGAIN:
        runner->again++;
        tell_failed(runner, task);
        break;
    case CLI_TASK_FAILED:
        runner->failed++;
        tell_failed(runner, task);
        break;
    case CLI_TASK_IGNORED:
        tell_failed(runner, task);
        break;
    case CLI_TASK_RELEASED:
    case CLI_TASK_OPEN:
        break;
    }
}

/* ---- running ---- */

static bool on_alive(void *user)
{
    struct cli_runner *runner = user;
    runner->halted = runner->halted || (runner->alive && !runner->alive(runner->user));
    return !runner->halted;
}

static void on_plan(void *user, const struct ps_plan *plan)
{
    struct cli_runner *runner = user;
    runner->task->plan = *plan;
    /* What is told from here on is about this render alone. */
    runner->engine->notices.once = false;
}

static void on_warned(void *user, const char *line)
{
    struct cli_runner *runner = user;
    if (runner->task)
        cli_task_warn(runner->task, line);
}

static bool on_progress(void *user, const struct ps_progress *now)
{
    struct cli_runner *runner = user;
    cli_task_book(runner->task, now->phase);
    cli_side_poll(runner->side, on_told, runner);
    on_alive(runner);
    return cli_progress_tell(&runner->progress, now) && !cli_task_must_stop(runner->task);
}

/* Seconds that the jobs after this one may take, were they as fast as those before. */
static double rest_of(const struct cli_runner *runner)
{
    const uint32_t begun = runner->progress.number;
    const uint32_t left = runner->progress.count > begun ? runner->progress.count - begun : 0;
    return begun > 1 ? (ps_seconds() - runner->first) / (begun - 1) * left : -1;
}

static void begin_job(struct cli_runner *runner)
{
    const struct ps_journal_job *job = runner->task->record;
    struct cli_progress *progress = &runner->progress;
    progress->number++;
    if (progress->count < progress->number)
        progress->count = progress->number; /* one that is tried again, or that was added meanwhile */
    progress->job = ps_printable(runner->name, sizeof runner->name, name_of(job), false);
    progress->phase[0] = '\0';
    progress->event_at = 0;
    progress->rest = rest_of(runner);
    json_t *event = job_event("job_begin", job);
    if (event) {
        json_object_set_new(event, "number", json_integer(progress->number));
        json_object_set_new(event, "count", json_integer(progress->count));
        json_object_set_new(event, "attempt", json_integer(job->attempts + 1));
    }
    cli_emit(runner->report, event);
    cli_job_tell_notes(&runner->task->job);
}

/* A device that is lost stays so: the next job opens a new one. */
static enum ps_status look_after_device(struct cli_runner *runner, struct ps_error *error)
{
    if (runner->task->error.status != PS_ERR_DEVICE_LOST) {
        runner->losses = 0;
        return PS_OK;
    }
    cli_engine_close(runner->engine);
    if (++runner->losses > 1)
        *error = runner->task->error;
    return error->status;
}

static enum ps_status run_job(struct cli_runner *runner, struct ps_error *error)
{
    const struct ps_render_events events = {.plan = on_plan, .progress = on_progress, .user = runner};
    begin_job(runner);
    if (runner->first <= 0)
        runner->first = ps_seconds();
    runner->task->job.alone = cli_side_alone;
    runner->task->job.alone_user = runner->side;
    runner->engine->notices.once = true;
    cli_task_render(runner->task, &events);
    runner->engine->notices.once = true;
    runner->last = ps_seconds();
    runner->device_seconds += runner->task->render_seconds;
    look_after_device(runner, error);
    struct cli_task *task = runner->task;
    runner->task = NULL;
    cli_side_give(runner->side, task);
    return error->status;
}

enum ps_status cli_runner_run(struct cli_runner *runner, struct ps_error *error)
{
    const struct cli_side_params params = {.journal = runner->journal,
                                           .claim = runner->claim,
                                           .report = runner->report,
                                           .engine = runner->engine,
                                           .states = runner->states,
                                           .out = runner->out,
                                           .waits = runner->waits,
                                           .sole = runner->sole,
                                           .alive = on_alive,
                                           .user = runner};
    struct ps_job_counts counts;
    const struct ps_job_filter filter = {.batch = runner->claim.batch};
    runner->begun = ps_seconds();
    cli_progress_begin(&runner->progress, runner->report);
    if (ps_journal_counts(runner->journal, &filter, &counts, error))
        return error->status;
    runner->progress.count = (uint32_t)counts.of[PS_JOB_WAITING];
    if (cli_side_begin(&runner->side, &params, error))
        return error->status;
    runner->engine->notices.warned = on_warned;
    runner->engine->notices.user = runner;
    while (!runner->report->broken && (runner->task = cli_side_take(runner->side, on_told, runner)))
        if (run_job(runner, error))
            break;
    cli_side_end(&runner->side, on_told, runner, error);
    runner->engine->notices.warned = NULL;
    runner->seconds = ps_seconds() - runner->begun;
    if (!error->status && cli_stop_signal())
        cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
    return error->status;
}

/* ---- beginning and end ---- */

json_t *cli_counts_event(const struct ps_job_counts *counts)
{
    json_t *event = json_pack("{s:I}", "total", (json_int_t)counts->total);
    for (int state = 0; event && state < PS_JOB_STATES; state++)
        json_object_set_new(event, ps_job_state_name((enum ps_job_state)state),
                            json_integer((json_int_t)counts->of[state]));
    return event;
}

enum ps_status cli_runner_announce(struct cli_runner *runner, const struct ps_job_filter *filter,
                                   const char *journal, struct ps_error *error)
{
    struct ps_job_counts counts;
    if (ps_journal_counts(runner->journal, filter, &counts, error))
        return error->status;
    cli_emit(runner->report,
             json_pack("{s:s, s:I, s:o, s:o}", "event", "batch_begin", "batch", (json_int_t)filter->batch,
                       "journal", cli_json_text(journal), "counts", cli_counts_event(&counts)));
    cli_say(runner->report, true, "%llu jobs: %llu waiting, %llu done, %llu failed, %llu ignored",
            (unsigned long long)counts.total, (unsigned long long)counts.of[PS_JOB_WAITING],
            (unsigned long long)counts.of[PS_JOB_DONE], (unsigned long long)counts.of[PS_JOB_FAILED],
            (unsigned long long)counts.of[PS_JOB_IGNORED]);
    return PS_OK;
}

/* The share of the time from its first job to its last in which the device had nothing to do. */
static double idle_share(const struct cli_runner *runner)
{
    const double span = runner->last - runner->first;
    return span > 0 ? 1 - runner->device_seconds / span : 0;
}

enum ps_status cli_runner_summarise(struct cli_runner *runner, const struct ps_job_filter *filter,
                                    struct ps_job_counts *counts, struct ps_error *error)
{
    char seconds[CLI_NUMBER_SIZE];
    if (ps_journal_counts(runner->journal, filter, counts, error))
        return error->status;
    cli_emit(runner->report,
             json_pack("{s:s, s:I, s:o, s:i, s:i, s:i, s:f, s:f, s:f}", "event", "batch_summary", "batch",
                       (json_int_t)filter->batch, "counts", cli_counts_event(counts), "rendered",
                       (int)runner->rendered, "recognised", (int)runner->recognised, "swept",
                       (int)runner->swept, "seconds", runner->seconds, "device_seconds",
                       runner->device_seconds, "idle_share", idle_share(runner)));
    cli_say(runner->report, true,
            "%u rendered and %u recognised in %s; %llu of %llu done, %llu failed, %llu ignored, %llu waiting",
            runner->rendered, runner->recognised, cli_duration(seconds, runner->seconds),
            (unsigned long long)counts->of[PS_JOB_DONE], (unsigned long long)counts->total,
            (unsigned long long)counts->of[PS_JOB_FAILED], (unsigned long long)counts->of[PS_JOB_IGNORED],
            (unsigned long long)(counts->of[PS_JOB_WAITING] + counts->of[PS_JOB_RUNNING]));
    return PS_OK;
}
