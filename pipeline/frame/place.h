/* Where a picture goes in a frame, and what of it is seen. Plain arithmetic. */
#ifndef PS_FRAME_PLACE_H
#define PS_FRAME_PLACE_H

#include "base/error.h"

/* Whole pixels. */
struct ps_rect {
    uint32_t left, top, width, height;
};

struct ps_size {
    uint32_t width, height;
};

/* A point of a picture, as fractions of its width and height. */
struct ps_point {
    double x, y;
};

/* The pixels `picture` of a picture are seen at the pixels `frame` of a frame. */
struct ps_placement {
    struct ps_rect picture, frame;
};

/* All of the picture on all of the frame; the aspect is not kept. */
struct ps_placement ps_place_stretched(struct ps_size picture, struct ps_size frame);

/* The largest part of the picture that has the frame's aspect, on all of the frame. Its shorter side is
 * rounded to the nearest pixel (half up, at least 1). Its middle is as near to `focus` as the picture allows;
 * half a pixel goes to the left and to the top. */
struct ps_placement ps_place_cropped(struct ps_size picture, struct ps_size frame, struct ps_point focus);

/* All of the picture on the largest part of the frame that has the picture's aspect, rounded as above.
 * `focus` is as near to the frame's middle as the frame allows. */
struct ps_placement ps_place_whole(struct ps_size picture, struct ps_size frame, struct ps_point focus);

/* A part of a picture, as fractions of its sides: 0 is the left or the top edge, 1 the right or the bottom
 * one. */
struct ps_box {
    double left, top, right, bottom;
};

/* As ps_place_cropped, but moved where that is needed to show all of `keep`. Where a crop of the frame's
 * aspect is too small for that, more of the picture is shown, no more than `keep` needs, on a part of the
 * frame; the rest of the frame is for surroundings. */
struct ps_placement ps_place_kept(struct ps_size picture, struct ps_size frame, struct ps_point focus,
                                  struct ps_box keep);

/* Where a point of the picture lies in the frame, as fractions of the frame; outside 0 to 1 where it is not
 * seen. */
struct ps_point ps_placed_point(const struct ps_placement *placement, struct ps_size picture,
                                struct ps_size frame, struct ps_point point);

#endif
