/* The clip as finishing sees it: colour matched, with the product locked, and its loop made. Frames are made when
 * they are asked for, so a loop or a way back costs no memory. */
#ifndef PS_FINISH_SOURCE_H
#define PS_FINISH_SOURCE_H

#include "finish/colour.h"
#include "finish/plan.h"
#include "media/clip.h"

enum { PS_SOURCE_SLOTS = 2 };

/* A loop frame that was made; `at` counts from 1, 0 for none. */
struct ps_slot {
    uint32_t at;
    uint8_t *rgb;
};

struct ps_source {
    const struct ps_finish_plan *plan;
    const struct ps_clip *clip;
    struct ps_curves curves;
    bool matched;
    struct ps_slot slots[PS_SOURCE_SLOTS];
    uint8_t *second; /* what a frame of a seamless loop dissolves into */
};

/* `clip` and `plan` outlive the source. Status: PS_ERR_MEMORY; PS_ERR_USAGE where the photo is wanted and the clip
 * has none. */
enum ps_status ps_source_open(struct ps_source *source, const struct ps_clip *clip,
                              const struct ps_finish_plan *plan, struct ps_error *error);
void ps_source_close(struct ps_source *source);

/* Loop frame [height, width, 3], valid until two others have been asked for. */
const uint8_t *ps_source_frame(struct ps_source *source, uint32_t loop_frame);

#endif
