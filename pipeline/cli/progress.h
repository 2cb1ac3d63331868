/* How a render's progress is shown: as events, as one line rewritten on a terminal, or as lines now and then.
 */
#ifndef PS_CLI_PROGRESS_H
#define PS_CLI_PROGRESS_H

#include "cli/report.h"

struct cli_progress {
    struct cli_report *report;
    bool terminal;   /* stderr is one that can rewrite a line */
    const char *job; /* of several: printable, before each line and in each event; null for a single one */
    uint32_t number, count; /* of the job, from 1, and of all */
    double rest;    /* seconds that all jobs after this one may take; negative where that is not known */
    char phase[16]; /* of the last line and event */
    uint32_t step, take;
    double line_at,
        event_at; /* seconds since the render began; of a line about one of several jobs by ps_seconds */
};

/* Looks at stderr, TERM and NO_COLOR. */
void cli_progress_begin(struct cli_progress *progress, struct cli_report *report);

/* A listener for ps_render_events; `user` is the struct. False once a signal has asked to stop or stdout is
 * broken. */
bool cli_progress_tell(void *user, const struct ps_progress *now);

#endif
