/* Pictures that stand still over every frame. */
#ifndef PS_FINISH_OVERLAY_H
#define PS_FINISH_OVERLAY_H

#include "finish/plan.h"

struct ps_overlay {
    uint8_t *rgba; /* [height, width, 4], colour multiplied by alpha */
    uint32_t width, height, left, top;
};

/* The logo of a plan, and its caption or visible label, as large and where they say. Status: PS_ERR_USAGE, PS_ERR_INPUT for the
 * font, PS_ERR_DEVICE where libavfilter cannot draw text, PS_ERR_MEMORY. */
enum ps_status ps_overlay_logo(struct ps_overlay *overlay, const struct ps_finish_plan *plan,
                               struct ps_error *error);
enum ps_status ps_overlay_caption(struct ps_overlay *overlay, const struct ps_finish_plan *plan,
                                  const struct ps_caption *caption, struct ps_error *error);
void ps_overlay_free(struct ps_overlay *overlay);

/* What a margin, a share of the frame's shorter side, leaves of the frame in the middle. */
struct ps_crop ps_overlay_room(const struct ps_finish_plan *plan, float margin);

/* Moves the overlay to its place between the margins. */
void ps_overlay_place(struct ps_overlay *overlay, const struct ps_finish_plan *plan, enum ps_anchor anchor,
                      float margin);

#endif
