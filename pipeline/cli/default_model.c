#include "cli/default_model.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"

/* The folder of the program's file, without a slash at its end. */
static bool find_program(char to[CLI_PATH_SIZE])
{
    const ssize_t length = readlink("/proc/self/exe", to, CLI_PATH_SIZE - 1);
    if (length <= 0)
        return false;
    to[length] = '\0';
    *strrchr(to, '/') = '\0';
    return true;
}

/* Whether FOLDER/NAME is there; its path in `to`, without links and dots if it is. */
static bool look(char to[CLI_PATH_SIZE], const char *folder, const char *name)
{
    if (snprintf(to, CLI_PATH_SIZE, "%s/%s", folder, name) >= CLI_PATH_SIZE)
        return false;
    char *found = realpath(to, NULL);
    const bool fits = found && strlen(found) < CLI_PATH_SIZE;
    if (fits)
        memcpy(to, found, strlen(found) + 1);
    free(found);
    return fits;
}

static bool is_model(const char *folder)
{
    char index[CLI_PATH_SIZE];
    return look(index, folder, "model_index.json");
}

enum ps_status cli_default_model(char to[CLI_PATH_SIZE], struct ps_error *error)
{
    char program[CLI_PATH_SIZE], here[CLI_PATH_SIZE], source[CLI_PATH_SIZE] = "";
    if (!find_program(program))
        return cli_fail(error, PS_ERR_USAGE, "usage.model",
                        "render needs --model PATH; see packshot help render");
    /* A program in /usr/bin must not look above it for a source tree. */
    if (look(here, program, "CMakeCache.txt") && look(source, program, CLI_SOURCE_MODEL) &&
        is_model(source)) {
        memcpy(to, source, sizeof source);
        return PS_OK;
    }
    if (look(to, program, CLI_INSTALLED_MODEL) && is_model(to))
        return PS_OK;
    return cli_fail(
        error, PS_ERR_USAGE, "usage.model",
        "there is no --model, and the model that comes with packshot is not in \"%.250s\"%s%.250s%s; see "
        "packshot help render",
        to, *source ? " nor in \"" : "", source, *source ? "\"" : "");
}
