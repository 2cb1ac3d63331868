/* The figures of a watched folder for a collector of node exporter's textfile kind. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/output.h"
#include "cli/watch.h"

/* Seconds between two writes: Prometheus looks every 15 or 60. */
#define METRICS_SECONDS 5.0

static void write_label(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            fputc('\\', to);
        if (*text == '\n')
            fputs("\\n", to);
        else
            fputc(*text, to);
    }
}

static void head(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP packshot_watch_%s %s\n# TYPE packshot_watch_%s %s\n", name, help, name, type);
}

/* One line; `label` may be null. */
static void line(FILE *to, const struct cli_watch *watch, const char *name, const char *label,
                 const char *value, double number)
{
    fprintf(to, "packshot_watch_%s{folder=\"", name);
    write_label(to, watch->folder);
    if (label)
        fprintf(to, "\",%s=\"%s", label, value);
    fprintf(to, "\"} %.15g\n", number);
}

static void single(FILE *to, const struct cli_watch *watch, const char *name, const char *type, double number,
                   const char *help)
{
    head(to, name, type, help);
    line(to, watch, name, NULL, NULL, number);
}

static void describe(FILE *to, const struct cli_watch *watch)
{
    static const char *const states[PS_INBOX_STATES] = {"settling", "incomplete", "held", "kept", "no_photo"};
    const struct cli_watch_tally *tally = &watch->tally;
    uint64_t files[PS_INBOX_STATES];
    ps_inbox_count(watch->inbox, files);
    head(to, "files", "gauge", "Files in the watched folder by state.");
    for (int i = 0; i < PS_INBOX_STATES; i++)
        line(to, watch, "files", "state", states[i], (double)files[i]);
    head(to, "jobs", "gauge", "Jobs of the journal by state.");
    for (int i = 0; i < PS_JOB_STATES; i++)
        line(to, watch, "jobs", "state", ps_job_state_name((enum ps_job_state)i),
             (double)watch->counts.of[i]);
    single(to, watch, "folder_there", "gauge", watch->is_up, "Whether the watched folder can be read.");
    single(to, watch, "polling", "gauge", !watch->notice, "Whether changes are only found by looking.");
    single(to, watch, "last_look_timestamp_seconds", "gauge", (double)tally->looked,
           "Time of the last look.");
    single(to, watch, "looks_total", "counter", (double)tally->looks, "Looks through the folder.");
    single(to, watch, "photos_taken_total", "counter", (double)tally->taken, "Photos taken up.");
    single(to, watch, "rendered_total", "counter", (double)tally->rendered, "Clips rendered.");
    single(to, watch, "recognised_total", "counter", (double)tally->recognised,
           "Photos whose clip was there already.");
    single(to, watch, "duplicates_total", "counter", (double)tally->duplicates,
           "Photos that are the same as another.");
    single(to, watch, "failed_total", "counter", (double)tally->failed, "Photos that failed.");
    single(to, watch, "render_seconds_total", "counter", tally->render_seconds,
           "Seconds that the device rendered.");
}

static enum ps_status write_all(const struct cli_watch *watch, const char *text, size_t size,
                                struct ps_error *error)
{
    struct ps_output *output = NULL;
    if (!ps_output_open(&output, watch->request.metrics, true, error) &&
        !ps_output_write(output, text, size, 0, error))
        ps_output_commit(output, NULL, NULL, error);
    ps_output_close(&output);
    return error->status;
}

void cli_watch_write_metrics(struct cli_watch *watch, bool now)
{
    struct ps_error cause = {0};
    char *text = NULL;
    size_t size = 0;
    if (!watch->request.metrics || (!now && ps_seconds() - watch->metrics_at < METRICS_SECONDS))
        return;
    watch->metrics_at = ps_seconds();
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return;
    describe(to, watch);
    const bool whole = !ferror(to);
    if (!fclose(to) && whole && write_all(watch, text, size, &cause) &&
        strcmp(cause.message, watch->metrics_said) != 0) {
        snprintf(watch->metrics_said, sizeof watch->metrics_said, "%s", cause.message);
        cli_say(&watch->report, true, "warning: the metrics cannot be written: %s", cause.message);
    }
    free(text);
}
