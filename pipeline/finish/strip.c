#include "finish/strip.h"

#include <stdlib.h>

#include "finish/mix.h"

enum { WHOLE = 65536 };

enum ps_status ps_strip_open(struct ps_strip *strip, const struct ps_clip *clip,
                             const struct ps_finish_plan *plan, unsigned threads, struct ps_error *error)
{
    const size_t size = (size_t)clip->width * clip->height * 3;
    *strip = (struct ps_strip){0};
    if (ps_source_open(&strip->source, clip, plan, error))
        return error->status;
    strip->moves = ps_motion_needed(plan);
    if (strip->moves)
        return ps_motion_open(&strip->motion, &strip->source, threads, error);
    /* libavfilter mixes neighbours too, but only in YUV and only where they differ enough. */
    if (plan->params.interpolation == PS_INTERPOLATION_BLEND &&
        !(strip->blended = malloc(size + PS_CLIP_PADDING)))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame of %u x %u pixels",
                       clip->width, clip->height);
    return PS_OK;
}

void ps_strip_close(struct ps_strip *strip)
{
    if (strip->moves)
        ps_motion_close(&strip->motion);
    ps_source_close(&strip->source);
    free(strip->blended);
    *strip = (struct ps_strip){0};
}

static const uint8_t *pixels_at(struct ps_strip *strip, const struct ps_moment *moment)
{
    const struct ps_finish_plan *plan = strip->source.plan;
    const uint8_t *first = ps_source_frame(&strip->source, moment->first);
    if (!moment->part)
        return first;
    const uint8_t *second = ps_source_frame(&strip->source, moment->second);
    const uint32_t share = (uint32_t)((uint64_t)moment->part * WHOLE / moment->whole);
    ps_mix(strip->blended, first, second, (size_t)plan->clip.width * plan->clip.height * 3, share);
    return strip->blended;
}

static bool is_same(const struct ps_moment *a, const struct ps_moment *b)
{
    return a->whole && a->first == b->first && a->part == b->part;
}

enum ps_status ps_strip_frame(struct ps_strip *strip, uint32_t frame, struct ps_view *view, bool *fresh,
                              struct ps_error *error)
{
    const struct ps_finish_plan *plan = strip->source.plan;
    const struct ps_moment moment = ps_finish_moment(plan, frame);
    *fresh = !is_same(&strip->shown, &moment);
    strip->shown = moment;
    if (*fresh && moment.part && strip->moves) {
        if (ps_motion_frame(&strip->motion, frame - plan->hold, &strip->view, error))
            return error->status;
    } else if (*fresh) {
        strip->view = (struct ps_view){pixels_at(strip, &moment), plan->clip.width, plan->clip.height,
                                       (size_t)plan->clip.width * 3};
    }
    *view = strip->view;
    return PS_OK;
}
