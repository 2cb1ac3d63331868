#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ledger.h"
#include "cli/presence.h"
#include "jobs/claims.h"

struct request {
    const char *path;
    bool json, quiet;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help =
         "one JSON object for the journal, and one for each job that is running, or waits to be tried again"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, quiet),
     .help = "print errors alone"},
    {0},
};

static const char *const examples[] = {"status clips", "status clips/.packshot/journal.sqlite --json", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_status_command = {
    .name = "status",
    .summary = "how far a batch is",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = examples,
    .options = options,
    .notes = "PATH is a journal, or the folder that a batch writes to. The batch may be running.",
    .run = run,
};

static void tell_running(struct cli_report *report, const struct ps_journal_job *job)
{
    char *photo = ps_claims_origin(job->photo);
    if (!report->quiet)
        cli_print(report, "running: %s, by %s", job->output, job->worker);
    cli_emit(report,
             json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:I}", "event", "running", "job", (json_int_t)job->id,
                       "row", (json_int_t)job->row, "photo", cli_json_text(photo ? photo : job->photo),
                       "output", cli_json_text(job->output), "worker", cli_json_text(job->worker), "started",
                       (json_int_t)job->started));
    free(photo);
}

static void tell_resting(struct cli_report *report, const struct ps_journal_job *job)
{
    if (!report->quiet)
        cli_print(report, "to be tried again: %s, after %u of %d attempts: %s", job->output, job->attempts,
                  PS_JOB_ATTEMPTS, job->reason);
    cli_emit(report, json_pack("{s:s, s:I, s:I, s:o, s:i, s:o, s:o}", "event", "resting", "job",
                               (json_int_t)job->id, "row", (json_int_t)job->row, "output",
                               cli_json_text(job->output), "attempts", (int)job->attempts, "id",
                               cli_json_text(job->reason_id), "message", cli_json_text(job->reason)));
}

static bool on_job(void *user, const struct ps_journal_job *job)
{
    if (job->state == PS_JOB_RUNNING)
        tell_running(user, job);
    else if (job->attempts)
        tell_resting(user, job);
    return true;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void on_watcher(void *user, const json_t *about)
{
    struct cli_report *report = user;
    const char *words = text_of(about, "message");
    if (!report->quiet)
        cli_print(report, "watching: %s, by %s:%lld%s%s", text_of(about, "folder"), text_of(about, "host"),
                  (long long)json_integer_value(json_object_get(about, "pid")), *words ? ": " : "", words);
    json_t *event = json_pack("{s:s}", "event", "watcher");
    if (event)
        json_object_update(event, (json_t *)(uintptr_t)about);
    cli_emit(report, event);
}

static enum ps_status tell(struct ps_journal *journal, const char *path, struct cli_report *report,
                           struct ps_error *error)
{
    const struct ps_job_filter filter = {.states = 1u << PS_JOB_RUNNING | 1u << PS_JOB_WAITING};
    struct ps_job_counts counts;
    struct ps_batch *batch = NULL;
    if (ps_journal_counts(journal, NULL, &counts, error) || ps_journal_batch(journal, &batch, error))
        return error->status;
    if (!report->quiet)
        cli_print(report, "%s: %llu jobs: %llu waiting, %llu running, %llu done, %llu failed, %llu ignored",
                  path, (unsigned long long)counts.total, (unsigned long long)counts.of[PS_JOB_WAITING],
                  (unsigned long long)counts.of[PS_JOB_RUNNING], (unsigned long long)counts.of[PS_JOB_DONE],
                  (unsigned long long)counts.of[PS_JOB_FAILED],
                  (unsigned long long)counts.of[PS_JOB_IGNORED]);
    cli_emit(report,
             json_pack("{s:s, s:o, s:o, s:I, s:o}", "event", "status", "journal", cli_json_text(path),
                       "counts", cli_counts_event(&counts), "batch", (json_int_t)(batch ? batch->id : 0),
                       "manifest", batch ? cli_json_text(batch->manifest) : json_null()));
    ps_batch_free(&batch);
    if (!ps_journal_each(journal, &filter, on_job, report, error))
        cli_presence_each(path, on_watcher, report);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct ps_journal *journal = NULL;
    char path[CLI_PATH_SIZE];
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        report.quiet = request.quiet;
        if (!cli_ledger_open(&journal, path, request.path, true, &error))
            tell(journal, path, &report, &error);
    }
    ps_journal_close(&journal);
    return cli_finish(&report, &error);
}
