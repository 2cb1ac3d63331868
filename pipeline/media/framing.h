/* A photo brought into the frame of a clip. */
#ifndef PS_MEDIA_FRAMING_H
#define PS_MEDIA_FRAMING_H

#include "frame/product.h"
#include "media/photo.h"

/* How a photo fills a frame: the fields of that name of ps_render_params. */
struct ps_framing {
    enum ps_fit fit;
    enum ps_focus focus;
    float focus_x, focus_y; /* for PS_FOCUS_POINT */
    uint32_t pad_colour;
};

/* A photo in a frame. */
struct ps_framed {
    struct ps_view view;           /* what the frame shows: part of the photo, or the canvas */
    uint8_t *canvas;               /* [height, width, 3] for pad and extend, else null */
    struct ps_placement placement; /* which pixels of the photo are where in the frame */
};

/* Frames a photo for a clip of this size. Crop and stretch only choose a part of the photo, whose pixels the
 * view keeps as they are; pad and extend draw a canvas of the clip's size. Status: PS_ERR_MEMORY. */
enum ps_status ps_frame_photo(struct ps_framed *framed, const struct ps_photo *photo,
                              const struct ps_framing *framing, struct ps_size frame, struct ps_error *error);
void ps_framed_free(struct ps_framed *framed);

/* *alpha = the photo's alpha where a placement puts it, [height, width] of the frame, 0 beside it, to be freed; null where
 * the photo is opaque. Status: PS_ERR_MEMORY. */
enum ps_status ps_frame_alpha(uint8_t **alpha, const struct ps_photo *photo,
                              const struct ps_placement *placement, struct ps_size frame,
                              struct ps_error *error);

#endif
