/* The options of a render in its sidecar: what the library's parameters do not cover. */
#ifndef PS_CLI_RECORD_H
#define PS_CLI_RECORD_H

#include "cli/settings.h"

/* The options of scope CLI_ANYWHERE that are set and are no parameters of the library, each as the command line
 * has it; a file as an object of its path and its hash. */
enum ps_status cli_record_options(json_t **object, const struct cli_settings *settings,
                                  struct ps_error *error);

/* Lays what the sidecar records as one layer, its parameters and its options, and drops all that was set before
 * and has scope CLI_ANYWHERE: what the sidecar does not have was at its default. `from` names the file in
 * messages. Status: PS_ERR_INPUT. */
enum ps_status cli_record_lay(struct cli_settings *settings, struct ps_sidecar *sidecar, const char *from,
                              struct ps_error *error);

/* The first option, set elsewhere than in the sidecar of the name `from`, that sampling depends on; or null. */
const char *cli_record_changed(const struct cli_settings *settings, const char *from);

#endif
