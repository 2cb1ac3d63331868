/* The clip at the result's rate: loop, speed and hold, before size and overlays. */
#ifndef PS_FINISH_STRIP_H
#define PS_FINISH_STRIP_H

#include "finish/motion.h"

struct ps_strip {
    struct ps_source source;
    struct ps_motion motion;
    bool moves; /* the motion filter is open */
    uint8_t *blended;
    struct ps_moment shown; /* `whole` is 0 before the first frame */
    struct ps_view view;
};

/* `clip` and `plan` outlive the strip. */
enum ps_status ps_strip_open(struct ps_strip *strip, const struct ps_clip *clip,
                             const struct ps_finish_plan *plan, unsigned threads, struct ps_error *error);
void ps_strip_close(struct ps_strip *strip);

/* What frame `frame` of the result shows, of the clip's size; frames are asked for in order, and may be left out.
 * *fresh is false where that is what the call before gave. The view is valid until the next call. */
enum ps_status ps_strip_frame(struct ps_strip *strip, uint32_t frame, struct ps_view *view, bool *fresh,
                              struct ps_error *error);

#endif
