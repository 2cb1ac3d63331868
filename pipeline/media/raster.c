#include "media/raster.h"

#include <stdlib.h>

enum ps_status ps_raster_new(struct ps_raster *raster, uint32_t width, uint32_t height, uint32_t channels,
                             struct ps_error *error)
{
    uint8_t *bytes = malloc((size_t)width * height * channels);
    if (!bytes)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a photo of %u x %u pixels", width,
                       height);
    *raster = (struct ps_raster){bytes, width, height, channels};
    return PS_OK;
}

void ps_raster_free(struct ps_raster *raster)
{
    free(raster->bytes);
    *raster = (struct ps_raster){0};
}

/* Rounded share of `over` on `under`. */
static uint8_t blend(unsigned over, unsigned under, unsigned alpha)
{
    return (uint8_t)((over * alpha + under * (255 - alpha) + 127) / 255);
}

void ps_raster_flatten(struct ps_raster *raster, uint32_t background)
{
    const unsigned red = background >> 16 & 0xff, green = background >> 8 & 0xff, blue = background & 0xff;
    if (raster->channels == 3)
        return;
    const uint8_t *from = raster->bytes, *end = from + (size_t)raster->width * raster->height * 4;
    for (uint8_t *to = raster->bytes; from < end; from += 4, to += 3) {
        const unsigned alpha = from[3];
        to[0] = blend(from[0], red, alpha);
        to[1] = blend(from[1], green, alpha);
        to[2] = blend(from[2], blue, alpha);
    }
    raster->channels = 3;
}
