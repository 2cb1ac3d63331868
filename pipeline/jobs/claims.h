/* Photos that a watcher has taken out of a watched folder to work on. A photo is claimed by renaming it into the watcher's
 * own folder, FOLDER/.packshot/work/HOST-PID, which of several watchers, on several machines, one alone can do; there it
 * keeps the path that it had. What a dead watcher held is put back by the next.
 *
 *   ps_claims_open
 *   ps_claims_recover     at the start and now and then
 *   ps_claims_take        a photo
 *     ps_claims_file        away: to done/ or failed/, with a note
 *     ps_claims_put_back    or where it was
 *   ps_claims_close       puts back what is still held
 *
 * No name that is there is ever replaced: a number is added to the one that comes. All paths of photos are seen from the
 * watched folder; no link in it is followed. Status of all functions: PS_ERR_OUTPUT with ids "watch.not-writable" (no claims
 * can be made there), "watch.no-folder" and those of ps_output_open; PS_ERR_MEMORY. */
#ifndef PS_JOBS_CLAIMS_H
#define PS_JOBS_CLAIMS_H

#include "jobs/walk.h"

struct ps_claims;

/* Makes the watcher's own folder. */
enum ps_status ps_claims_open(struct ps_claims **claims, const char *folder, struct ps_error *error);

/* A file whose time is set, by anyone who can, to say that the watcher lives: every few seconds, with utimensat alone. */
const char *ps_claims_beat_file(const struct ps_claims *claims);

/* Puts back what watchers that are gone held, and what this one held before a folder went away. One of this machine is gone
 * if its process is, one of another, or of another container, if its file was not beaten for PS_CLAIMS_LEASE seconds, by the
 * file system's clock. *count (may be null) is how many photos. Nothing may be claimed at the moment. */
enum ps_status ps_claims_recover(struct ps_claims *claims, uint64_t *count, struct ps_error *error);
enum { PS_CLAIMS_LEASE = 120, PS_CLAIMS_BEAT = 5 };

/* Claims a photo that was `mark` when it was last seen. *path is that of its place now, to be freed; null where another has
 * it, it is gone or not the same any more. */
enum ps_status ps_claims_take(struct ps_claims *claims, const char *photo, const struct ps_file_mark *mark,
                              char **path, struct ps_error *error);

/* Puts a claimed photo back where it was. */
enum ps_status ps_claims_put_back(struct ps_claims *claims, const char *photo, struct ps_error *error);

/* Moves a claimed photo to TO/photo, where `to` is a path such as "done/2031-05-08", and both folders to the disk. `note`
 * (null for none) becomes a text file of the same name and ".txt" beside it. The note in failed/ on a photo that is not
 * there any more is removed. */
enum ps_status ps_claims_file(struct ps_claims *claims, const char *photo, const char *to, const char *note,
                              struct ps_error *error);

/* Where a claimed photo was when it was claimed: its path without the watcher's own folder; any other path as it is. To be
 * freed; null when out of memory. */
char *ps_claims_origin(const char *path);

void ps_claims_close(struct ps_claims **claims);

#endif
