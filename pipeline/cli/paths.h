/* Paths as texts, and what they lead to. */
#ifndef PS_CLI_PATHS_H
#define PS_CLI_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "packshot.h"

enum { CLI_PATH_SIZE = 4096 };

/* "a/b", or "b" where `folder` is empty. False, and "", where it does not fit. */
bool cli_path_join(char to[CLI_PATH_SIZE], const char *folder, const char *name);

/* The folder of a file, "." for a bare name. False where it does not fit. */
bool cli_path_folder(char to[CLI_PATH_SIZE], const char *path);

/* The folder that the program's own file lies in. False where it is unknown. */
bool cli_path_program(char to[CLI_PATH_SIZE]);

/* Whether FOLDER/NAME is there; its path in `to`, without links and dots if it is. */
bool cli_path_resolve(char to[CLI_PATH_SIZE], const char *folder, const char *name);

/* The path seen from the root folder, without "." and doubled slashes; a slash at the end stays. False where it does not
 * fit, or where the current folder is gone. */
bool cli_path_absolute(char to[CLI_PATH_SIZE], const char *path);

/* Makes a folder and those around it that are missing. Status: those of ps_place_fail. */
enum ps_status cli_path_make(const char *folder, struct ps_error *error);

/* The nearest folder that is there: `path`'s own, or the one around it, and so on. False where it does not fit. */
bool cli_path_standing(char to[CLI_PATH_SIZE], const char *path);

/* True where a path has ".." among its names. */
bool cli_path_climbs(const char *path);

/* True where the path leads, through whatever links, to something in the folder or below it. */
bool cli_path_is_beneath(const char *path, const char *folder);

#endif
