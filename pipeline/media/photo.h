/* Photos inside the library; the public half is in packshot.h. */
#ifndef PS_MEDIA_PHOTO_H
#define PS_MEDIA_PHOTO_H

#include "base/error.h"
#include "media/file.h"

/* Decodes a photo from memory, as ps_photo_load does from a file. */
enum ps_status ps_photo_decode(struct ps_photo **photo, const struct ps_file *file,
                               const struct ps_photo_params *params, struct ps_error *error);

/* A rectangle of RGB pixels, 8 bits a channel, owned by somebody else. */
struct ps_view {
    const uint8_t *rgb;
    uint32_t width, height;
    size_t stride; /* bytes from row to row */
};

/* The part of the photo that a clip of width x height shows. PS_FIT_STRETCH: all of it. PS_FIT_CROP: the
 * largest rectangle of that aspect about the centre; its shorter side is rounded to the nearest pixel (half
 * up, at least 1) and an odd remainder leaves the spare pixel on the right or at the bottom. */
struct ps_view ps_photo_fit(const struct ps_photo *photo, enum ps_fit fit, uint32_t width, uint32_t height);

#endif
