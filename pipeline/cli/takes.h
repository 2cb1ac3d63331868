/* Candidates and drafts: clips to choose from, and what is needed to finish the chosen one. */
#ifndef PS_CLI_TAKES_H
#define PS_CLI_TAKES_H

#include "cli/delivery.h"

/* What is rendered, and what was made of it. Zeroed but for the inputs. */
struct cli_takes {
    struct ps_model *model;
    const struct ps_photo *photo;
    const struct cli_request *request;
    struct cli_delivery *delivery;
    const json_t *sections;                /* of every sidecar */
    const char *resume;                    /* latents to go on from, for a single take; null for none */
    const struct ps_render_events *events; /* of the render, and of the saves */
    struct cli_report *report;
    /* Called with true before each take is written and with false after it; null where nobody minds. */
    void (*alone)(void *user, bool begin);
    void *user;
    uint32_t count;
    char *latents[PS_MAX_TAKES]; /* files that are kept; null where none is */
    struct ps_sheet *shots;
    uint64_t peak_bytes;
    json_t *made; /* what is told of each take */
    struct ps_error *error;
};

/* Whether the request is for this, or goes on from latents. */
bool cli_takes_wanted(const struct cli_request *request, const char *resume);

/* Clips that the request makes: one, or its candidates. */
uint32_t cli_takes_count(const struct cli_request *request);

/* Names the files of latents, in `outputs` of at least CLI_TAKE_OUTPUTS too. Status: PS_ERR_MEMORY. */
enum { CLI_TAKE_OUTPUTS = PS_MAX_TAKES };
enum ps_status cli_takes_name(struct cli_takes *takes, struct cli_output *outputs, size_t *count,
                              struct ps_error *error);

/* The library's view of the takes, to plan with; valid as long as `takes`. */
struct ps_takes cli_takes_params(const struct cli_takes *takes);

/* Renders the takes, and writes clips, contact sheet and page. Status: those of ps_render_takes, ps_clip_measure and
 * ps_clip_save. */
enum ps_status cli_takes_run(struct cli_takes *takes, struct ps_error *error);

/* Adds to the event "summary" what was made. */
void cli_takes_summarise(const struct cli_takes *takes, json_t *event);

void cli_takes_free(struct cli_takes *takes);

#endif
