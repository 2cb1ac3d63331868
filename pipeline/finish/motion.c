#include "finish/motion.h"

#include "finish/libav.h"

/* Loop frames that a span of `motion` frames of the result goes over, see ps_finish_moment. */
struct span {
    uint32_t frames, steps;
};

static struct span span_of(const struct ps_finish_plan *plan)
{
    const bool closed = plan->params.loop != PS_LOOP_NONE;
    return closed ? (struct span){plan->loop_frames, plan->motion}
                  : (struct span){plan->loop_frames - 1, plan->motion - 1};
}

bool ps_motion_needed(const struct ps_finish_plan *plan)
{
    const struct span span = span_of(plan);
    return plan->params.interpolation == PS_INTERPOLATION_MOTION && span.frames && span.steps &&
           span.frames % span.steps;
}

/* Side of the blocks whose motion is estimated, in pixels. The filter wants two of them each way, and a clip has at
 * least 16 pixels a side. */
static int64_t block_side(const struct ps_clip *clip)
{
    enum { LARGE = 16, SMALL = 8 };
    const uint32_t shorter = clip->width < clip->height ? clip->width : clip->height;
    return shorter < 2 * LARGE ? SMALL : LARGE;
}

enum ps_status ps_motion_open(struct ps_motion *motion, struct ps_source *source, unsigned threads,
                              struct ps_error *error)
{
    const struct span span = span_of(source->plan);
    /* The span takes one second in the graph, so that both rates are whole and no frame is rounded away. */
    const struct ps_inlet inlet = {
        AV_PIX_FMT_RGB24, source->clip->width, source->clip->height, {span.frames, 1}};
    *motion = (struct ps_motion){.source = source, .pulled = -1, .frame = av_frame_alloc()};
    struct ps_graph *graph = &motion->graph;
    ps_graph_open(graph, threads);
    motion->in = ps_graph_source(graph, &inlet);
    AVFilterContext *format = ps_graph_filter(graph, "format");
    ps_graph_text(graph, format, "pix_fmts", "yuv444p");
    ps_graph_link(graph, motion->in, format, 0);
    AVFilterContext *filter = ps_graph_filter(graph, "minterpolate");
    ps_graph_number(graph, filter, "fps", span.steps);
    ps_graph_text(graph, filter, "mi_mode", "mci");
    ps_graph_text(graph, filter, "mc_mode", "aobmc");
    ps_graph_text(graph, filter, "me_mode", "bidir");
    ps_graph_text(graph, filter, "vsbmc", "1");
    ps_graph_number(graph, filter, "mb_size", block_side(source->clip));
    ps_graph_text(graph, filter, "scd", "none"); /* a clip is one scene */
    ps_graph_link(graph, format, filter, 0);
    motion->out = ps_graph_sink(graph, filter, AV_PIX_FMT_RGB24);
    ps_graph_ready(graph);
    if (!motion->frame)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame");
    return ps_graph_status(graph, error);
}

void ps_motion_close(struct ps_motion *motion)
{
    av_frame_free(&motion->frame);
    ps_graph_close(&motion->graph);
}

/* The next loop frame into the filter. It looks one frame ahead, so beyond the last there is one more. */
static enum ps_status push(struct ps_motion *motion, struct ps_error *error)
{
    const struct ps_finish_plan *plan = motion->source->plan;
    const uint32_t spare = 2, width = plan->clip.width, at = motion->pushed;
    if (at >= plan->loop_frames + spare)
        return ps_fail(error, PS_ERR_INTERNAL, "finish.motion", "motion interpolation gave too few frames");
    const uint32_t last = plan->loop_frames - 1;
    const uint32_t loop_frame = at <= last                          ? at
                                : plan->params.loop == PS_LOOP_NONE ? last
                                                                    : at % plan->loop_frames;
    const struct ps_view view = {ps_source_frame(motion->source, loop_frame), width, plan->clip.height,
                                 (size_t)width * 3};
    ps_graph_push(&motion->graph, motion->in, &view, at);
    motion->pushed++;
    return ps_graph_status(&motion->graph, error);
}

enum ps_status ps_motion_frame(struct ps_motion *motion, uint32_t at, struct ps_view *view,
                               struct ps_error *error)
{
    while (motion->pulled < at) {
        if (ps_graph_pull(&motion->graph, motion->out, motion->frame))
            motion->pulled++;
        else if (ps_graph_status(&motion->graph, error) || push(motion, error))
            return error->status;
    }
    *view = (struct ps_view){motion->frame->data[0], (uint32_t)motion->frame->width,
                             (uint32_t)motion->frame->height, (size_t)motion->frame->linesize[0]};
    return PS_OK;
}
