/* One look through a folder of photos and the folders in it. */
#ifndef PS_JOBS_WALK_H
#define PS_JOBS_WALK_H

#include "base/error.h"

enum { PS_WALK_DEPTH = 16 /* folders within folders, at most */ };

/* The folders at the top of a watched one that hold what is through. Hidden folders are passed over too. */
#define PS_WATCH_DONE "done"
#define PS_WATCH_FAILED "failed"
#define PS_WATCH_OWN ".packshot"

/* What changes when a file does. Times are nanoseconds since 1970; of the two only the inode's cannot be set at will. */
struct ps_file_mark {
    uint64_t inode, size;
    int64_t modified, inode_changed;
};

bool ps_file_mark_same(const struct ps_file_mark *a, const struct ps_file_mark *b);

struct ps_walk_entry {
    const char *path;    /* seen from the folder that is walked; empty for that itself */
    bool folder;         /* that is looked through next */
    const char *problem; /* why this is no photo, or null */
    struct ps_file_mark mark;
};

/* Calls `visit` for the folder, all files in it and below it, and every folder that is entered. Links are told of and not
 * followed. Takes memory for the depth alone. Status: PS_ERR_INPUT "watch.no-folder" where `folder` cannot be read. */
enum ps_status ps_walk(const char *folder, void (*visit)(void *user, const struct ps_walk_entry *entry),
                       void *user, struct ps_error *error);

#endif
