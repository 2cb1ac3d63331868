/* Frames between frames by motion compensation, with libavfilter's minterpolate. */
#ifndef PS_FINISH_MOTION_H
#define PS_FINISH_MOTION_H

#include "finish/graph.h"
#include "finish/source.h"

struct ps_motion {
    struct ps_source *source;
    struct ps_graph graph;
    AVFilterContext *in, *out;
    AVFrame *frame;
    uint32_t pushed; /* loop frames, with those that follow the last */
    int64_t pulled;  /* number of the frame that `frame` holds, -1 for none */
};

/* True where interpolating has something to do. */
bool ps_motion_needed(const struct ps_finish_plan *plan);

enum ps_status ps_motion_open(struct ps_motion *motion, struct ps_source *source, unsigned threads,
                              struct ps_error *error);
void ps_motion_close(struct ps_motion *motion);

/* Moving frame `at` of the result, counted without the hold; frames are asked for in order, and may be left out.
 * The view is valid until the next call. */
enum ps_status ps_motion_frame(struct ps_motion *motion, uint32_t at, struct ps_view *view,
                               struct ps_error *error);

#endif
