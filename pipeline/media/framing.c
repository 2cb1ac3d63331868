#include "media/framing.h"

#include <stdlib.h>
#include <string.h>

#include "frame/surround.h"
#include "media/resample.h"

static enum ps_status find_focus(struct ps_point *focus, const struct ps_photo *photo,
                                 const struct ps_framing *framing, struct ps_error *error)
{
    struct ps_product product;
    *focus = (struct ps_point){0.5, 0.5};
    if (framing->focus == PS_FOCUS_POINT)
        *focus = (struct ps_point){(double)framing->focus_x, (double)framing->focus_y};
    if (framing->focus != PS_FOCUS_AUTO)
        return PS_OK;
    if (ps_find_product(&product, ps_photo_rgb(photo), ps_photo_alpha(photo), ps_photo_width(photo),
                        ps_photo_height(photo), error))
        return error->status;
    *focus = ps_product_middle(&product);
    return PS_OK;
}

static int compare_bytes(const void *a, const void *b)
{
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* The middle value, by channel, of the photo's outermost pixels: what a product touches of the edge does not
 * colour it. */
static enum ps_status edge_colour(uint8_t colour[3], const struct ps_photo *photo, struct ps_error *error)
{
    const uint32_t width = ps_photo_width(photo), height = ps_photo_height(photo);
    const uint8_t *rgb = ps_photo_rgb(photo);
    const size_t count = 2 * ((size_t)width + height);
    uint8_t *values = malloc(count);
    if (!values)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to look at the edges of a photo");
    for (size_t c = 0; c < 3; c++) {
        uint8_t *to = values;
        for (size_t x = 0; x < width; x++) {
            *to++ = rgb[3 * x + c];
            *to++ = rgb[3 * ((size_t)(height - 1) * width + x) + c];
        }
        for (size_t y = 0; y < height; y++) {
            *to++ = rgb[3 * y * width + c];
            *to++ = rgb[3 * (y * width + width - 1) + c];
        }
        qsort(values, count, 1, compare_bytes);
        colour[c] = values[count / 2];
    }
    free(values);
    return PS_OK;
}

static void fill_colour(uint8_t *canvas, size_t pixels, const uint8_t colour[3])
{
    for (size_t i = 0; i < pixels; i++)
        memcpy(canvas + 3 * i, colour, 3);
}

/* Draws the whole photo, resized, into its place on the canvas. */
static enum ps_status draw_photo(const struct ps_framed *framed, const struct ps_photo *photo,
                                 struct ps_size frame, struct ps_error *error)
{
    const struct ps_rect *at = &framed->placement.frame;
    const struct ps_view all = {ps_photo_rgb(photo), ps_photo_width(photo), ps_photo_height(photo),
                                (size_t)ps_photo_width(photo) * 3};
    const size_t row = (size_t)at->width * 3;
    uint8_t *resized = malloc(row * at->height);
    if (!resized)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to resize a photo");
    if (!ps_resize_lanczos(resized, at->width, at->height, &all, error))
        for (size_t y = 0; y < at->height; y++)
            memcpy(framed->canvas + ((at->top + y) * frame.width + at->left) * 3, resized + y * row, row);
    free(resized);
    return error->status;
}

static enum ps_status fill_rest(const struct ps_framed *framed, const struct ps_photo *photo,
                                const struct ps_framing *framing, struct ps_size frame,
                                struct ps_error *error)
{
    const uint32_t pad = framing->pad_colour;
    uint8_t colour[3] = {(uint8_t)(pad >> 16), (uint8_t)(pad >> 8), (uint8_t)pad};
    struct ps_surround *surround = NULL;
    if (framing->fit == PS_FIT_PAD) {
        if (!pad && edge_colour(colour, photo, error))
            return error->status;
        fill_colour(framed->canvas, (size_t)frame.width * frame.height, colour);
        return draw_photo(framed, photo, frame, error);
    }
    if (!draw_photo(framed, photo, frame, error) &&
        !ps_surround_new(&surround, frame, framed->placement.frame, error))
        ps_surround_fill(surround, framed->canvas);
    ps_surround_free(&surround);
    return error->status;
}

/* The part of the photo that a placement shows. */
static struct ps_view part_of(const struct ps_photo *photo, const struct ps_rect *part)
{
    const size_t stride = (size_t)ps_photo_width(photo) * 3;
    return (struct ps_view){ps_photo_rgb(photo) + part->top * stride + (size_t)part->left * 3, part->width,
                            part->height, stride};
}

enum ps_status ps_frame_photo(struct ps_framed *framed, const struct ps_photo *photo,
                              const struct ps_framing *framing, struct ps_size frame, struct ps_error *error)
{
    const struct ps_size size = {ps_photo_width(photo), ps_photo_height(photo)};
    struct ps_point focus;
    *framed = (struct ps_framed){0};
    if (find_focus(&focus, photo, framing, error))
        return error->status;
    framed->placement = framing->fit == PS_FIT_STRETCH ? ps_place_stretched(size, frame)
                        : framing->fit == PS_FIT_CROP  ? ps_place_cropped(size, frame, focus)
                                                       : ps_place_whole(size, frame, focus);
    if (framing->fit == PS_FIT_STRETCH || framing->fit == PS_FIT_CROP) {
        framed->view = part_of(photo, &framed->placement.picture);
        return PS_OK;
    }
    framed->canvas = malloc((size_t)frame.width * frame.height * 3);
    if (!framed->canvas)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame of %u x %u pixels",
                       frame.width, frame.height);
    framed->view = (struct ps_view){framed->canvas, frame.width, frame.height, (size_t)frame.width * 3};
    if (fill_rest(framed, photo, framing, frame, error))
        ps_framed_free(framed);
    return error->status;
}

void ps_framed_free(struct ps_framed *framed)
{
    free(framed->canvas);
    *framed = (struct ps_framed){0};
}

/* The part of the alpha as a grey picture: the resampling takes three channels. */
static void grey_from_alpha(uint8_t *grey, const struct ps_photo *photo, const struct ps_rect *part)
{
    const uint8_t *alpha = ps_photo_alpha(photo);
    const size_t row = ps_photo_width(photo);
    for (uint32_t y = 0; y < part->height; y++)
        for (uint32_t x = 0; x < part->width; x++, grey += 3)
            memset(grey, alpha[(part->top + y) * row + part->left + x], 3);
}

enum ps_status ps_frame_alpha(uint8_t **alpha, const struct ps_photo *photo,
                              const struct ps_placement *placement, struct ps_size frame,
                              struct ps_error *error)
{
    const struct ps_rect *from = &placement->picture, *to = &placement->frame;
    *alpha = NULL;
    if (!ps_photo_alpha(photo))
        return PS_OK;
    uint8_t *grey = malloc((size_t)from->width * from->height * 3);
    uint8_t *resized = malloc((size_t)to->width * to->height * 3);
    uint8_t *made = calloc(frame.height, frame.width);
    const struct ps_view view = {grey, from->width, from->height, (size_t)from->width * 3};
    enum ps_status status = PS_OK;
    if (!grey || !resized || !made) {
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to resize an alpha channel");
    } else {
        grey_from_alpha(grey, photo, from);
        status = ps_resize_lanczos(resized, to->width, to->height, &view, error);
    }
    for (size_t y = 0; !status && y < to->height; y++)
        for (size_t x = 0; x < to->width; x++)
            made[(to->top + y) * frame.width + to->left + x] = resized[(y * to->width + x) * 3];
    if (!status) {
        *alpha = made;
        made = NULL;
    }
    free(grey);
    free(resized);
    free(made);
    return status;
}
