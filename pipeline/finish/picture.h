/* One frame at a time from the clip's size to the result's: crop, scale, surroundings, overlays. */
#ifndef PS_FINISH_PICTURE_H
#define PS_FINISH_PICTURE_H

#include "finish/graph.h"
#include "finish/overlay.h"
#include "frame/surround.h"

enum { PS_MAX_OVERLAYS = 3 };

struct ps_picture {
    const struct ps_finish_plan *plan;
    bool scales;
    struct ps_graph scale;
    AVFilterContext *scale_in, *scale_out;
    AVFrame *scaled;
    struct ps_surround *surround; /* null where the crop fills the result */
    uint8_t *canvas;              /* [height, width, 3] of the result */
    uint32_t overlay_count;
    struct ps_overlay overlays[PS_MAX_OVERLAYS];
    struct ps_graph paste;
    AVFilterContext *paste_in, *paste_out;
    AVFrame *pasted;
    int64_t count; /* frames pushed */
};

/* `plan` outlives the picture. Status: those of the overlays, PS_ERR_MEMORY, PS_ERR_DEVICE. */
enum ps_status ps_picture_open(struct ps_picture *picture, const struct ps_finish_plan *plan,
                               unsigned threads, struct ps_error *error);
void ps_picture_close(struct ps_picture *picture);

/* Makes `to`, of the result's size, of a frame of the clip's size; valid until the next call, and no longer than
 * `from`. */
enum ps_status ps_picture_frame(struct ps_picture *picture, const struct ps_view *from, struct ps_view *to,
                                struct ps_error *error);

#endif
