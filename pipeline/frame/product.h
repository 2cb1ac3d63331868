/* Where the product is in a photo. */
#ifndef PS_FRAME_PRODUCT_H
#define PS_FRAME_PRODUCT_H

#include "frame/place.h"

struct ps_product {
    struct ps_box box;
    bool found; /* false: nothing stands out, and the box is the whole photo */
};

/* The box around what stands out. With `alpha` [height, width] that is what is opaque. Without (null), what
 * differs from the photo's left and right edges at the same height, so that a horizon or a graded backdrop
 * does not count, or has more detail than they have. The same bytes give the same box on every machine.
 * `rgb` is [height, width, 3]; sides are not 0. Status: PS_ERR_MEMORY. */
enum ps_status ps_find_product(struct ps_product *product, const uint8_t *rgb, const uint8_t *alpha,
                               uint32_t width, uint32_t height, struct ps_error *error);

/* The middle of the box. */
struct ps_point ps_product_middle(const struct ps_product *product);

#endif
