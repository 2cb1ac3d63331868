/* Files that a manifest names: opened without ever leaving the job root, whatever links lie on the way. */
#ifndef PS_JOBS_BENEATH_H
#define PS_JOBS_BENEATH_H

#include "base/error.h"

/* Opens the regular file at `path`, an absolute path, for reading and never waits for it. With `root` (null for none) the
 * file must lie beneath that folder: the kernel resolves the path and refuses "..", links and mounts of /proc that lead
 * out (openat2). *fd is -1 after a failure, else the caller closes it. Status: PS_ERR_INPUT with ids "photo.not-found",
 * "photo.outside-root", "photo.not-regular", "photo.unreadable". */
enum ps_status ps_beneath_open(int *fd, const char *root, const char *path, struct ps_error *error);

#endif
