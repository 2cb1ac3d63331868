/* A folder of files that appears under its name only when it is complete, verified and on disk.
 *
 *   ps_output_folder_open    a temporary folder ".NAME.packshot-XXXXXXXX.tmp" beside the target
 *   ps_output_folder_file    one whole file in it, as often as needed
 *   ps_output_folder_commit  fsync, rename, fsync of the folder around it
 *   ps_output_folder_close   always; removes the temporary of a folder that was not committed
 */
#ifndef PS_BASE_OUTPUT_FOLDER_H
#define PS_BASE_OUTPUT_FOLDER_H

#include "base/error.h"

struct ps_output_folder;

/* True for the names of files that a folder of this kind consists of. */
typedef bool ps_output_folder_owns(const char *name);

/* Fails if opening and committing a folder of this path would certainly fail. Touches nothing. */
enum ps_status ps_output_folder_check(const char *path, bool overwrite, ps_output_folder_owns *owns,
                                      struct ps_error *error);

/* Slashes at the end of `path` do not count. With `overwrite` an existing folder is replaced, if it holds nothing but
 * regular files that `owns` knows: what else it holds is never removed. */
enum ps_status ps_output_folder_open(struct ps_output_folder **folder, const char *path, bool overwrite,
                                     ps_output_folder_owns *owns, struct ps_error *error);

/* Writes a file to the disk. */
enum ps_status ps_output_folder_file(struct ps_output_folder *folder, const char *name, const void *bytes,
                                     size_t size, struct ps_error *error);

/* The temporary folder, for reading back what was written; owned by the folder. */
int ps_output_folder_fd(const struct ps_output_folder *folder);

/* Gives the folder its name. After a failure the target is as it was before; where only the sync of the folder around
 * it failed, the message says so. */
enum ps_status ps_output_folder_commit(struct ps_output_folder *folder, struct ps_error *error);

void ps_output_folder_close(struct ps_output_folder **folder);

#endif
