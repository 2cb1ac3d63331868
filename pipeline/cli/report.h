/* Where the program's words go: results to stdout, as text or as one JSON object a line; all else to stderr.
 */
#ifndef PS_CLI_REPORT_H
#define PS_CLI_REPORT_H

#include <jansson.h>

#include "packshot.h"

#if defined(__GNUC__)
#define CLI_PRINTF(format_at, arguments_at) __attribute__((format(printf, format_at, arguments_at)))
#else
#define CLI_PRINTF(format_at, arguments_at)
#endif

/* Exit codes of batches, beside those of enum ps_status. */
#define CLI_SOME_FAILED ((enum ps_status)3)
#define CLI_NOTHING_TO_DO ((enum ps_status)10)

/* The two streams as one command uses them. */
struct cli_report {
    bool json;      /* results are JSON objects */
    bool quiet;     /* stderr has errors alone, stdout has nothing but JSON */
    int broken;     /* errno of the first write to stdout that failed */
    bool live;      /* a progress line is on the terminal, without its end */
    size_t columns; /* that it takes */
};

/* A line of results on stdout, unless they are JSON. */
void cli_print(struct cli_report *report, const char *format, ...) CLI_PRINTF(2, 3);

/* Of the events, as their member "v" tells it: it rises where a member goes or changes its meaning, not where one is
 * added. cli/manual/events.json describes them. */
enum { CLI_EVENTS_VERSION = 1 };

/* One event, an object or null for out of memory; takes the reference over. Nothing unless results are JSON.
 */
void cli_emit(struct cli_report *report, json_t *event);

/* A JSON string of any bytes. */
json_t *cli_json_text(const char *text);

/* A line for people on stderr, "packshot: ..." with `prefix`; nothing with --quiet. */
void cli_say(struct cli_report *report, bool prefix, const char *format, ...) CLI_PRINTF(3, 4);

/* Shows the rewritten progress line, and ends it. */
void cli_show_live(struct cli_report *report, const char *line);
void cli_end_live(struct cli_report *report);

/* Records a failure of the program's own unless there is one, and returns the status. Arguments are made
 * printable. */
enum ps_status cli_fail(struct ps_error *error, enum ps_status status, const char *id, const char *format,
                        ...) CLI_PRINTF(4, 5);

/* Tells of the failure, if there is one, and returns the exit code: that of the failure, of the signal that
 * asked to stop, of a stdout that could not be written, or 0. The last thing that a command does. */
int cli_finish(struct cli_report *report, const struct ps_error *error);

#endif
