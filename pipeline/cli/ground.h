/* Folders that a batch stands on: that of its clips, and those of its photos. One may go away meanwhile, with its disk or its
 * share. What lies at its path then is nothing, or the bare place where it was mounted, on another file system, in which
 * nothing is to be looked for and nothing made. */
#ifndef PS_CLI_GROUND_H
#define PS_CLI_GROUND_H

#include <stdint.h>

#include "packshot.h"

/* Zeroed at first; used by one thread. */
struct cli_grounds {
    struct {
        char *path;
        uint64_t device; /* number of the file system */
    } list[8];
    size_t count; /* the first eight are remembered; those beyond are taken to be there */
};

/* Fails with PS_ERR_TRY_AGAIN "folder.away" where the folder has been there before and is not now. A folder that has not been
 * there yet, and null, pass. */
enum ps_status cli_grounds_check(struct cli_grounds *grounds, const char *path, struct ps_error *error);

void cli_grounds_free(struct cli_grounds *grounds);

#endif
