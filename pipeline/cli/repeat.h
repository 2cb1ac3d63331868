/* `packshot render --from SIDECAR`: a render as a sidecar records it. */
#ifndef PS_CLI_REPEAT_H
#define PS_CLI_REPEAT_H

#include "cli/request.h"
#include "cli/settings.h"

/* Reads a sidecar, to be closed, and lays what it records over the settings. */
enum ps_status cli_repeat_lay(struct ps_sidecar **sidecar, const char *path, struct cli_settings *settings,
                              struct ps_error *error);

/* Names that a request took from a sidecar. */
struct cli_names {
    char *photo, *model, *output;
};

/* Names what the request leaves open: photo and checkpoint beside the sidecar if they are there, else in the
 * current folder; the clip beside the sidecar. Nothing where there is no sidecar. */
enum ps_status cli_repeat_names(struct cli_names *names, struct cli_request *request,
                                const struct ps_sidecar *sidecar, struct ps_error *error);
void cli_names_free(struct cli_names *names);

#endif
