#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

const struct cli_command *const cli_commands[] = {
    &cli_render_command,
    &cli_batch_command,
    &cli_watch_command,
    &cli_status_command,
    &cli_resume_command,
    &cli_retry_command,
    &cli_cancel_command,
    &cli_report_command,
    &cli_presets_command,
    &cli_presets_show_command,
    &cli_presets_check_command,
    &cli_config_command,
    &cli_inspect_command,
    &cli_devices_command,
    &cli_doctor_command,
    &cli_bench_command,
    &cli_verify_command,
    &cli_completion_command,
    &cli_version_command,
    NULL,
};

const struct cli_command *cli_find_command(int argc, char **argv, int *words)
{
    const struct cli_command *found = NULL;
    char pair[64] = "";
    if (argc > 1)
        snprintf(pair, sizeof pair, "%s %s", argv[0], argv[1]);
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name;
        const bool whole = !strcmp(name, pair);
        if (!whole && (found || argc < 1 || strcmp(name, argv[0])))
            continue;
        found = cli_commands[i];
        *words = whole ? 2 : 1;
    }
    return found;
}
