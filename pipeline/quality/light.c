#include <math.h>
#include <stdlib.h>

#include "quality/measure.h"
#include "quality/shrink.h"

const uint8_t *ps_frames_at(const struct ps_frames *frames, uint32_t frame)
{
    return frames->rgb + (size_t)frame * frames->width * frames->height * 3;
}

struct ps_light ps_measure_light(const uint8_t *rgb, size_t pixels)
{
    uint64_t sum = 0, squares = 0;
    for (size_t i = 0; i < pixels; i++) {
        const uint64_t luma = ps_luma(rgb + 3 * i);
        sum += luma;
        squares += luma * luma;
    }
    const double mean = (double)sum / (double)pixels;
    const double variance = fmax((double)squares / (double)pixels - mean * mean, 0);
    return (struct ps_light){mean / 256, sqrt(variance) / 256};
}

static bool is_same(const uint8_t *a, const uint8_t *b, size_t pixels, double still)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += (uint64_t)labs((long)ps_luma(a + 3 * i) - (long)ps_luma(b + 3 * i));
    return (double)sum / 256 < still * (double)pixels;
}

struct ps_steadiness ps_measure_steadiness(const struct ps_frames *frames, const struct ps_light *light,
                                           double still)
{
    const size_t pixels = (size_t)frames->width * frames->height;
    struct ps_steadiness steadiness = {0};
    uint32_t run = 0;
    double squares = 0;
    for (uint32_t f = 1; f < frames->count; f++) {
        run = is_same(ps_frames_at(frames, f), ps_frames_at(frames, f - 1), pixels, still) ? run + 1 : 0;
        steadiness.frozen = run > steadiness.frozen ? run : steadiness.frozen;
        if (f < 2)
            continue;
        const double bend = (light[f - 2].mean - 2 * light[f - 1].mean + light[f].mean) / 4;
        squares += bend * bend;
    }
    if (frames->count > 2)
        steadiness.flicker = sqrt(squares / (frames->count - 2));
    return steadiness;
}
