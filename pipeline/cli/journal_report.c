#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "cli/commands.h"
#include "cli/ledger.h"
#include "jobs/report.h"

struct request {
    const char *path, *output, *title;
    bool overwrite, json, quiet;
};

static const struct cli_option options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = CLI_PATH,
     .offset = offsetof(struct request, output),
     .value = "FILE",
     .help = "the report to write: a table (.csv), JSON (.json), or a page on which the clips play (.html)"},
    {.name = "title",
     .kind = CLI_TEXT,
     .offset = offsetof(struct request, title),
     .value = "TEXT",
     .help = "of the page",
     .fallback = "the journal's name"},
    {.name = "overwrite",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, overwrite),
     .help = "replace an existing report"},
    {.name = "json", .kind = CLI_FLAG, .offset = offsetof(struct request, json), .help = "one JSON object"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, quiet),
     .help = "print errors alone"},
    {0},
};

static const char *const examples[] = {"report clips -o clips/report.html",
                                       "report clips -o report.csv --overwrite", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_report_command = {
    .name = "report",
    .summary = "write what became of every input of a batch",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = examples,
    .options = options,
    .notes = "PATH is a journal, or the folder that a batch writes to. Every input stands in the report "
             "once, and its "
             "counts\n"
             "add up to them. A page names clips relative to itself where they lie beside or below it.",
    .run = run,
};

static bool ends_with(const char *path, const char *end)
{
    const size_t length = strlen(path), size = strlen(end);
    return length > size && !strcmp(path + length - size, end);
}

static enum ps_status choose_format(enum ps_report_format *format, const char *path, struct ps_error *error)
{
    static const struct {
        const char *end;
        enum ps_report_format format;
    } formats[] = {{".csv", PS_REPORT_CSV}, {".json", PS_REPORT_JSON}, {".html", PS_REPORT_HTML}};
    for (size_t i = 0; path && i < sizeof formats / sizeof *formats; i++)
        if (ends_with(path, formats[i].end)) {
            *format = formats[i].format;
            return PS_OK;
        }
    return cli_fail(error, PS_ERR_USAGE, "usage.option",
                    "report needs --output FILE that ends in .csv, .json or .html; see packshot help report");
}

static enum ps_status write_report(const struct request *request, struct cli_report *report,
                                   struct ps_error *error)
{
    char path[CLI_PATH_SIZE];
    struct ps_journal *journal = NULL;
    struct ps_job_counts counts;
    struct ps_report_params params = {.title = request->title, .overwrite = request->overwrite};
    if (choose_format(&params.format, request->output, error))
        return error->status;
    ps_output_sweep(request->output, false);
    if (!cli_ledger_open(&journal, path, request->path, true, error) &&
        !ps_report_write(journal, request->output, &params, error) &&
        !ps_journal_counts(journal, NULL, &counts, error)) {
        if (!request->quiet)
            cli_print(report, "%s: %llu inputs", request->output, (unsigned long long)counts.total);
        cli_emit(report, json_pack("{s:s, s:o, s:o}", "event", "report", "output",
                                   cli_json_text(request->output), "counts", cli_counts_event(&counts)));
    }
    ps_journal_close(&journal);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        report.quiet = request.quiet;
        write_report(&request, &report, &error);
    }
    return cli_finish(&report, &error);
}
