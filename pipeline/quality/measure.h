/* Measures of a clip, each by itself. What they mean is judged in judge.c. */
#ifndef PS_QUALITY_MEASURE_H
#define PS_QUALITY_MEASURE_H

#include "media/clip.h"

/* RGB pictures of one size, [height, width, 3] each, owned by somebody else. */
struct ps_frames {
    uint32_t width, height, count;
    const uint8_t *rgb;
};

/* One frame. */
const uint8_t *ps_frames_at(const struct ps_frames *frames, uint32_t frame);

/* Mean and standard deviation of luma (BT.709 weights on sRGB values), 0 to 255. */
struct ps_light {
    double mean, deviation;
};

struct ps_light ps_measure_light(const uint8_t *rgb, size_t pixels);

/* Over a whole clip, in one pass. `light` has a row for each frame. */
struct ps_steadiness {
    uint32_t frozen; /* most frames in a row that are the frame before */
    double flicker;  /* levels */
};

/* Frames are the same where luma differs by less than `still` levels in the mean. Flicker is the amplitude of
 * what alternates from frame to frame in the mean luma: the root of the mean square of (a - 2b + c) / 4 over
 * neighbours a, b, c. A steady brightening has none. */
struct ps_steadiness ps_measure_steadiness(const struct ps_frames *frames, const struct ps_light *light,
                                           double still);

/* Mean length of the way that the picture goes from a frame to the next, as a share of the longer side; at most
 * about 0.06. Only what has texture counts. Status: PS_ERR_MEMORY. */
enum ps_status ps_measure_motion(double *motion, const struct ps_frames *frames, struct ps_error *error);

/* How far the product has gone from the photo in the frame where it is worst. */
struct ps_drift {
    bool measured; /* false: no product was found in the photo, or it has no contrast */
    double shape;  /* 1 less the best correlation of luma: 0 is the same, 1 is unrelated */
    double
        colour; /* difference of the mean colours in CIELAB: of the hue, and with less weight of chroma and lightness,
                      which a travelling light changes too */
};

/* `photo` is one frame of the clip's size, `alpha` [height, width] its opacity or null. The product may move by
 * a quarter of the frame and change its size by a quarter. Status: PS_ERR_MEMORY. */
enum ps_status ps_measure_drift(struct ps_drift *drift, const struct ps_frames *frames,
                                const struct ps_frames *photo, const uint8_t *alpha, struct ps_error *error);

#endif
