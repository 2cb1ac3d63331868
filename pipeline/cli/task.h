/* One claimed job of a journal, from its claim to the state that it ends in. */
#ifndef PS_CLI_TASK_H
#define PS_CLI_TASK_H

#include <stdatomic.h>

#include "cli/snapshot.h"
#include "jobs/journal.h"

enum cli_outcome {
    CLI_TASK_OPEN,       /* under way */
    CLI_TASK_DONE,       /* rendered, its files have their names */
    CLI_TASK_RECOGNISED, /* was done before */
    CLI_TASK_FAILED,
    CLI_TASK_AGAIN,   /* failed, and will be tried again */
    CLI_TASK_IGNORED, /* cancelled by somebody */
    CLI_TASK_RELEASED /* given back unfinished */
};

/* What a task spent its time on. */
struct cli_phase {
    char name[16]; /* "load", "measure", or as in struct ps_progress */
    double seconds;
};

enum { CLI_PHASES = 16 };

struct cli_task {
    struct cli_task *next; /* of a queue */
    bool sole;             /* see cli_runner.sole */
    struct ps_journal_job *record;
    struct cli_snapshot snapshot;
    struct cli_job job;
    struct ps_error error; /* of whatever went wrong first */
    enum cli_outcome outcome;
    char *state;           /* file that the render keeps its state in; null where it cannot */
    unsigned swept;        /* temporaries of a dead worker that were removed */
    double begun, seconds; /* the claim, and from there to the end */
    double render_seconds;
    struct cli_phase
        phases[CLI_PHASES]; /* in the order in which they came; the first without a name ends them */
    double clock;           /* until when the time was booked */
    struct ps_plan plan;    /* of the render, once there is one */
    char warnings[2048];    /* of the device while it had the job, a line each */
    char *log;              /* path of its log; null where that could not be written */
    json_t *event;          /* what was made */
    atomic_bool cancelled;  /* somebody asked it to stop without a file */
    atomic_bool lost;       /* the claim is another worker's: the same */
};

/* Takes over a claimed job. `folder` is where renders keep their states, `sole` as cli_runner.sole. Null when out of memory. */
struct cli_task *cli_task_new(struct ps_journal_job **record, struct cli_report *report,
                              struct cli_engine *engine, const char *folder, bool sole);
void cli_task_free(struct cli_task **task);

/* Books the time since the last booking, or the claim, on a phase. By whoever works at the task. */
void cli_task_book(struct cli_task *task, const char *phase);

/* Keeps a warning for the log, if there is room. */
void cli_task_warn(struct cli_task *task, const char *line);

/* All that comes before the render and needs neither the device nor the streams: settings, what is there already, photo
 * and names. The outcome is CLI_TASK_RECOGNISED where nothing is left to do. Status in task->error. */
void cli_task_load(struct cli_task *task);

/* All that needs the device, on the thread that has it. Status in task->error. */
void cli_task_render(struct cli_task *task, const struct ps_render_events *events);

/* All that comes after the render: measures and writes. Status in task->error. */
void cli_task_deliver(struct cli_task *task, const struct ps_render_events *saving);

/* Whether it has to stop without a file. */
bool cli_task_must_stop(const struct cli_task *task);

/* Removes the render's state where this attempt is the last, whatever the journal says of it. */
void cli_task_end_state(struct cli_task *task);

/* Lets go of photo and clip, which are large, and removes the render's state unless the job is to go on. */
void cli_task_forget(struct cli_task *task);

/* Whether the same may go well another time. */
bool cli_task_is_transient(const struct ps_error *error);

/* Whether the cause is not the job's, and passes: it waits then without having been tried. */
bool cli_task_waits(const struct ps_error *error);

/* Whether the cause will meet every other job too, so that trying them would only make them fail. */
bool cli_task_ends_all(const struct ps_error *error);

#endif
