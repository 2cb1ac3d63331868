#include "frame/place.h"

#include <math.h>

static struct ps_rect all_of(struct ps_size size)
{
    return (struct ps_rect){0, 0, size.width, size.height};
}

/* round(side * to / from) of at least 1 pixel. */
static uint32_t scaled(uint32_t side, uint32_t to, uint32_t from)
{
    const uint64_t rounded = ((uint64_t)side * to * 2 + from) / ((uint64_t)from * 2);
    return rounded ? (uint32_t)rounded : 1;
}

/* The largest size within `bounds` of the aspect of `shape`. */
static struct ps_size fitted(struct ps_size bounds, struct ps_size shape)
{
    if ((uint64_t)bounds.width * shape.height > (uint64_t)bounds.height * shape.width)
        bounds.width = scaled(bounds.height, shape.width, shape.height);
    else
        bounds.height = scaled(bounds.width, shape.height, shape.width);
    return bounds;
}

/* `start` rounded to the nearest pixel, half down, from 0 to `last`. */
static uint32_t held(double start, uint32_t last)
{
    const double rounded = ceil(start - 0.5);
    return rounded >= last ? last : rounded > 0 ? (uint32_t)rounded : 0;
}

struct ps_placement ps_place_stretched(struct ps_size picture, struct ps_size frame)
{
    return (struct ps_placement){all_of(picture), all_of(frame)};
}

struct ps_placement ps_place_cropped(struct ps_size picture, struct ps_size frame, struct ps_point focus)
{
    const struct ps_size seen = fitted(picture, frame);
    const double left = focus.x * picture.width - seen.width / 2.0;
    const double top = focus.y * picture.height - seen.height / 2.0;
    return (struct ps_placement){{held(left, picture.width - seen.width),
                                  held(top, picture.height - seen.height), seen.width, seen.height},
                                 all_of(frame)};
}

struct ps_placement ps_place_whole(struct ps_size picture, struct ps_size frame, struct ps_point focus)
{
    const struct ps_size size = fitted(frame, picture);
    const double left = frame.width / 2.0 - focus.x * size.width;
    const double top = frame.height / 2.0 - focus.y * size.height;
    return (struct ps_placement){all_of(picture),
                                 {held(left, frame.width - size.width), held(top, frame.height - size.height),
                                  size.width, size.height}};
}

struct ps_point ps_placed_point(const struct ps_placement *placement, struct ps_size picture,
                                struct ps_size frame, struct ps_point point)
{
    const struct ps_rect *from = &placement->picture, *to = &placement->frame;
    const double x = (point.x * picture.width - from->left) / from->width;
    const double y = (point.y * picture.height - from->top) / from->height;
    return (struct ps_point){(to->left + x * to->width) / frame.width,
                             (to->top + y * to->height) / frame.height};
}
