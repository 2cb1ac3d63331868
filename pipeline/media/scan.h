/* What a photo's container says before a pixel is decoded: complete or cut, size, EXIF. */
#ifndef PS_MEDIA_SCAN_H
#define PS_MEDIA_SCAN_H

#include "base/error.h"
#include "media/file.h"
#include "media/sniff.h"

#define PS_PHOTO_MAX_BYTES (UINT64_C(256) * 1000 * 1000)
#define PS_PHOTO_MAX_SIDE 16384u
#define PS_PHOTO_MAX_PIXELS (UINT64_C(100) * 1000 * 1000)

struct ps_image_facts {
    enum ps_image_kind kind; /* PNG, JPEG or WebP */
    uint32_t width, height;  /* as stored, before the EXIF orientation; within the limits above */
    const uint8_t *exif;     /* a TIFF structure inside the file's bytes, or null */
    size_t exif_size;
};

/* Fails for what is no photo, is cut, is too large or is of a kind that is not read. */
enum ps_status ps_scan_image(struct ps_image_facts *facts, const struct ps_file *file,
                             struct ps_error *error);

#endif
