/* Continues a picture beyond its edges, so that a frame of another aspect has no bars. */
#ifndef PS_FRAME_SURROUND_H
#define PS_FRAME_SURROUND_H

#include "frame/place.h"

/* How the surroundings of one rectangle in frames of one size are made; used for any number of frames. */
struct ps_surround;

/* `inner` lies within the frame. Status: PS_ERR_MEMORY. */
enum ps_status ps_surround_new(struct ps_surround **surround, struct ps_size frame, struct ps_rect inner,
                               struct ps_error *error);
void ps_surround_free(struct ps_surround **surround);

/* Fills what of `rgb` [height, width, 3] lies outside the inner rectangle with the mirror image of what lies
 * inside, the more blurred the farther out. At the edge the two meet without a seam. */
void ps_surround_fill(struct ps_surround *surround, uint8_t *rgb);

#endif
