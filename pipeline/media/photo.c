#include "media/photo.h"

#include <stdlib.h>
#include <string.h>

#include "media/orientation.h"
#include "media/raster.h"

struct ps_photo {
    uint32_t width, height;
    uint8_t *rgb;
    uint8_t *alpha; /* [height, width], or null where all of it is opaque */
    struct ps_fingerprint source;
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

static enum ps_status turn_upright(struct ps_raster *raster, unsigned orientation, struct ps_error *error)
{
    if (orientation == 1)
        return PS_OK;
    uint8_t *turned = malloc((size_t)raster->width * raster->height * raster->channels);
    if (!turned)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to turn a photo upright");
    ps_orient(turned, raster->bytes, raster->width, raster->height, raster->channels, orientation);
    free(raster->bytes);
    raster->bytes = turned;
    if (orientation >= 5) {
        const uint32_t width = raster->width;
        raster->width = raster->height;
        raster->height = width;
    }
    return PS_OK;
}

enum ps_status ps_photo_decode(struct ps_photo **photo, const struct ps_file *file,
                               const struct ps_photo_params *params, struct ps_error *error)
{
    const uint32_t white = 0xffffff;
    const uint32_t background = params && params->background ? params->background : white;
    struct ps_image_facts facts;
    struct ps_raster raster = {0};
    uint8_t *alpha = NULL;
    *photo = NULL;
    if (background > white)
        return ps_fail(error, PS_ERR_USAGE, "usage.background",
                       "background 0x%x: expected 0x000000 to 0xffffff", (unsigned)background);
    enum ps_status status = ps_scan_image(&facts, file, error);
    if (!status)
        status = facts.kind == PS_IMAGE_PNG ? ps_decode_png(&raster, &facts, file, error)
                                            : ps_decode_av(&raster, &facts, file, error);
    if (!status)
        status = turn_upright(&raster, ps_exif_orientation(facts.exif, facts.exif_size), error);
    if (!status)
        status = ps_raster_alpha(&alpha, &raster, error);
    if (!status) {
        ps_raster_flatten(&raster, background);
        status = new_photo(photo, &raster, &alpha, error);
    }
    ps_raster_free(&raster);
    free(alpha);
    return status;
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
    status = ps_photo_decode(photo, &file, params, error);
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
    struct ps_raster raster = {malloc(size), width, height, 3};
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
