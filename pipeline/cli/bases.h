/* What lies below the rows of a manifest: configuration files, a preset and the environment, read once for each preset. */
#ifndef PS_CLI_BASES_H
#define PS_CLI_BASES_H

#include "cli/layers.h"

struct cli_bases {
    struct cli_base *list; /* the last first */
};

/* The layers below a row that asks for a preset, null for none; `shared` is the command line. They live as long as the
 * bases. Null after a failure, the same each time: those of cli_layers_lay. */
const struct cli_layers *cli_bases_find(struct cli_bases *bases, const struct cli_settings *shared,
                                        const char *preset, struct ps_error *error);

void cli_bases_free(struct cli_bases *bases);

#endif
