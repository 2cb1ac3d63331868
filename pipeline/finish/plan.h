/* What finishing does to a clip, in whole frames and pixels: arithmetic alone, no picture is touched. */
#ifndef PS_FINISH_PLAN_H
#define PS_FINISH_PLAN_H

#include "base/error.h"

/* Frames that a result may have: ten minutes at 60 a second. */
enum { PS_MAX_FINISHED = 36000 };

/* "Clip frames" are the clip's own, "loop frames" those of the clip after its loop is made, "frames" those of
 * the result: `hold` times the first loop frame, `motion` frames that show the loop frames once, the last
 * `card_fade` of them dissolving into the end card, and `card_hold` of the card alone. */
struct ps_finish_plan {
    struct ps_finish_params params; /* defaults filled in */
    struct ps_clip_shape clip;
    struct ps_crop crop;
    struct ps_crop place; /* of the crop in the result */
    uint32_t width, height;
    struct ps_rate rate; /* in lowest terms */
    uint32_t crossfade;  /* clip frames that a seamless loop dissolves over */
    uint32_t loop_frames;
    uint32_t hold, motion, card_fade, card_hold;
    uint32_t fade_in, fade_out;
    uint32_t frames;
};

/* Judges the parameters and fills in every default. Status: PS_ERR_USAGE. */
enum ps_status ps_finish_resolve(struct ps_finish_plan *plan, const struct ps_clip_shape *clip,
                                 const struct ps_finish_params *params, struct ps_error *error);

/* The part of resolving that does not depend on the clip: every number in its range. */
enum ps_status ps_finish_check(const struct ps_finish_params *params, struct ps_error *error);

/* A place between two loop frames: `part` of `whole` on the way from the first to the second. */
struct ps_moment {
    uint32_t first, second;
    uint32_t part, whole;
};

/* What frame `frame` shows before the end card. */
struct ps_moment ps_finish_moment(const struct ps_finish_plan *plan, uint32_t frame);

/* The clip frames that a loop frame is made of: clip frame `first`, and where a seamless loop dissolves the
 * share part / whole of clip frame `second`. */
struct ps_moment ps_finish_loop_frame(const struct ps_finish_plan *plan, uint32_t loop_frame);

/* Share of 65536 that the end card has in a frame, and that the colour of the fades has. */
uint32_t ps_finish_card_share(const struct ps_finish_plan *plan, uint32_t frame);
uint32_t ps_finish_fade_share(const struct ps_finish_plan *plan, uint32_t frame);

#endif
