/* From the rendered clip to files. */
#ifndef PS_CLI_DELIVERY_H
#define PS_CLI_DELIVERY_H

#include "cli/progress.h"
#include "cli/request.h"

struct cli_delivery {
    struct ps_photo *logo, *end_card;
    struct ps_save_plan plan; /* of the clip's file; width 0 while there is none */
};

/* Loads the pictures that finishing needs and puts them into request->save. Status: those of ps_photo_load. */
enum ps_status cli_delivery_open(struct cli_delivery *delivery, struct cli_request *request,
                                 struct ps_error *error);
void cli_delivery_close(struct cli_delivery *delivery);

/* That a clip as planned can be saved as asked; tells what it will be. Status: those of ps_clip_plan_save. */
enum ps_status cli_delivery_plan(struct cli_delivery *delivery, const struct cli_request *request,
                                 const struct ps_render_params *resolved, struct cli_report *report,
                                 struct ps_error *error);

/* Writes the poster and the clip. Status: those of ps_clip_save. */
enum ps_status cli_delivery_write(const struct cli_request *request, const struct ps_clip *clip,
                                  struct cli_progress *progress, struct ps_error *error);

/* {"codec": "h264", ...}, or null where nothing is saved. */
json_t *cli_delivery_event(const struct cli_delivery *delivery);

/* "1920x1080, 96 frames, 23.976 fps". Returns `to`. */
char *cli_delivery_describe(char *to, size_t size, const struct ps_save_plan *plan);

#endif
