/* From rendered clips to files. */
#ifndef PS_CLI_DELIVERY_H
#define PS_CLI_DELIVERY_H

#include "cli/target.h"

struct cli_delivery {
    struct ps_photo *logo, *end_card;
    struct cli_target *targets; /* by take, then by format */
    uint32_t count, formats;    /* targets in all, and for each take */
    char *sheet, *page;         /* contact sheet and page of candidates; null for none */
};

/* A file that is written, and what messages call it. */
struct cli_output {
    const char *path; /* null for none */
    const char *role;
};

/* Loads the pictures that finishing needs and puts them into request->save. Status: those of ps_photo_load. */
enum ps_status cli_delivery_load(struct cli_delivery *delivery, struct cli_request *request,
                                 struct ps_error *error);

/* Names the files of `takes` clips; with `seeds`, as candidates have it, a clip's name has its seed, and
 * contact sheet and page lie beside. Status: PS_ERR_MEMORY. */
enum ps_status cli_delivery_name(struct cli_delivery *delivery, const struct cli_request *request,
                                 uint32_t takes, bool seeds, struct ps_error *error);
void cli_delivery_close(struct cli_delivery *delivery);

/* That what will be written can be, that no two files are one, and that none is an input. `others` are
 * written beside the targets. Touches nothing. Status: PS_ERR_USAGE and those of
 * ps_clip_plan_save. */
enum ps_status cli_delivery_check(struct cli_delivery *delivery, const struct cli_request *request,
                                  const struct cli_output *others, size_t other_count,
                                  struct ps_error *error);

/* That clips as planned can be saved as asked; tells what they will be, unless `report` is null. Status: those of
 * ps_clip_plan_save. */
enum ps_status cli_delivery_plan(struct cli_delivery *delivery, const struct cli_request *request,
                                 const struct ps_render_params *resolved, struct cli_report *report,
                                 struct ps_error *error);

/* Writes the files of one take; of `saving` progress is told. Status: those of ps_clip_save. */
enum ps_status cli_delivery_write(struct cli_delivery *delivery, const struct cli_request *request,
                                  uint32_t take, const struct ps_clip *clip, const json_t *sections,
                                  const struct ps_render_events *saving, struct ps_error *error);

/* What cli_target_event says of the targets of a take. */
json_t *cli_delivery_event(const struct cli_delivery *delivery, uint32_t take);

#endif
