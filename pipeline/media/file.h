/* A user's file, whole in memory. */
#ifndef PS_MEDIA_FILE_H
#define PS_MEDIA_FILE_H

#include "base/error.h"

struct ps_file {
    const char *name; /* for messages; not owned */
    uint8_t *bytes;
    size_t size;
};

/* Reads a regular file of 1 to `limit` bytes. Never waits: a pipe or a device is refused. A file that changes while it is
 * read is read once more, then refused: PS_ERR_TRY_AGAIN "image.changing". Status: that, PS_ERR_INPUT, PS_ERR_MEMORY. */
enum ps_status ps_file_read(struct ps_file *file, const char *path, uint64_t limit, struct ps_error *error);
void ps_file_free(struct ps_file *file);

#endif
