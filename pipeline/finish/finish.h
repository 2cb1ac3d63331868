/* The frames of the result, one after the other. Besides the clip only a few frames are in memory at a time. */
#ifndef PS_FINISH_FINISH_H
#define PS_FINISH_FINISH_H

#include "finish/picture.h"
#include "finish/strip.h"

struct ps_finish {
    const struct ps_finish_plan *plan;
    struct ps_strip strip;
    struct ps_picture picture;
    struct ps_view shown; /* the strip's last frame as the picture stage made it */
    uint8_t *card;        /* [height, width, 3] of the result */
    uint8_t *mixed;
};

/* `clip` and `plan` outlive it. `threads` of 0 means as many as there are processors. Status: those of
 * ps_source_open and ps_picture_open. */
enum ps_status ps_finish_open(struct ps_finish *finish, const struct ps_clip *clip,
                              const struct ps_finish_plan *plan, unsigned threads, struct ps_error *error);
void ps_finish_close(struct ps_finish *finish);

/* Frame `frame` of the result; frames are asked for in order, and may be left out. Valid until the next call. */
enum ps_status ps_finish_frame(struct ps_finish *finish, uint32_t frame, struct ps_view *view,
                               struct ps_error *error);

#endif
