#include "media/photo.h"

#include <stdlib.h>
#include <string.h>

#include "frame/place.h"
#include "media/apart.h"
#include "media/backdrop.h"
#include "media/resample.h"

#define WHITE UINT32_C(0xffffff)
#define NO_COLOUR UINT32_MAX

struct ps_photo {
    uint32_t width, height;
    uint8_t *rgb;
    uint8_t *alpha; /* [height, width], or null where all of it is opaque */
    struct ps_fingerprint source;
    struct ps_notes notes;
    uint32_t background; /* where it was one colour, else NO_COLOUR */
};

/* Takes the pixels over from a flat raster, and its alpha. */
static enum ps_status new_photo(struct ps_photo **photo, struct ps_raster *raster, uint8_t **alpha,
                                struct ps_error *error)
{
    struct ps_photo *made = calloc(1, sizeof *made);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a photo");
    made->width = raster->width;
    made->height = raster->height;
    /* What alpha took is given back; a refusal to shrink costs nothing but that. */
    uint8_t *dense = realloc(raster->bytes, (size_t)raster->width * raster->height * 3);
    made->rgb = dense ? dense : raster->bytes;
    made->alpha = *alpha;
    *alpha = NULL;
    *raster = (struct ps_raster){0};
    *photo = made;
    return PS_OK;
}

static enum ps_status check_params(const struct ps_photo_params *params, struct ps_error *error)
{
    if (params->background > WHITE || params->background_end > WHITE)
        return ps_fail(error, PS_ERR_USAGE, "usage.background",
                       "background 0x%x to 0x%x: expected 0x000000 to 0xffffff", (unsigned)params->background,
                       (unsigned)params->background_end);
    if ((unsigned)params->background_kind > PS_BACKGROUND_IMAGE || (unsigned)params->sandbox > PS_SANDBOX_OFF)
        return ps_fail(error, PS_ERR_USAGE, "usage.photo", "no such kind of background or sandbox");
    if (params->background_kind == PS_BACKGROUND_IMAGE && !params->background_image)
        return ps_fail(error, PS_ERR_USAGE, "usage.background", "no background picture was named");
    return PS_OK;
}

/* ---- backgrounds ---- */

/* to [height, width, 3] = the middle of a picture, as much of it as has the photo's shape. */
static enum ps_status load_background(uint8_t *to, uint32_t width, uint32_t height,
                                      const struct ps_photo_params *params, struct ps_error *error)
{
    const struct ps_photo_params plain = {.assume_cmyk = params->assume_cmyk, .sandbox = params->sandbox};
    struct ps_photo *picture = NULL;
    enum ps_status status = ps_photo_load(&picture, params->background_image, &plain, error);
    if (!status) {
        const struct ps_placement placement =
            ps_place_cropped((struct ps_size){picture->width, picture->height},
                             (struct ps_size){width, height}, (struct ps_point){0.5, 0.5});
        const struct ps_rect *part = &placement.picture;
        const size_t stride = (size_t)picture->width * 3;
        const struct ps_view view = {picture->rgb + part->top * stride + (size_t)part->left * 3, part->width,
                                     part->height, stride};
        status = ps_resize_lanczos(to, width, height, &view, error);
    }
    ps_photo_free(&picture);
    return status;
}

static enum ps_status put_on_background(struct ps_raster *raster, const struct ps_photo_params *params,
                                        struct ps_error *error)
{
    const uint32_t top = params->background ? params->background : WHITE,
                   end = params->background_end ? params->background_end : WHITE;
    const bool even = params->background_kind == PS_BACKGROUND_COLOUR;
    const bool picture = params->background_kind == PS_BACKGROUND_IMAGE,
               blur = params->background_kind == PS_BACKGROUND_BLUR && raster->channels == 4;
    const size_t size = (size_t)raster->width * raster->height * 3;
    uint8_t *rgb = picture || blur ? malloc(size) : NULL;
    enum ps_status status = PS_OK;
    if ((picture || blur) && !rgb)
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a background");
    else if (picture)
        status = load_background(rgb, raster->width, raster->height, params, error);
    else if (blur)
        status = ps_backdrop_blur(rgb, raster, error);
    const struct ps_backdrop backdrop = {top, even ? top : end, rgb};
    if (!status)
        status = ps_backdrop_apply(raster, &backdrop, error);
    free(rgb);
    return status;
}

/* ---- photos ---- */

/* `apart`: in a process of its own. */
static enum ps_status make_photo(struct ps_photo **photo, const struct ps_file *file,
                                 const struct ps_photo_params *params, bool apart, struct ps_error *error)
{
    static const struct ps_photo_params defaults = {0};
    struct ps_raster raster = {0};
    struct ps_notes notes = {0};
    uint8_t *alpha = NULL;
    *photo = NULL;
    params = params ? params : &defaults;
    const struct ps_ingest_params ingest = {.assume_cmyk = params->assume_cmyk};
    enum ps_status status = check_params(params, error);
    if (!status)
        status = apart ? ps_ingest_apart(&raster, &notes, file, &ingest, params->sandbox == PS_SANDBOX_STRICT,
                                         error)
                       : ps_ingest(&raster, &notes, file, &ingest, error);
    if (!status)
        status = ps_raster_alpha(&alpha, &raster, error);
    if (!status)
        status = put_on_background(&raster, params, error);
    if (!status)
        status = new_photo(photo, &raster, &alpha, error);
    if (!status) {
        (*photo)->notes = notes;
        (*photo)->background = params->background_kind != PS_BACKGROUND_COLOUR ? NO_COLOUR
                               : params->background                            ? params->background
                                                                               : WHITE;
    }
    ps_raster_free(&raster);
    free(alpha);
    return status;
}

enum ps_status ps_photo_decode(struct ps_photo **photo, const struct ps_file *file,
                               const struct ps_photo_params *params, struct ps_error *error)
{
    return make_photo(photo, file, params, false, error);
}

enum ps_status ps_photo_load(struct ps_photo **photo, const char *path, const struct ps_photo_params *params,
                             struct ps_error *error)
{
    struct ps_file file;
    *photo = NULL;
    if (!path)
        return ps_fail(error, PS_ERR_USAGE, "usage.path", "no photo was named");
    enum ps_status status = ps_file_read(&file, path, PS_PHOTO_MAX_BYTES, error);
    if (status)
        return status;
    status = make_photo(photo, &file, params, !params || params->sandbox != PS_SANDBOX_OFF, error);
    if (!status)
        status = ps_fingerprint_bytes(&(*photo)->source, path, file.bytes, file.size, error);
    if (status)
        ps_photo_free(photo);
    ps_file_free(&file);
    return status;
}

enum ps_status ps_photo_from_rgb(struct ps_photo **photo, const uint8_t *rgb, uint32_t width, uint32_t height,
                                 struct ps_error *error)
{
    *photo = NULL;
    if (!rgb || !width || !height || width > PS_PHOTO_MAX_SIDE || height > PS_PHOTO_MAX_SIDE ||
        (uint64_t)width * height > PS_PHOTO_MAX_PIXELS)
        return ps_fail(error, PS_ERR_USAGE, "usage.photo-size",
                       "a photo of %u x %u pixels: expected 1 to %u a side and up to %llu in all", width,
                       height, PS_PHOTO_MAX_SIDE, (unsigned long long)PS_PHOTO_MAX_PIXELS);
    const size_t size = (size_t)width * height * 3;
    struct ps_raster raster = {.bytes = malloc(size), .width = width, .height = height, .channels = 3};
    uint8_t *opaque = NULL;
    if (!raster.bytes)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a photo of %u x %u pixels", width,
                       height);
    memcpy(raster.bytes, rgb, size);
    const enum ps_status status = new_photo(photo, &raster, &opaque, error);
    ps_raster_free(&raster);
    return status;
}

void ps_photo_free(struct ps_photo **photo)
{
    struct ps_photo *old = *photo;
    *photo = NULL;
    if (old) {
        free(old->rgb);
        free(old->alpha);
    }
    free(old);
}

const struct ps_fingerprint *ps_photo_source(const struct ps_photo *photo)
{
    return &photo->source;
}

uint32_t ps_photo_width(const struct ps_photo *photo)
{
    return photo->width;
}

uint32_t ps_photo_height(const struct ps_photo *photo)
{
    return photo->height;
}

const uint8_t *ps_photo_rgb(const struct ps_photo *photo)
{
    return photo->rgb;
}

const uint8_t *ps_photo_alpha(const struct ps_photo *photo)
{
    return photo->alpha;
}

const char *ps_photo_note(const struct ps_photo *photo, uint32_t index)
{
    return index < photo->notes.count ? photo->notes.lines[index] : NULL;
}

bool ps_photo_background(const struct ps_photo *photo, uint32_t *colour)
{
    *colour = photo->background;
    return photo->background != NO_COLOUR;
}

void ps_view_copy(uint8_t *to, size_t stride, const struct ps_view *from)
{
    for (uint32_t y = 0; y < from->height; y++)
        memcpy(to + y * stride, from->rgb + y * from->stride, (size_t)from->width * 3);
}
