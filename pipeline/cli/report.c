#include "cli/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "cli/exits.h"
#include "cli/stop.h"

static void check_stdout(struct cli_report *report, int result)
{
    if (result < 0 && !report->broken)
        report->broken = errno ? errno : EIO;
}

/* The whole text made printable; null where memory is short. To be freed. */
static char *make_printable(const char *text)
{
    const size_t longest = 4 * strlen(text) + 1; /* each byte may become \xNN */
    char *printable = malloc(longest);
    return printable ? ps_printable(printable, longest, text, true) : NULL;
}

void cli_print(struct cli_report *report, const char *format, ...)
{
    if (report->json)
        return;
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    char *line = text ? make_printable(text) : NULL;
    cli_end_live(report);
    errno = line ? 0 : ENOMEM;
    check_stdout(report, line ? puts(line) : EOF);
    check_stdout(report, fflush(stdout));
    free(line);
    free(text);
}

void cli_emit(struct cli_report *report, json_t *event)
{
    if (report->json) {
        json_object_set_new(event, "v", json_integer(CLI_EVENTS_VERSION));
        char *line = event ? json_dumps(event, JSON_COMPACT) : NULL;
        errno = 0;
        check_stdout(report, line ? puts(line) : EOF);
        check_stdout(report, fflush(stdout));
        free(line);
    }
    json_decref(event);
}

json_t *cli_json_text(const char *text)
{
    char *printable = make_printable(text);
    json_t *string = printable ? json_string(printable) : NULL;
    free(printable);
    return string;
}

void cli_say(struct cli_report *report, bool prefix, const char *format, ...)
{
    if (report->quiet)
        return;
    char text[2048], line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_end_live(report);
    fprintf(stderr, "%s%s\n", prefix ? "packshot: " : "", ps_printable(line, sizeof line, text, true));
}

/* Overwrites the line before with spaces instead of an escape sequence: any terminal does that. */
void cli_show_live(struct cli_report *report, const char *line)
{
    const size_t length = strlen(line);
    const int rest = report->columns > length ? (int)(report->columns - length) : 0;
    fprintf(stderr, "\r%s%*s", line, rest, "");
    fflush(stderr);
    report->live = true;
    report->columns = length;
}

void cli_end_live(struct cli_report *report)
{
    if (report->live)
        fputc('\n', stderr);
    report->live = false;
    report->columns = 0;
}

enum ps_status cli_fail(struct ps_error *error, enum ps_status status, const char *id, const char *format,
                        ...)
{
    if (error->status)
        return error->status;
    char text[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error->status = status;
    snprintf(error->id, sizeof error->id, "%s", id);
    ps_printable(error->message, sizeof error->message, text, false);
    return status;
}

/* Also of those that are the program's own. */
static const char *status_name(enum ps_status status)
{
    const struct cli_exit *row = cli_exits;
    while (row->name && row->code != (int)status)
        row++;
    return row->name ? row->name : ps_status_name(status);
}

static void tell_error(struct cli_report *report, const struct ps_error *error)
{
    char text[1024];
    cli_end_live(report);
    fprintf(stderr, "packshot: error: %s\n", ps_printable(text, sizeof text, error->message, true));
    if (error->hint[0])
        fprintf(stderr, "packshot: hint: %s\n", ps_printable(text, sizeof text, error->hint, true));
    cli_emit(report, json_pack("{s:s, s:s, s:i, s:s, s:o, s:o}", "event", "error", "id", error->id, "status",
                               (int)error->status, "name", status_name(error->status), "message",
                               cli_json_text(error->message), "hint", cli_json_text(error->hint)));
}

int cli_finish(struct cli_report *report, const struct ps_error *error)
{
    /* A render that was stopped because nobody can read its events is not one that the user stopped. */
    const bool failed = error->status && !(report->broken && error->status == PS_ERR_CANCELLED);
    const int signal = error->status == PS_ERR_CANCELLED ? cli_stop_signal() : 0;
    cli_end_live(report);
    if (failed)
        tell_error(report, error);
    /* Whoever closed a pipe knows that it did. */
    if (report->broken && report->broken != EPIPE)
        fprintf(stderr, "packshot: error: standard output cannot be written: %s\n", strerror(report->broken));
    if (signal)
        return 128 + signal;
    if (failed)
        return (int)error->status;
    return report->broken ? PS_ERR_OUTPUT : 0;
}
