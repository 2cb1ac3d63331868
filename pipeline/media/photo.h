/* Photos inside the library; the public half is in packshot.h. */
#ifndef PS_MEDIA_PHOTO_H
#define PS_MEDIA_PHOTO_H

#include "base/error.h"
#include "media/file.h"
#include "provenance/origin.h"

/* Decodes a photo from memory in this process, as ps_photo_load does from a file with PS_SANDBOX_OFF. */
enum ps_status ps_photo_decode(struct ps_photo **photo, const struct ps_file *file,
                               const struct ps_photo_params *params, struct ps_error *error);

/* The file that the photo was loaded from; name and hash empty where there was none. */
const struct ps_fingerprint *ps_photo_source(const struct ps_photo *photo);

/* A rectangle of RGB pixels, 8 bits a channel, owned by somebody else. */
struct ps_view {
    const uint8_t *rgb;
    uint32_t width, height;
    size_t stride; /* bytes from row to row */
};

/* Copies a view to rows that are `stride` bytes apart. */
void ps_view_copy(uint8_t *to, size_t stride, const struct ps_view *from);

/* The colour that a photo with alpha was composited on, 0xRRGGBB; false where it was none or more than one. */
bool ps_photo_background(const struct ps_photo *photo, uint32_t *colour);

#endif
