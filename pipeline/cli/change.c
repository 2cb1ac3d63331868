/* `packshot retry` and `packshot cancel`: jobs of a journal put into another state. */
#include <string.h>

#include "cli/commands.h"
#include "cli/ledger.h"

struct request {
    const char *path, *output;
    uint64_t job; /* 0 for none */
    bool json, quiet;
};

static const struct cli_option options[] = {
    {.name = "job",
     .kind = CLI_SEED,
     .offset = offsetof(struct request, job),
     .value = "N",
     .help = "this job alone, by its number in status and reports",
     .fallback = "all",
     .excludes = "output"},
    {.name = "output",
     .letter = 'o',
     .kind = CLI_PATH,
     .offset = offsetof(struct request, output),
     .value = "CLIP",
     .help = "the job of this clip alone",
     .fallback = "all"},
    {.name = "json", .kind = CLI_FLAG, .offset = offsetof(struct request, json), .help = "one JSON object"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, quiet),
     .help = "print errors alone"},
    {0},
};

static const char *const retry_examples[] = {"retry clips", "retry clips --output clips/shoe.mp4", NULL};
static const char *const cancel_examples[] = {"cancel clips", "cancel clips --job 17", NULL};

static int retry(const struct cli_command *command, int argc, char **argv);
static int cancel(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_retry_command = {
    .name = "retry",
    .summary = "have failed jobs of a batch tried again",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = retry_examples,
    .options = options,
    .notes =
        "PATH is a journal, or the folder that a batch writes to. The jobs wait again; a running batch\n"
        "takes them up, else packshot resume does. With --job or --output also a job that was cancelled.",
    .run = retry,
};

const struct cli_command cli_cancel_command = {
    .name = "cancel",
    .summary = "take jobs out of a batch that is waiting or running",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = cancel_examples,
    .options = options,
    .notes =
        "PATH is a journal, or the folder that a batch writes to. Waiting jobs are ignored from now on;\n"
        "one that is being rendered stops within seconds and leaves no file. What is done stays.",
    .run = cancel,
};

typedef enum ps_status change(struct ps_journal *journal, const struct ps_job_filter *filter, uint64_t *count,
                              struct ps_error *error);

static enum ps_status apply(const struct request *request, change *how, const char *event, const char *what,
                            unsigned states, struct cli_report *report, struct ps_error *error)
{
    char path[CLI_PATH_SIZE], output[CLI_PATH_SIZE];
    const bool one = request->job || request->output;
    struct ps_job_filter filter = {.id = (int64_t)request->job, .states = one ? states : 0};
    struct ps_journal *journal = NULL;
    uint64_t count = 0;
    if (request->output) {
        if (!cli_path_absolute(output, request->output))
            return cli_fail(error, PS_ERR_USAGE, "usage.value", "--output: the path is too long");
        filter.output = output;
    }
    if (!cli_ledger_open(&journal, path, request->path, false, error) &&
        !how(journal, &filter, &count, error)) {
        if (!count && one)
            cli_fail(error, PS_ERR_INPUT, "job.not-found", "%.300s has no such job that could be %s", path,
                     what);
        else if (!request->quiet)
            cli_print(report, "%llu jobs: %s", (unsigned long long)count, what);
        cli_emit(report, json_pack("{s:s, s:I}", "event", event, "jobs", (json_int_t)count));
    }
    ps_journal_close(&journal);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv, change *how, const char *what,
               unsigned states)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        report.quiet = request.quiet;
        apply(&request, how, command->name, what, states, &report, &error);
    }
    return cli_finish(&report, &error);
}

static int retry(const struct cli_command *command, int argc, char **argv)
{
    return run(command, argc, argv, ps_journal_retry, "waiting again",
               1u << PS_JOB_FAILED | 1u << PS_JOB_IGNORED);
}

static int cancel(const struct cli_command *command, int argc, char **argv)
{
    return run(command, argc, argv, ps_journal_cancel, "cancelled", 0);
}
