/* The commands. */
#ifndef PS_CLI_COMMANDS_H
#define PS_CLI_COMMANDS_H

#include "cli/options.h"

extern const struct cli_command cli_render_command, cli_inspect_command, cli_devices_command,
    cli_doctor_command, cli_presets_command, cli_presets_show_command, cli_presets_check_command,
    cli_config_command, cli_bench_command, cli_verify_command, cli_batch_command, cli_status_command,
    cli_resume_command, cli_retry_command, cli_cancel_command, cli_report_command, cli_completion_command,
    cli_version_command, cli_watch_command;

/* All of them in the order of the overview; ends with null. Help, completions and manual pages are made of it. */
extern const struct cli_command *const cli_commands[];

/* The command whose name the arguments begin with, the longest where there are two, and how many words it has;
 * null for none. */
const struct cli_command *cli_find_command(int argc, char **argv, int *words);

#endif
