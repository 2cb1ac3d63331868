/* What a command's options are set to: defaults, configuration files, a preset, the environment and the command line,
 * each stronger than those before. */
#ifndef PS_CLI_LAYERS_H
#define PS_CLI_LAYERS_H

#include "cli/preset.h"

struct cli_layers {
    const struct cli_command *command; /* whose options are set */
    struct cli_place places[CLI_PLACES];
    struct ps_ini *configs[CLI_PLACES]; /* null where there is none */
    struct cli_preset_chain preset;
    struct ps_sidecar *sidecar; /* of --from, or null */
    struct cli_settings settings;
};

void cli_layers_begin(struct cli_layers *layers, const struct cli_command *command);

/* Reads all layers for a command that has the options --preset and --from, after cli_layers_begin; the operand goes into
 * `values`, the options do with cli_settings_store. The sidecar of --from lies right below the command line, in place of a
 * preset. Status: PS_ERR_USAGE for the command line and the environment, PS_ERR_INPUT for files. With *help set nothing but
 * the command line has been read. */
enum ps_status cli_layers_read(struct cli_layers *layers, int argc, char **argv, void *values, bool *help,
                               struct ps_error *error);

/* Lays all that is weaker than the command line: packshot.ini, a preset, the environment and the sidecar of --from. The
 * preset is that of `arguments`, the command line; else `preset`; else, where that is null, the one that a variable or
 * packshot.ini names. Status: as cli_layers_read. */
enum ps_status cli_layers_lay(struct cli_layers *layers, const struct cli_settings *arguments,
                              const char *preset, struct ps_error *error);

/* Lays packshot.ini of every place. What is wrong in a file stays its problem. Status: those of ps_ini_open. */
enum ps_status cli_layers_read_configs(struct cli_layers *layers, struct ps_error *error);

/* Lays what variables say. Status: PS_ERR_USAGE. */
enum ps_status cli_layers_read_environment(struct cli_layers *layers, struct ps_error *error);

/* Says which variables look like options and are none. */
void cli_layers_warn(struct cli_report *report, const struct cli_option *options);

void cli_layers_end(struct cli_layers *layers);

#endif
