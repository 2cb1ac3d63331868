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

static bool is_opaque(const struct ps_raster *raster)
{
    const size_t pixels = (size_t)raster->width * raster->height;
    for (size_t i = 0; i < pixels; i++)
        if (raster->bytes[i * 4 + 3] != 255)
            return false;
    return true;
}

enum ps_status ps_raster_alpha(uint8_t **alpha, const struct ps_raster *raster, struct ps_error *error)
{
    const size_t pixels = (size_t)raster->width * raster->height;
    *alpha = NULL;
    if (raster->channels == 3 || is_opaque(raster))
        return PS_OK;
    *alpha = malloc(pixels);
    if (!*alpha)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the alpha of %zu pixels", pixels);
    for (size_t i = 0; i < pixels; i++)
        (*alpha)[i] = raster->bytes[i * 4 + 3];
    return PS_OK;
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
