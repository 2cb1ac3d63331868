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

/* The whole pixels from `first` to `last`, fractions of `side`. */
static void cover(double first, double last, uint32_t side, uint32_t *from, uint32_t *to)
{
    const double begin = floor(first * side), end = ceil(last * side);
    *from = begin > 0 ? (begin < side ? (uint32_t)begin : side - 1) : 0;
    *to = end < side ? (end > *from ? (uint32_t)end : *from + 1) : side;
}

/* Makes `*length` pixels of a side, about `focus`, hold those from `from` to `to`: moved, or else longer. */
static void hold_span(uint32_t *start, uint32_t *length, uint32_t side, double focus, uint32_t from,
                      uint32_t to)
{
    if (to - from > *length)
        *length = to - from;
    *start = held(focus * side - *length / 2.0, side - *length);
    if (*start > from)
        *start = from;
    if (*start + *length < to)
        *start = to - *length;
}

struct ps_placement ps_place_kept(struct ps_size picture, struct ps_size frame, struct ps_point focus,
                                  struct ps_box keep)
{
    const struct ps_size crop = fitted(picture, frame);
    struct ps_rect seen = {0, 0, crop.width, crop.height};
    uint32_t from, to;
    cover(keep.left, keep.right, picture.width, &from, &to);
    hold_span(&seen.left, &seen.width, picture.width, focus.x, from, to);
    cover(keep.top, keep.bottom, picture.height, &from, &to);
    hold_span(&seen.top, &seen.height, picture.height, focus.y, from, to);
    if (seen.width == crop.width && seen.height == crop.height)
        return (struct ps_placement){seen, all_of(frame)};
    const struct ps_point middle = {(focus.x * picture.width - seen.left) / seen.width,
                                    (focus.y * picture.height - seen.top) / seen.height};
    const struct ps_placement whole =
        ps_place_whole((struct ps_size){seen.width, seen.height}, frame, middle);
    return (struct ps_placement){seen, whole.frame};
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
