/* Folders within a folder that others may write to: no link is followed on the way. */
#ifndef PS_JOBS_BENEATH_FOLDER_H
#define PS_JOBS_BENEATH_FOLDER_H

#include <stdbool.h>

/* Opens the folder at `path` (components with slashes between; empty for `root` itself) beneath the open folder `root`; with
 * `make` those that are missing are made. -1 with errno after a failure; else to be closed. */
int ps_folder_beneath(int root, const char *path, bool make);

/* The same for the folder around `path`; *name is the last component. */
int ps_folder_around(int root, const char *path, bool make, const char **name);

/* Moves a file from one open folder to another under a name that is not taken: `name`, or with _2, _3 and so on before its
 * ending. `made` gets the name. Returns 0 or an errno. */
int ps_move_beside(int from_folder, const char *from, int to_folder, const char *name, char made[256]);

#endif
