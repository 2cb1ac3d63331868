/* `packshot watch`: what its command line asks for, and what it holds on to. */
#ifndef PS_CLI_WATCH_H
#define PS_CLI_WATCH_H

#include "cli/batch.h"
#include "cli/engine.h"
#include "cli/ground.h"
#include "cli/paths.h"
#include "cli/presence.h"
#include "cli/pulse.h"
#include "cli/settings.h"
#include "jobs/claims.h"
#include "jobs/inbox.h"
#include "jobs/journal.h"
#include "jobs/notice.h"

struct cli_watch_request {
    struct cli_batch_request batch; /* clips, their folder, their names and the journal */
    const char *folder, *metrics;
    float quiet_time, poll, give_up; /* seconds; 0 for the default */
    uint32_t min_size;               /* pixels; 0 for none */
    struct cli_hours hours;
    bool once, leave, pause, go_on;
};

/* Names of its options that may stand in [watch] of packshot.ini, ends with null. */
extern const char *const cli_watch_keys[];

/* Whether photos are taken. */
enum cli_watch_rest {
    CLI_WATCH_ON,
    CLI_WATCH_PAUSED,        /* somebody said --pause */
    CLI_WATCH_OUTSIDE_HOURS, /* as --hours says */
    CLI_WATCH_AWAY           /* the folder of the clips is not there */
};

/* The table that fills the struct. */
extern const struct cli_option cli_watch_options[];

/* What has happened since the start. */
struct cli_watch_tally {
    uint64_t taken, rendered, recognised, duplicates, failed, looks;
    double render_seconds;
    int64_t looked; /* at the last look, seconds since 1970 */
};

struct cli_watch {
    struct cli_report report;
    struct cli_watch_request request;
    struct cli_settings arguments; /* the command line, by the rows of cli_watch_options */
    struct cli_settings
        shared;         /* what of it is about clips but for the preset, by those of cli_request_options */
    const char *preset; /* of photos whose folder has none; null for none */
    char folder[CLI_PATH_SIZE], out[CLI_PATH_SIZE], journal_path[CLI_PATH_SIZE]; /* absolute */
    struct cli_engine engine;
    struct ps_journal *journal;
    struct ps_job_counts counts; /* of the journal, when it was last looked into */
    struct ps_inbox *inbox;
    struct ps_notice *notice; /* null where it is only looked now and then */
    struct ps_claims *claims; /* null where photos stay, or before the folder is there */
    struct cli_pulse *pulse;
    bool leave, once;                     /* photos stay where they are; and --once */
    bool is_up, was_up;                   /* the folder is there; it was at some time */
    const char *remote;                   /* kind of file system that tells nothing of changes, or null */
    uint64_t device;                      /* number of the file system that the folder was last seen on */
    double quiet_time, poll;              /* seconds */
    double looked, recovered, metrics_at; /* times of ps_seconds; 0 for not yet, or at once */
    struct cli_watch_tally tally;
    enum cli_watch_rest rest;
    bool rest_known; /* that has been looked at */
    double rest_at;  /* when; time of ps_seconds */
    bool within;     /* its hours, from one time to the next turn; 0 and 0 for not looked up */
    time_t hours_from, hours_turn;
    struct cli_grounds grounds;   /* the folder of the clips */
    struct cli_presence presence; /* what status is told */
    struct cli_watch_news *news;  /* what was said of folders */
    char metrics_said[768];       /* why the metrics cannot be written, as it was said last */
};

/* Prepares looking. Status: PS_ERR_MEMORY. */
enum ps_status cli_watch_begin(struct cli_watch *watch, struct ps_error *error);
void cli_watch_end(struct cli_watch *watch);

/* Looks through the folder if it is there, and says where that has changed. Status: PS_ERR_MEMORY. */
enum ps_status cli_watch_look(struct cli_watch *watch, struct ps_error *error);

/* Puts back what dead watchers held, after the folder came and then now and then; while nothing is claimed. Opens the claims
 * first, or says that photos stay where they are since the folder cannot be written. Status: those of ps_claims_open but
 * for these two. */
enum ps_status cli_watch_recover(struct cli_watch *watch, struct ps_error *error);

/* Waits until it has to be looked or tried again, a hint or a signal comes, at most a second. True for a hint. */
bool cli_watch_wait(struct cli_watch *watch);

/* Takes from [watch] of the packshot.ini files what the command line does not say. Status: PS_ERR_INPUT. */
enum ps_status cli_watch_configure(struct cli_watch *watch, struct ps_error *error);

/* Whether photos may be taken now; tells where that has changed. The second looks no oftener than twice a second. */
bool cli_watch_may_work(struct cli_watch *watch);
bool cli_watch_goes_on(struct cli_watch *watch);

/* --pause and --continue: has all watchers of the folder rest, or go on. Status: PS_ERR_INPUT "watch.no-folder",
 * PS_ERR_OUTPUT. */
enum ps_status cli_watch_set_pause(struct cli_watch *watch, bool pause, struct ps_error *error);

/* Writes the metrics file if it is asked for and was not written for some seconds, or `now`. What cannot be written is said
 * once. */
void cli_watch_write_metrics(struct cli_watch *watch, bool now);

/* Whether `words` (empty for nothing) is another thing than was said of the folder last; it is said now. */
bool cli_watch_is_news(struct cli_watch *watch, const char *folder, const char *words);

/* Says what becomes of a photo that is not simply rendered: its state, a word of the event "watch_photo", and why. `id` may
 * be null. */
void cli_watch_tell(struct cli_watch *watch, const char *photo, const char *state, const char *words,
                    const char *id);

#endif
