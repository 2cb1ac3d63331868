/* Small pictures of luma to look for motion in. */
#ifndef PS_QUALITY_SHRINK_H
#define PS_QUALITY_SHRINK_H

#include "base/error.h"

struct ps_grey {
    uint32_t width, height;
    float *luma; /* [height, width], 0 to 255 */
};

/* Luma of one RGB value in 256ths: BT.709 weights. */
static inline uint32_t ps_luma(const uint8_t *rgb)
{
    return 54u * rgb[0] + 183u * rgb[1] + 19u * rgb[2];
}

/* Each pixel is the mean of the pixels of `rgb` [height, width, 3] that it covers; never larger than that.
 * Free its luma. Status: PS_ERR_MEMORY. */
enum ps_status ps_shrink(struct ps_grey *grey, uint32_t to_width, uint32_t to_height, const uint8_t *rgb,
                         uint32_t width, uint32_t height, struct ps_error *error);

#endif
