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
    char *latents; /* to go on from; null for none */
};

/* Names what the request leaves open: photo and checkpoint beside the sidecar if they are there, else in the
 * current folder; the clip beside the sidecar. Nothing where there is no sidecar. */
enum ps_status cli_repeat_names(struct cli_names *names, struct cli_request *request,
                                const struct ps_sidecar *sidecar, struct ps_error *error);

/* Finds the latents that the sidecar speaks of: beside it, unchanged. Nothing, with a word about it, where they are gone
 * or an option that sampling depends on is another now. Status: PS_ERR_INPUT where they are not those of then. */
enum ps_status cli_repeat_latents(struct cli_names *names, const struct cli_request *request,
                                  const struct cli_settings *settings, struct ps_sidecar *sidecar,
                                  struct cli_report *report, struct ps_error *error);
void cli_names_free(struct cli_names *names);

#endif
