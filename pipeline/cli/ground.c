#include "cli/ground.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/error.h"
#include "cli/report.h"

enum { GROUNDS = sizeof((struct cli_grounds *)0)->list / sizeof *((struct cli_grounds *)0)->list };

static enum ps_status fail(struct ps_error *error, const char *path, const char *why)
{
    cli_fail(error, PS_ERR_TRY_AGAIN, "folder.away", "%.300s is not there: %s", path, why);
    ps_hint(error, "mount its disk or share again");
    return error->status;
}

static void remember(struct cli_grounds *grounds, const char *path, uint64_t device)
{
    char *copy = grounds->count < GROUNDS ? strdup(path) : NULL;
    if (!copy)
        return;
    grounds->list[grounds->count].path = copy;
    grounds->list[grounds->count++].device = device;
}

/* The file system at `path`, or the errno of why there is none. The kernel answers stat from what it remembers for a while
 * after a share's server is gone; statfs has to ask the server. */
static int look(const char *path, uint64_t *device)
{
    struct stat about;
    struct statfs room;
    if (stat(path, &about))
        return errno;
    *device = about.st_dev;
    return !statfs(path, &room) || errno == ENOSYS || errno == EACCES ? 0 : errno;
}

enum ps_status cli_grounds_check(struct cli_grounds *grounds, const char *path, struct ps_error *error)
{
    uint64_t device = 0;
    size_t i = 0;
    if (!path)
        return PS_OK;
    const int code = look(path, &device);
    while (i < grounds->count && strcmp(grounds->list[i].path, path) != 0)
        i++;
    if (i < grounds->count && code)
        return fail(error, path, strerror(code));
    if (i < grounds->count && device != grounds->list[i].device)
        return fail(error, path, "another file system lies there");
    if (i == grounds->count && !code)
        remember(grounds, path, device);
    return PS_OK;
}

void cli_grounds_free(struct cli_grounds *grounds)
{
    for (size_t i = 0; i < grounds->count; i++)
        free(grounds->list[i].path);
    *grounds = (struct cli_grounds){0};
}
