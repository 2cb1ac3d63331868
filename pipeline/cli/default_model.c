#include "cli/default_model.h"

#include <string.h>

#include "cli/report.h"

static bool is_model(const char *folder)
{
    char index[CLI_PATH_SIZE];
    return cli_path_resolve(index, folder, "model_index.json");
}

enum ps_status cli_default_model(char to[CLI_PATH_SIZE], struct ps_error *error)
{
    char program[CLI_PATH_SIZE], here[CLI_PATH_SIZE], source[CLI_PATH_SIZE] = "";
    if (!cli_path_program(program))
        return cli_fail(error, PS_ERR_USAGE, "usage.model",
                        "render needs --model PATH; see packshot help render");
    /* A program in /usr/bin must not look above it for a source tree. */
    if (cli_path_resolve(here, program, "CMakeCache.txt") &&
        cli_path_resolve(source, program, CLI_SOURCE "/samples/demo-model") && is_model(source)) {
        memcpy(to, source, sizeof source);
        return PS_OK;
    }
    if (cli_path_resolve(to, program, CLI_SHARE "/demo-model") && is_model(to))
        return PS_OK;
    return cli_fail(
        error, PS_ERR_USAGE, "usage.model",
        "there is no --model, and the model that comes with packshot is not in \"%.250s\"%s%.250s%s; see "
        "packshot help render",
        to, *source ? " nor in \"" : "", source, *source ? "\"" : "");
}
