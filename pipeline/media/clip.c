#include "media/clip.h"

#include <stdlib.h>

#include "base/checked.h"

enum ps_status ps_clip_new(struct ps_clip **clip, uint32_t width, uint32_t height, uint32_t frames,
                           uint32_t fps, struct ps_error *error)
{
    *clip = NULL;
    if (!width || !height || width % 2 || height % 2 || !frames || !fps)
        return ps_fail(
            error, PS_ERR_USAGE, "usage.clip-size",
            "a clip of %u x %u pixels, %u frames, %u frames a second: sizes must be even, and none 0", width,
            height, frames, fps);
    uint64_t size = 0;
    struct ps_clip *made = calloc(1, sizeof *made);
    if (made && ps_mul_u64((uint64_t)width * height, (uint64_t)frames * 3, &size) &&
        ps_add_u64(size, PS_CLIP_PADDING, &size) && size <= SIZE_MAX)
        made->rgb = calloc(1, (size_t)size);
    if (!made || !made->rgb) {
        ps_clip_free(&made);
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for %u frames of %u x %u pixels", frames,
                width, height);
        return PS_ERR_MEMORY;
    }
    made->width = width;
    made->height = height;
    made->frames = frames;
    made->fps = fps;
    *clip = made;
    return PS_OK;
}

uint8_t *ps_clip_frame_pixels(struct ps_clip *clip, uint32_t frame)
{
    return frame < clip->frames ? clip->rgb + (size_t)frame * clip->width * clip->height * 3 : NULL;
}

void ps_clip_set_peak(struct ps_clip *clip, uint64_t bytes)
{
    clip->peak_bytes = bytes;
}

void ps_clip_free(struct ps_clip **clip)
{
    struct ps_clip *old = *clip;
    *clip = NULL;
    if (!old)
        return;
    ps_origin_free(&old->origin);
    free(old->rgb);
    free(old->photo);
    free(old->photo_alpha);
    free(old);
}

void ps_clip_take_photo(struct ps_clip *clip, uint8_t *rgb, uint8_t *alpha)
{
    free(clip->photo);
    free(clip->photo_alpha);
    clip->photo = rgb;
    clip->photo_alpha = alpha;
}

uint32_t ps_clip_width(const struct ps_clip *clip)
{
    return clip->width;
}

uint32_t ps_clip_height(const struct ps_clip *clip)
{
    return clip->height;
}

uint32_t ps_clip_frames(const struct ps_clip *clip)
{
    return clip->frames;
}

uint32_t ps_clip_fps(const struct ps_clip *clip)
{
    return clip->fps;
}

const uint8_t *ps_clip_frame(const struct ps_clip *clip, uint32_t frame)
{
    return frame < clip->frames ? clip->rgb + (size_t)frame * clip->width * clip->height * 3 : NULL;
}

uint64_t ps_clip_peak_bytes(const struct ps_clip *clip)
{
    return clip->peak_bytes;
}
