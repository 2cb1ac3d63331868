#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/stop.h"
#include "cli/text.h"

/* Seconds between two lines where they cannot be rewritten, and between two events of the same step. */
#define LINE_SECONDS 10.0
#define EVENT_SECONDS 1.0

enum { LINE_SIZE = 160 };

void cli_progress_begin(struct cli_progress *progress, struct cli_report *report)
{
    const char *kind = getenv("TERM"), *plain = getenv("NO_COLOR");
    *progress = (struct cli_progress){.report = report};
    progress->terminal = isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") != 0 && !(plain && *plain);
}

/* The terminal's width now; a line of that many characters would wrap and could not be rewritten. */
static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 2 ? 79 : size.ws_col - 1u;
}

/* Seconds that are left, were the rest as fast as what is done; negative while too little is done to tell. */
static double seconds_left(const struct ps_progress *now)
{
    return now->done > 0.03 ? now->seconds / now->done * (1 - now->done) : -1;
}

static void describe(char line[LINE_SIZE], const struct cli_progress *progress, const struct ps_progress *now)
{
    char left[CLI_NUMBER_SIZE];
    size_t used = 0;
    if (progress->job)
        used = (size_t)snprintf(line, LINE_SIZE, "[%u/%u] %.60s  ", progress->number, progress->count,
                                progress->job);
    used += (size_t)snprintf(line + used, LINE_SIZE - used, "%s", now->phase);
    if (now->takes > 1)
        used += (size_t)snprintf(line + used, LINE_SIZE - used, "  clip %u/%u", now->take, now->takes);
    if (now->steps > 1)
        used += (size_t)snprintf(line + used, LINE_SIZE - used, "  step %u/%u", now->step, now->steps);
    used += (size_t)snprintf(line + used, LINE_SIZE - used, "  %.0f %%", 100 * now->done);
    if (now->step_seconds > 0 && now->steps > 1)
        used += (size_t)snprintf(line + used, LINE_SIZE - used, "  %.*f s/step",
                                 now->step_seconds < 10 ? 2 : 1, now->step_seconds);
    if (seconds_left(now) >= 0)
        used += (size_t)snprintf(line + used, LINE_SIZE - used, "  ETA %s",
                                 cli_duration(left, seconds_left(now)));
    if (progress->job && progress->rest >= 0 && seconds_left(now) >= 0)
        snprintf(line + used, LINE_SIZE - used, " (all %s)",
                 cli_duration(left, seconds_left(now) + progress->rest));
}

static void tell_people(struct cli_progress *progress, const struct ps_progress *now, bool new_phase)
{
    char line[LINE_SIZE];
    /* Many short renders are not to say more than a long one. */
    const double at = progress->job ? ps_seconds() : now->seconds;
    if (progress->report->quiet)
        return;
    describe(line, progress, now);
    if (progress->terminal) {
        const size_t room = columns();
        if (room < sizeof line)
            line[room] = '\0';
        cli_show_live(progress->report, line);
    } else if ((new_phase && !progress->job) || at - progress->line_at >= LINE_SECONDS) {
        progress->line_at = at;
        cli_say(progress->report, true, "%s", line);
    }
}

static void tell_programs(struct cli_progress *progress, const struct ps_progress *now, bool new_step)
{
    if (!new_step && now->seconds - progress->event_at < EVENT_SECONDS)
        return;
    progress->event_at = now->seconds;
    json_t *event = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:f}", "event", "progress", "phase", now->phase,
                              "step", (int)now->step, "steps", (int)now->steps, "done", now->done, "seconds",
                              now->seconds, "step_seconds", now->step_seconds);
    if (event && progress->job) {
        json_object_set_new(event, "job", cli_json_text(progress->job));
        json_object_set_new(event, "number", json_integer(progress->number));
        json_object_set_new(event, "count", json_integer(progress->count));
    }
    if (event && now->takes > 1) {
        json_object_set_new(event, "take", json_integer(now->take));
        json_object_set_new(event, "takes", json_integer(now->takes));
    }
    if (event && seconds_left(now) >= 0)
        json_object_set_new(event, "seconds_left", json_real(seconds_left(now)));
    cli_emit(progress->report, event);
}

bool cli_progress_tell(void *user, const struct ps_progress *now)
{
    struct cli_progress *progress = user;
    const bool new_phase = strcmp(progress->phase, now->phase) != 0 || progress->take != now->take;
    if (progress->report->json)
        tell_programs(progress, now, new_phase || progress->step != now->step);
    tell_people(progress, now, new_phase);
    snprintf(progress->phase, sizeof progress->phase, "%s", now->phase);
    progress->step = now->step;
    progress->take = now->take;
    return !cli_stop_signal() && !progress->report->broken;
}
