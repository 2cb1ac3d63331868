/* Renders the waiting jobs of a journal, one after the other, and tells of each. */
#ifndef PS_CLI_RUNNER_H
#define PS_CLI_RUNNER_H

#include "cli/progress.h"
#include "cli/side.h"

struct cli_runner {
    /* What is given. */
    struct ps_journal *journal;
    struct ps_claim_params claim;
    struct cli_engine *engine;
    struct cli_report *report;
    const char *states; /* folder where renders keep their states */
    const char *out;    /* folder of the clips, or null */
    bool waits;         /* where a folder goes away, for its return; else no more jobs are begun */
    /* No other process makes these clips, whatever the journal knows: what is half made was left by one that is gone. */
    bool sole;
    /* Told, on the device's thread, now and then, also while nothing is to be rendered, and of each job that has ended; may
     * be null. False where no further job is to be begun. */
    bool (*alive)(void *user);
    void (*ended)(void *user, const struct cli_task *task);
    void *user;
    /* What is made. */
    struct cli_progress progress;
    struct cli_side *side;
    struct cli_task *task; /* at the device */
    char name[64];         /* of its output, printable */
    uint32_t rendered, recognised, failed, again, swept;
    double begun, seconds; /* of the run */
    double first, last;    /* when the device began and ended; 0 for not yet */
    double device_seconds; /* that it had work */
    unsigned losses;       /* of the device, one after the other */
    bool halted;           /* `alive` said so */
};

/* Runs until no job waits. A failed job is no failure of the run. Status: what ends all, such as PS_ERR_CHECKPOINT,
 * PS_ERR_DEVICE, PS_ERR_OUTPUT for a full disk, those of the journal; PS_ERR_DEVICE_LOST where the device was lost twice in a
 * row; PS_ERR_CANCELLED after a signal. */
enum ps_status cli_runner_run(struct cli_runner *runner, struct ps_error *error);

/* The events "batch_begin" and "batch_summary", and the lines for people. `filter` narrows to the batch; `journal` is what
 * the journal is called. */
enum ps_status cli_runner_announce(struct cli_runner *runner, const struct ps_job_filter *filter,
                                   const char *journal, struct ps_error *error);
enum ps_status cli_runner_summarise(struct cli_runner *runner, const struct ps_job_filter *filter,
                                    struct ps_job_counts *counts, struct ps_error *error);

/* {"waiting": 3, ...}, with "total". */
json_t *cli_counts_event(const struct ps_job_counts *counts);

#endif
