#include "finish/overlay.h"

#include <math.h>
#include <stdlib.h>

#include "media/photo.h"
#include "media/resample.h"

void ps_overlay_free(struct ps_overlay *overlay)
{
    free(overlay->rgba);
    *overlay = (struct ps_overlay){0};
}

struct ps_crop ps_overlay_room(const struct ps_finish_plan *plan, float margin)
{
    const uint32_t shorter = plan->width < plan->height ? plan->width : plan->height;
    /* At least one pixel stays between two margins of a half. */
    const uint32_t most = (shorter - 1) / 2, asked = (uint32_t)lround((double)margin * shorter);
    const uint32_t edge = asked < most ? asked : most;
    return (struct ps_crop){edge, edge, plan->width - 2 * edge, plan->height - 2 * edge};
}

void ps_overlay_place(struct ps_overlay *overlay, const struct ps_finish_plan *plan, enum ps_anchor anchor,
                      float margin)
{
    const struct ps_crop room = ps_overlay_room(plan, margin);
    const uint32_t column = (uint32_t)(anchor - PS_ANCHOR_TOP_LEFT) % 3,
                   row = (uint32_t)(anchor - PS_ANCHOR_TOP_LEFT) / 3;
    overlay->left = room.left + (room.width - overlay->width) * column / 2;
    overlay->top = room.top + (room.height - overlay->height) * row / 2;
}

static uint8_t scaled_byte(uint32_t value, uint32_t share, uint32_t whole)
{
    return (uint8_t)((value * share + whole / 2) / whole);
}

/* Takes the background, which shows through by 255 - alpha, out of a composited colour. */
static uint8_t without(uint8_t colour, uint32_t background, uint8_t alpha)
{
    const uint8_t behind = scaled_byte(background & 0xff, 255u - alpha, 255);
    return colour > behind ? (uint8_t)(colour - behind) : 0;
}

/* The logo's colour multiplied by its alpha, and the alpha as a grey picture, [height, width, 3] both. */
static void split(uint8_t *colour, uint8_t *grey, const struct ps_photo *photo, uint32_t background)
{
    const size_t pixels = (size_t)ps_photo_width(photo) * ps_photo_height(photo);
    const uint8_t *rgb = ps_photo_rgb(photo), *alpha = ps_photo_alpha(photo);
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t here = alpha ? alpha[i] : 255;
        for (unsigned c = 0; c < 3; c++) {
            colour[i * 3 + c] = without(rgb[i * 3 + c], background >> (16 - 8 * c), here);
            grey[i * 3 + c] = here;
        }
    }
}

static void halve(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((bytes[i] + 1u) / 2);
}

/* A logo resized, [height, width, 3] each. */
struct resized {
    uint8_t *colour, *grey;           /* as split() makes them */
    uint8_t *half_colour, *half_grey; /* the same of half the values */
};

/* Resampling rings: along an edge alpha would go above 255 and is cut there, and colour beside it would go above what the
 * logo has and make a bright line. Of half values neither is cut, and their quotient is the colour. */
static uint8_t settled(const struct resized *logo, size_t channel)
{
    enum { FULL = 128 /* half of 255 */ };
    const uint32_t half = logo->half_grey[channel];
    if (half > FULL) {
        const uint32_t colour = logo->half_colour[channel];
        return scaled_byte(colour < half ? colour : half, 255, half);
    }
    return logo->colour[channel] < logo->grey[channel] ? logo->colour[channel] : logo->grey[channel];
}

static void join(struct ps_overlay *overlay, const struct resized *logo, float opacity)
{
    enum { WHOLE = 65536 };
    const uint32_t share = (uint32_t)lround((double)opacity * WHOLE);
    const size_t pixels = (size_t)overlay->width * overlay->height;
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 3; c++)
            overlay->rgba[i * 4 + c] = scaled_byte(settled(logo, i * 3 + c), share, WHOLE);
        overlay->rgba[i * 4 + 3] = scaled_byte(logo->grey[i * 3], share, WHOLE);
    }
}

/* The largest size of the logo's aspect in a share of the frame, but no more than between the margins. */
static void set_size(struct ps_overlay *overlay, const struct ps_finish_plan *plan)
{
    const struct ps_logo *logo = &plan->params.logo;
    const struct ps_crop room = ps_overlay_room(plan, logo->margin);
    const double width = ps_photo_width(logo->picture), height = ps_photo_height(logo->picture);
    const double across = fmin((double)logo->scale * plan->width, room.width) / width;
    const double down = fmin((double)logo->scale * plan->height, room.height) / height;
    const double factor = across < down ? across : down;
    overlay->width = (uint32_t)fmax(1, floor(width * factor + 0.5));
    overlay->height = (uint32_t)fmax(1, floor(height * factor + 0.5));
}

static enum ps_status resize_both(uint8_t *colour, uint8_t *grey, const struct ps_overlay *to,
                                  const struct ps_view *colours, const struct ps_view *greys,
                                  struct ps_error *error)
{
    const enum ps_status status = ps_resize_lanczos(colour, to->width, to->height, colours, error);
    return status ? status : ps_resize_lanczos(grey, to->width, to->height, greys, error);
}

enum ps_status ps_overlay_logo(struct ps_overlay *overlay, const struct ps_finish_plan *plan,
                               struct ps_error *error)
{
    const struct ps_logo *logo = &plan->params.logo;
    const uint32_t width = ps_photo_width(logo->picture), height = ps_photo_height(logo->picture);
    const size_t size = (size_t)width * height * 3, stride = (size_t)width * 3;
    uint32_t background = 0;
    *overlay = (struct ps_overlay){0};
    if (ps_photo_alpha(logo->picture) && !ps_photo_background(logo->picture, &background))
        return ps_fail(error, PS_ERR_USAGE, "usage.logo", "a logo with alpha has to be loaded on one colour");
    set_size(overlay, plan);
    const size_t pixels = (size_t)overlay->width * overlay->height;
    uint8_t *colour = malloc(size), *grey = malloc(size), *small = malloc(pixels * 12);
    overlay->rgba = malloc(pixels * 4);
    if (!colour || !grey || !small || !overlay->rgba) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a logo of %u x %u pixels", width, height);
    } else {
        const struct ps_view colours = {colour, width, height, stride}, greys = {grey, width, height, stride};
        split(colour, grey, logo->picture, background);
        const struct resized parts = {small, small + pixels * 3, small + pixels * 6, small + pixels * 9};
        if (!resize_both(parts.colour, parts.grey, overlay, &colours, &greys, error)) {
            halve(colour, size);
            halve(grey, size);
            if (!resize_both(parts.half_colour, parts.half_grey, overlay, &colours, &greys, error))
                join(overlay, &parts, logo->opacity);
        }
        ps_overlay_place(overlay, plan, logo->anchor, logo->margin);
    }
    free(colour);
    free(grey);
    free(small);
    return error->status;
}
