/* What lies in a watched folder, look after look, and when a file of it is complete as far as one can see from outside:
 * it has been left alone for a while. That time runs from when packshot saw it or saw it changed, by a clock that never
 * jumps; what a copying program sets as the time of the file does not count. Whether it is complete in truth its decoder
 * tells the caller, who then says so.
 *
 *   ps_inbox_look        now and then; the folder is the truth, whatever else has told of changes
 *   ps_inbox_next        a file that is to be tried now, until there is none:
 *     ps_inbox_take        it is the caller's now
 *     ps_inbox_put         or it stays, in a state
 *
 * Takes about 150 bytes a file beside its path. */
#ifndef PS_JOBS_INBOX_H
#define PS_JOBS_INBOX_H

#include "jobs/walk.h"

enum { PS_INBOX_FILES = 200000 /* that are kept in mind; those beyond wait until others are through */ };

enum ps_inbox_state {
    PS_INBOX_SETTLING, /* new or changed: waits until it has been left alone */
    PS_INBOX_INCOMPLETE, /* was left alone and does not decode: waits for a change, or for the end of patience */
    PS_INBOX_HELD,       /* cannot be taken now: is tried again and again */
    PS_INBOX_KEPT,       /* done, and stays where it is until it changes */
    PS_INBOX_NO_PHOTO, /* by its name or kind */
    PS_INBOX_STATES
};

struct ps_inbox_file {
    const char *path; /* seen from the folder */
    struct ps_file_mark mark;
    enum ps_inbox_state state;
    double seen, changed; /* seconds of ps_seconds: when it was first seen, and last seen to have changed */
};

struct ps_inbox_params {
    double quiet;   /* seconds that a file is left alone until it is tried */
    double give_up; /* seconds without a change after which an incomplete one is handed out all the same */
    /* For each folder that is looked through; may be null. */
    void (*folder)(void *user, const char *path);
    /* For each file that is none of ours, when it is first seen; may be null. */
    void (*no_photo)(void *user, const char *path, const char *problem);
    void *user;
};

struct ps_inbox;

struct ps_inbox *ps_inbox_new(const struct ps_inbox_params *params); /* null when out of memory */
void ps_inbox_free(struct ps_inbox **inbox);

/* Looks through the folder. Where that cannot be read everything stays as it was. Status: that of ps_walk, PS_ERR_MEMORY. */
enum ps_status ps_inbox_look(struct ps_inbox *inbox, const char *folder, double now, struct ps_error *error);

/* The file that has been there for longest among those to be tried at `now`, valid until the next call but
 * ps_inbox_is_overdue; null for none. */
const struct ps_inbox_file *ps_inbox_next(struct ps_inbox *inbox, double now);

/* Whether a file has not changed for as long as an incomplete one is waited for. */
bool ps_inbox_is_overdue(const struct ps_inbox *inbox, const struct ps_inbox_file *file, double now);

/* Forgets the file of ps_inbox_next. */
void ps_inbox_take(struct ps_inbox *inbox, const struct ps_inbox_file *file);

/* Leaves it, in a state that counts from `now`; PS_INBOX_SETTLING as if it had just changed. */
void ps_inbox_put(struct ps_inbox *inbox, const struct ps_inbox_file *file, enum ps_inbox_state state,
                  double now);

/* Files by state. */
void ps_inbox_count(const struct ps_inbox *inbox, uint64_t counts[PS_INBOX_STATES]);

/* Whether a file settles that was first seen less than `patience` seconds ago. */
bool ps_inbox_is_settling(const struct ps_inbox *inbox, double now, double patience);

/* Seconds until a file may have to be tried, after another look if it settles; or negative for none. */
double ps_inbox_wait(const struct ps_inbox *inbox, double now);

#endif
