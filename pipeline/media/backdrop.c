#include "media/backdrop.h"

#include <stdlib.h>
#include <string.h>

/* Rounded share of `over` on `under`. */
static uint8_t blend(unsigned over, unsigned under, unsigned alpha)
{
    return (uint8_t)((over * alpha + under * (255 - alpha) + 127) / 255);
}

static uint32_t channel(uint32_t colour, uint32_t c)
{
    return colour >> (16 - 8 * c) & 0xff;
}

/* to [width, 3] = row y of `height` of the gradient. */
static void fill_row(uint8_t *to, uint32_t width, const struct ps_backdrop *backdrop, uint32_t y,
                     uint32_t height)
{
    const uint32_t last = height > 1 ? height - 1 : 1;
    uint8_t rgb[3];
    for (uint32_t c = 0; c < 3; c++)
        rgb[c] =
            (uint8_t)((channel(backdrop->top, c) * (last - y) + channel(backdrop->bottom, c) * y + last / 2) /
                      last);
    for (uint32_t x = 0; x < width; x++)
        memcpy(to + (size_t)x * 3, rgb, 3);
}

enum ps_status ps_backdrop_apply(struct ps_raster *raster, const struct ps_backdrop *backdrop,
                                 struct ps_error *error)
{
    const size_t width = raster->width;
    if (raster->channels == 3)
        return PS_OK;
    uint8_t *filled = malloc(width * 3);
    if (!filled)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a background");
    for (uint32_t y = 0; y < raster->height; y++) {
        const uint8_t *from = raster->bytes + y * width * 4, *under = filled;
        uint8_t *to = raster->bytes + y * width * 3;
        if (backdrop->rgb)
            under = backdrop->rgb + y * width * 3;
        else
            fill_row(filled, raster->width, backdrop, y, raster->height);
        for (size_t x = 0; x < width; x++, from += 4, under += 3, to += 3) {
            const unsigned alpha = from[3];
            to[0] = blend(from[0], under[0], alpha);
            to[1] = blend(from[1], under[1], alpha);
            to[2] = blend(from[2], under[2], alpha);
        }
    }
    free(filled);
    raster->channels = 3;
    return PS_OK;
}
