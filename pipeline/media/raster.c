#include "media/raster.h"

#include <stdlib.h>

enum ps_status ps_raster_new(struct ps_raster *raster, struct ps_error *error)
{
    raster->bytes =
        malloc((size_t)raster->width * raster->height * raster->channels * (raster->deep ? 2 : 1));
    return raster->bytes ? PS_OK
                         : ps_fail(error, PS_ERR_MEMORY, "memory.host",
                                   "no memory for a photo of %u x %u pixels", raster->width, raster->height);
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

/* value * top / alpha, rounded, at most `top`. */
static uint32_t unmultiply(uint32_t value, uint32_t alpha, uint32_t top)
{
    const uint64_t whole = alpha ? ((uint64_t)value * top + alpha / 2) / alpha : 0;
    return whole < top ? (uint32_t)whole : top;
}

void ps_raster_unmultiply(struct ps_raster *raster)
{
    const size_t pixels = (size_t)raster->width * raster->height;
    if (raster->channels == 3)
        return;
    for (size_t i = 0; i < pixels * 4; i += 4)
        for (size_t c = 0; c < 3; c++)
            if (raster->deep) {
                uint16_t *wide = (uint16_t *)(void *)raster->bytes + i;
                wide[c] = (uint16_t)unmultiply(wide[c], wide[3], 65535);
            } else {
                raster->bytes[i + c] = (uint8_t)unmultiply(raster->bytes[i + c], raster->bytes[i + 3], 255);
            }
}
