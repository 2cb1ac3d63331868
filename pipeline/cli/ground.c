#include "cli/ground.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

enum ps_status cli_grounds_check(struct cli_grounds *grounds, const char *path, struct ps_error *error)
{
    struct stat about;
    size_t i = 0;
    if (!path)
        return PS_OK;
    const int code = stat(path, &about) ? errno : 0;
    while (i < grounds->count && strcmp(grounds->list[i].path, path) != 0)
        i++;
    if (i < grounds->count && code)
        return fail(error, path, strerror(code));
    if (i < grounds->count && about.st_dev != grounds->list[i].device)
        return fail(error, path, "another file system lies there");
    if (i == grounds->count && !code)
        remember(grounds, path, about.st_dev);
    return PS_OK;
}

void cli_grounds_free(struct cli_grounds *grounds)
{
    for (size_t i = 0; i < grounds->count; i++)
        free(grounds->list[i].path);
    *grounds = (struct cli_grounds){0};
}
