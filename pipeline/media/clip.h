/* Clips inside the library; the public half is in packshot.h. */
#ifndef PS_MEDIA_CLIP_H
#define PS_MEDIA_CLIP_H

#include "frame/place.h"
#include "provenance/origin.h"

/* Bytes after the last pixel of what libswscale reads: its vector code reads a little beyond a row. */
enum { PS_CLIP_PADDING = 64 };

struct ps_clip {
    uint32_t width, height, frames, fps;
    uint64_t peak_bytes;
    uint64_t not_finite;      /* values that the decoder gave and that are no numbers */
    uint8_t *rgb;             /* [frames, height, width, 3] */
    struct ps_origin *origin; /* owned; null where it is not known */
    /* The photo in the clip's frame, as the model was shown it: [height, width, 3], or null. */
    uint8_t *photo;
    bool has_focus;
    struct ps_point focus; /* in the clip, where the render was given one */
    uint8_t *photo_alpha;  /* [height, width], opaque where the subject is; null where all of it is */
};

/* A black clip. */
enum ps_status ps_clip_new(struct ps_clip **clip, uint32_t width, uint32_t height, uint32_t frames,
                           uint32_t fps, struct ps_error *error);

/* The frame that ps_clip_frame gives, to be filled: [height, width, 3]; null past the last. */
uint8_t *ps_clip_frame_pixels(struct ps_clip *clip, uint32_t frame);

/* Takes over the photo's pixels, both from malloc; `alpha` may be null. */
void ps_clip_take_photo(struct ps_clip *clip, uint8_t *rgb, uint8_t *alpha);

/* What ps_clip_peak_bytes reports. */
void ps_clip_set_peak(struct ps_clip *clip, uint64_t bytes);

#endif
