/* Clips inside the library; the public half is in packshot.h. */
#ifndef PS_MEDIA_CLIP_H
#define PS_MEDIA_CLIP_H

#include "provenance/origin.h"

struct ps_clip {
    uint32_t width, height, frames, fps;
    uint64_t peak_bytes;
    uint8_t *rgb;             /* [frames, height, width, 3] */
    struct ps_origin *origin; /* owned; null where it is not known */
};

/* A black clip. */
enum ps_status ps_clip_new(struct ps_clip **clip, uint32_t width, uint32_t height, uint32_t frames,
                           uint32_t fps, struct ps_error *error);

/* The frame that ps_clip_frame gives, to be filled: [height, width, 3]; null past the last. */
uint8_t *ps_clip_frame_pixels(struct ps_clip *clip, uint32_t frame);

/* What ps_clip_peak_bytes reports. */
void ps_clip_set_peak(struct ps_clip *clip, uint64_t bytes);

#endif
