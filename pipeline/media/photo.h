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

#endif
