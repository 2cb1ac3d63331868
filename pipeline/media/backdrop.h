/* What stands behind a cut-out. */
#ifndef PS_MEDIA_BACKDROP_H
#define PS_MEDIA_BACKDROP_H

#include "media/raster.h"

struct ps_backdrop {
    uint32_t top, bottom; /* 0xRRGGBB of the first and the last row, evenly between in sRGB */
    const uint8_t *rgb;   /* a picture of the raster's size instead, [height, width, 3], or null */
};

/* Puts an 8-bit raster on the backdrop, in place; RGB stays as it is. The colours hidden under full transparency count for
 * nothing, so nothing later that mixes neighbouring pixels can bring them back as a fringe. */
enum ps_status ps_backdrop_apply(struct ps_raster *raster, const struct ps_backdrop *backdrop,
                                 struct ps_error *error);

/* to [height, width, 3] = the subject of an RGBA raster enlarged until it covers the frame, and blurred until no detail
 * is left. Far from the subject the colour tends to its mean; a raster with no subject is white. */
enum ps_status ps_backdrop_blur(uint8_t *to, const struct ps_raster *raster, struct ps_error *error);

#endif
