/* What happens beside the device: while one clip is rendered, a single other thread claims the next job, loads its photo,
 * then measures and writes the clip before, and keeps the journal.
 *
 * It is one thread, and all of this is on it, because photos are decoded in a forked child (sandbox/sandbox.h). A fork takes
 * along every lock in the state that other threads have it in, and in the child nobody gives it back. The memory allocator
 * and stdio are made for that; libavcodec, which keeps a lock around the opening of some codecs, lcms2 and SQLite are not.
 * With encoder, journal and decoder on one thread none of those is held at the moment of the fork; candidates, which the
 * device's thread writes, are written while the side stands still (cli_side_alone). What runs meanwhile is
 * the device's own: the driver or the interpreter's threads, whose locks the child never needs.
 *
 *   side                               the device's thread
 *   claim, load ------ ready --------> cli_side_take
 *                                      renders, calling cli_side_poll now and then
 *   measure, write <-- rendered ------ cli_side_give
 *   done, failed ----- told ---------> cli_side_poll: the listener tells people
 */
#ifndef PS_CLI_SIDE_H
#define PS_CLI_SIDE_H

#include "cli/task.h"

struct cli_side;

struct cli_side_params {
    struct ps_journal *journal; /* the side's alone until cli_side_end */
    struct ps_claim_params claim;
    struct cli_report *report; /* not used on the side's thread */
    struct cli_engine *engine; /* likewise */
    const char *states;        /* folder where renders keep their states */
    const char *out;           /* folder of the clips, or null */
    /* Where a folder goes away: whether to wait for it, or to take no more jobs. */
    bool waits;
    /* Called on the device's thread while it waits for a job; may be null. False where none is to be begun any more. */
    bool (*alive)(void *user);
    void *user;
    bool sole;                 /* see cli_runner.sole */
};

/* Starts the thread. Status: PS_ERR_MEMORY. */
enum ps_status cli_side_begin(struct cli_side **side, const struct cli_side_params *params,
                              struct ps_error *error);

/* The next job to render; waits for it. Null where there is none left, after a failure that ends all, once a signal has
 * asked to stop or `alive` said so. `told` is called for each job that has ended meanwhile. */
struct cli_task *cli_side_take(struct cli_side *side, void (*told)(void *user, const struct cli_task *task),
                               void *user);

/* Begins and ends a time in which the side does nothing that the device's thread must not be beside: candidates are written
 * where they are rendered. `side` is a struct cli_side. */
void cli_side_alone(void *side, bool begin);

/* Hands a job back, rendered or failed (task->error). */
void cli_side_give(struct cli_side *side, struct cli_task *task);

/* Calls `told` for each job that has ended. */
void cli_side_poll(struct cli_side *side, void (*told)(void *user, const struct cli_task *task), void *user);

/* Writes what is rendered, gives back what is not, ends the thread. Fails with what ended all, if something did; a stop by
 * a signal is none. */
enum ps_status cli_side_end(struct cli_side **side, void (*told)(void *user, const struct cli_task *task),
                            void *user, struct ps_error *error);

#endif
