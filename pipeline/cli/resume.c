#include <string.h>

#include "cli/commands.h"
#include "cli/ledger.h"
#include "cli/stop.h"
#include "jobs/manifest.h"

struct request {
    const char *path;
    float retry_delay; /* seconds; 0 for the default */
    bool retry_failed, fail_if_empty, requeue, json, quiet;
};

static const struct cli_option options[] = {
    {.name = "retry-failed",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, retry_failed),
     .help = "try jobs again that have failed"},
    {.name = "retry-delay",
     .kind = CLI_REAL,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, retry_delay),
     .value = "SECONDS",
     .help = "how long a job rests that failed for a cause which may pass; see packshot help batch",
     .fallback = "10",
     .low = 0.1,
     .high = 3600},
    {.name = "fail-if-empty",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, fail_if_empty),
     .help = "end with 10 where there is nothing to do"},
    {.name = "requeue",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, requeue),
     .help = "for schedulers, as of packshot batch: end with 75 where a signal stopped it"},
    {.name = "json",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a line, as of packshot batch"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = offsetof(struct request, quiet),
     .help = "print errors alone"},
    {0},
};

static const char *const examples[] = {"resume clips", "resume clips --retry-failed", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_resume_command = {
    .name = "resume",
    .summary = "go on with a batch that was stopped, killed or cut off",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = examples,
    .options = options,
    .notes = "PATH is a journal, or the folder that a batch writes to. Every job is rendered with the "
             "options of then; "
             "what\n"
             "is done is recognised. The manifest is not read again: a changed one takes packshot batch.",
    .run = run,
};

/* The batch is as it was; whoever has edited the list since wants to know that. */
static enum ps_status compare_manifest(struct ps_journal *journal, struct cli_report *report,
                                       struct ps_error *error)
{
    const struct ps_manifest_params params = {0};
    struct ps_manifest *manifest = NULL;
    struct ps_batch *batch = NULL;
    struct ps_error gone = {0};
    if (ps_journal_batch(journal, &batch, error) || !batch)
        return error->status;
    if (ps_manifest_open(&manifest, batch->manifest, &params, &gone))
        cli_say(report, true, "%s cannot be read now; going on with what the journal has of it",
                batch->manifest);
    else if (strcmp(manifest->sha256, batch->sha256) != 0)
        cli_say(report, true, "%s is another than it was; going on with what the journal has of it",
                batch->manifest);
    ps_manifest_close(&manifest);
    ps_batch_free(&batch);
    return PS_OK;
}

static enum ps_status go_on(const struct request *request, struct cli_report *report, struct ps_error *error)
{
    const struct ps_job_filter failed = {.states = 1u << PS_JOB_FAILED};
    struct cli_engine engine = {0};
    char path[CLI_PATH_SIZE];
    struct cli_ledger_run ledger = {.path = path,
                                    .engine = &engine,
                                    .report = report,
                                    .retry_delay = request->retry_delay,
                                    .fail_if_empty = request->fail_if_empty,
                                    .sole = request->requeue};
    uint64_t count;
    cli_stop_begin(request->quiet);
    if (!cli_ledger_open(&ledger.journal, path, request->path, false, error) &&
        !compare_manifest(ledger.journal, report, error) &&
        (!request->retry_failed || !ps_journal_retry(ledger.journal, &failed, &count, error)))
        cli_ledger_run(&ledger, error);
    ps_journal_close(&ledger.journal);
    cli_engine_close(&engine);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        report.quiet = request.quiet;
        go_on(&request, &report, &error);
        if (request.requeue)
            cli_ledger_requeue(&error);
    }
    return cli_finish(&report, &error);
}
