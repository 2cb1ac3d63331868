#include "finish/source.h"

#include <stdlib.h>

#include "finish/mix.h"

enum { WHOLE = 65536 };

static size_t pixels_of(const struct ps_clip *clip)
{
    return (size_t)clip->width * clip->height;
}

/* True where the clip's own frames will do. */
static bool is_plain(const struct ps_finish_plan *plan)
{
    return !plan->params.colour_match && !plan->params.product_lock && !plan->crossfade;
}

enum ps_status ps_source_open(struct ps_source *source, const struct ps_clip *clip,
                              const struct ps_finish_plan *plan, struct ps_error *error)
{
    const size_t size = pixels_of(clip) * 3;
    *source = (struct ps_source){.plan = plan, .clip = clip, .matched = plan->params.colour_match};
    if ((plan->params.colour_match || plan->params.product_lock) && !clip->photo)
        return ps_fail(
            error, PS_ERR_USAGE, "usage.finish",
            "colour match and product lock need the photo, and this clip was not rendered from one");
    if (is_plain(plan))
        return PS_OK;
    bool ok = true;
    for (size_t i = 0; i < PS_SOURCE_SLOTS; i++)
        ok = (source->slots[i].rgb = malloc(size + PS_CLIP_PADDING)) && ok;
    ok = (source->second = malloc(size)) && ok;
    if (!ok) {
        ps_source_close(source);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for frames of %u x %u pixels",
                       clip->width, clip->height);
    }
    if (source->matched)
        ps_match_colours(&source->curves, ps_clip_frame(clip, 0), clip->photo, pixels_of(clip));
    return PS_OK;
}

void ps_source_close(struct ps_source *source)
{
    for (size_t i = 0; i < PS_SOURCE_SLOTS; i++)
        free(source->slots[i].rgb);
    free(source->second);
    *source = (struct ps_source){0};
}

/* The share that the photo has in a clip frame. */
static uint32_t lock_share(const struct ps_finish_plan *plan, uint32_t frame)
{
    const uint32_t frames = plan->params.product_lock;
    return frame < frames ? (uint32_t)((uint64_t)(frames - frame) * WHOLE / frames) : 0;
}

/* A clip frame with its colours matched and the product locked: the clip's own bytes where that changes nothing,
 * else in `to`. */
static const uint8_t *clip_frame(const struct ps_source *source, uint32_t frame, uint8_t *to)
{
    const struct ps_clip *clip = source->clip;
    const uint8_t *rgb = ps_clip_frame(clip, frame);
    const uint32_t share = lock_share(source->plan, frame);
    if (source->matched) {
        ps_apply_curves(to, rgb, &source->curves, pixels_of(clip));
        rgb = to;
    }
    if (!share)
        return rgb;
    if (clip->photo_alpha)
        ps_mix_masked(to, rgb, clip->photo, clip->photo_alpha, pixels_of(clip), share);
    else
        ps_mix(to, rgb, clip->photo, pixels_of(clip) * 3, share);
    return to;
}

/* The slot of a loop frame; where it has none, the one that was filled first, emptied. */
static struct ps_slot *find_slot(struct ps_source *source, uint32_t loop_frame)
{
    for (size_t i = 0; i < PS_SOURCE_SLOTS; i++)
        if (source->slots[i].at == loop_frame + 1)
            return &source->slots[i];
    const struct ps_slot first = source->slots[0];
    source->slots[0] = source->slots[1];
    source->slots[1] = (struct ps_slot){.rgb = first.rgb};
    return &source->slots[1];
}

const uint8_t *ps_source_frame(struct ps_source *source, uint32_t loop_frame)
{
    const struct ps_moment made_of = ps_finish_loop_frame(source->plan, loop_frame);
    if (is_plain(source->plan))
        return ps_clip_frame(source->clip, made_of.first);
    struct ps_slot *slot = find_slot(source, loop_frame);
    if (slot->at)
        return slot->rgb;
    const uint8_t *first = clip_frame(source, made_of.first, slot->rgb);
    if (!made_of.part && first != slot->rgb)
        return first;
    slot->at = loop_frame + 1;
    if (made_of.part) {
        const uint8_t *second = clip_frame(source, made_of.second, source->second);
        const uint32_t share = (uint32_t)((uint64_t)made_of.part * WHOLE / made_of.whole);
        ps_mix(slot->rgb, first, second, pixels_of(source->clip) * 3, share);
    }
    return slot->rgb;
}
