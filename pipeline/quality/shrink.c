#include "quality/shrink.h"

#include <stdlib.h>

static float mean_luma(const uint8_t *rgb, uint32_t width, const uint32_t from[2], const uint32_t to[2])
{
    uint64_t sum = 0;
    for (uint32_t y = from[1]; y < to[1]; y++)
        for (uint32_t x = from[0]; x < to[0]; x++)
            sum += ps_luma(rgb + ((size_t)y * width + x) * 3);
    const uint64_t count = (uint64_t)(to[0] - from[0]) * (to[1] - from[1]);
    return (float)((double)sum / 256.0 / (double)count);
}

enum ps_status ps_shrink(struct ps_grey *grey, uint32_t to_width, uint32_t to_height, const uint8_t *rgb,
                         uint32_t width, uint32_t height, struct ps_error *error)
{
    const uint32_t w = to_width < width ? to_width : width, h = to_height < height ? to_height : height;
    *grey = (struct ps_grey){w ? w : 1, h ? h : 1, NULL};
    grey->luma = malloc((size_t)grey->width * grey->height * sizeof *grey->luma);
    if (!grey->luma)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to measure a clip");
    float *to = grey->luma;
    for (uint32_t y = 0; y < grey->height; y++)
        for (uint32_t x = 0; x < grey->width; x++) {
            const uint32_t first[2] = {(uint32_t)((uint64_t)x * width / grey->width),
                                       (uint32_t)((uint64_t)y * height / grey->height)};
            const uint32_t last[2] = {(uint32_t)((uint64_t)(x + 1) * width / grey->width),
                                      (uint32_t)((uint64_t)(y + 1) * height / grey->height)};
            *to++ = mean_luma(rgb, width, first, last);
        }
    return PS_OK;
}
