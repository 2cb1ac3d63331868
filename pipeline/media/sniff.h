/* What a file is, told from its first bytes. */
#ifndef PS_MEDIA_SNIFF_H
#define PS_MEDIA_SNIFF_H

#include <stddef.h>
#include <stdint.h>

enum ps_image_kind {
    PS_IMAGE_UNKNOWN,     /* no picture at all */
    PS_IMAGE_UNSUPPORTED, /* a picture of a kind that is not read */
    PS_IMAGE_CUT,         /* fewer bytes than tell, but the start of a kind that is read */
    PS_IMAGE_PNG,
    PS_IMAGE_JPEG,
    PS_IMAGE_WEBP,
    PS_IMAGE_TIFF,
    PS_IMAGE_BMP
};

/* *what is a static noun for messages: "GIF", "an HTML page". */
enum ps_image_kind ps_sniff(const uint8_t *bytes, size_t size, const char **what);

#endif
