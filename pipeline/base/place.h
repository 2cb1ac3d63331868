/* The folder that an output goes into: what files and folders that appear whole or not at all have in common. */
#ifndef PS_BASE_PLACE_H
#define PS_BASE_PLACE_H

#include "base/error.h"

enum { PS_TEMPORARY_BYTES = 256 };

/* Reports the errno `code` of an output: PS_ERR_OUTPUT with what it means for the user. */
enum ps_status ps_place_fail(struct ps_error *error, int code, const char *doing, const char *path);
enum ps_status ps_place_fail_exists(struct ps_error *error, const char *path);

/* Opens the folder of `path` and points *name at the last component. *folder is -1 after a failure. */
enum ps_status ps_place_open(int *folder, const char **name, const char *path, struct ps_error *error);

/* Makes a user's cache folder, and the one around it, where they are missing, for their owner alone. Whether it is there shows
 * when something is put into it. */
void ps_place_make_cache(const char *folder);

/* Fails where the folder may not be written or its disk is full. */
enum ps_status ps_place_check_room(int folder, const char *path, struct ps_error *error);

/* A new ".NAME.packshot-XXXXXXXX.tmp", with NAME cut so that the whole is no longer than NAME itself or 64 bytes:
 * it then fits every file system that the name fits. */
enum ps_status ps_place_temporary(char temporary[PS_TEMPORARY_BYTES], const char *name, const char *path,
                                  struct ps_error *error);

/* Whether a name is one that ps_place_temporary makes for the output NAME. */
bool ps_place_is_temporary(const char *temporary, const char *name);

/* Marks a temporary, a file or a folder, as one that a living process works on, for as long as `fd` is open: a lock. Nothing on
 * network and user-space file systems, whose locks may be seen by one machine alone or keep readers out. False where the
 * temporary is gone, or a sweep has it in its hands. */
bool ps_place_hold(int fd);

/* Whether another process holds it so; where none does, `fd` holds it from now on. */
bool ps_place_is_held(int fd);

/* Writes all of `size` bytes at `offset`. */
enum ps_status ps_place_write(int fd, const void *bytes, size_t size, uint64_t offset, const char *path,
                              struct ps_error *error);

/* Renames within the folder without replacing. Where the file system lacks that (NFS, some FUSE), a hard link does
 * the same; where it lacks links too, or for a folder, only a look beforehand is left. Returns 0 or an errno. */
int ps_place_rename_new(int folder, const char *from, const char *to);

/* The same from one folder to another of the same file system; EXDEV where it is not. */
int ps_place_move_new(int from_folder, const char *from, int to_folder, const char *to);

/* Until the folder is on disk a power cut may take a new name back. Returns 0 or an errno; a folder that cannot be
 * read or a file system without this notion has done what it can. */
int ps_place_sync(int folder);

#endif
