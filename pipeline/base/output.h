/* A file that appears under its name only when it is complete, verified and on disk.
 *
 *   ps_output_open    a temporary ".NAME.packshot-XXXXXXXX.tmp" beside the target
 *   ps_output_write   as often as needed, at any offset
 *   ps_output_settle  fsync, verify; optional, for outputs that must all be complete before the first has a name
 *   ps_output_commit  settles unless that is done, rename, fsync of the folder
 *   ps_output_close   always; removes the temporary of an output that was not committed
 */
#ifndef PS_BASE_OUTPUT_H
#define PS_BASE_OUTPUT_H

#include "base/error.h"

struct ps_output;

/* Reads the finished temporary through `fd`, from any position; fails if it is not what was meant. */
typedef enum ps_status ps_output_verify(void *user, int fd, struct ps_error *error);

/* `path` must stay valid until the close. Only a regular file is ever replaced, and only with `overwrite`. */
enum ps_status ps_output_open(struct ps_output **output, const char *path, bool overwrite,
                              struct ps_error *error);

/* Writes all of `size` bytes at `offset`. */
enum ps_status ps_output_write(struct ps_output *output, const void *bytes, size_t size, uint64_t offset,
                               struct ps_error *error);

/* For reading back what was written so far; owned by the output, closed by commit and close. */
int ps_output_fd(const struct ps_output *output);

/* The temporary's path, to be freed, for another program to work on the file; null when out of memory. */
char *ps_output_temporary(const struct ps_output *output);

/* After that: goes on with the file that has the temporary's name now, which may be another one. */
enum ps_status ps_output_reopen(struct ps_output *output, struct ps_error *error);

/* Leaves the temporary complete, verified and on disk; nothing may be written afterwards. `verify` may be null.
 */
enum ps_status ps_output_settle(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error);

/* Removes the file that the commit would replace, if there is one. Only with `overwrite`. */
enum ps_status ps_output_displace(struct ps_output *output, struct ps_error *error);

/* Settles, unless that is done, and gives the file its name. `verify` may be null. After a failure the target is
 * as it was before, with one exception that the message names: the rename is done but the folder cannot be
 * synced. */
enum ps_status ps_output_commit(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error);

void ps_output_close(struct ps_output **output);

/* Removes what a dead process left of an output of this path: its temporaries, files or folders of files. What a living
 * one works on stays, as its lock shows. Network and user-space file systems show none: there nothing is removed, unless
 * the caller is `certain` that nobody writes this output. Returns how many. What cannot be removed stays. */
unsigned ps_output_sweep(const char *path, bool certain);

#endif
