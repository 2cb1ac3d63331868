#include <string.h>

#include "cli/commands.h"
#include "cli/ledger.h"

struct request {
    const char *path;
    bool json, quiet;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object for the journal, and one for each running job"},
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

static bool on_running(void *user, const struct ps_journal_job *job)
{
    struct cli_report *report = user;
    if (!report->quiet)
        cli_print(report, "running: %s, by %s", job->output, job->worker);
    cli_emit(report, json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:I}", "event", "running", "job",
                               (json_int_t)job->id, "row", (json_int_t)job->row, "photo",
                               cli_json_text(job->photo), "output", cli_json_text(job->output), "worker",
                               cli_json_text(job->worker), "started", (json_int_t)job->started));
    return true;
}

static enum ps_status tell(struct ps_journal *journal, const char *path, struct cli_report *report,
                           struct ps_error *error)
{
    const struct ps_job_filter running = {.states = 1u << PS_JOB_RUNNING};
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
    return ps_journal_each(journal, &running, on_running, report, error);
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
