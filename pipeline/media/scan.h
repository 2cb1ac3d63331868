/* What a photo's container says before a pixel is decoded: complete or cut, size, EXIF, what its colours mean. */
#ifndef PS_MEDIA_SCAN_H
#define PS_MEDIA_SCAN_H

#include <stdbool.h>

#include "base/error.h"
#include "media/file.h"
#include "media/sniff.h"

#define PS_PHOTO_MAX_BYTES (UINT64_C(256) * 1000 * 1000)
#define PS_PHOTO_MAX_SIDE 16384u
#define PS_PHOTO_MAX_PIXELS (UINT64_C(100) * 1000 * 1000)
#define PS_PROFILE_MAX_BYTES (UINT32_C(8) * 1000 * 1000)

/* What a fourth (or, of grey, second) channel is. */
enum ps_alpha {
    PS_ALPHA_STRAIGHT,
    PS_ALPHA_PREMULTIPLIED, /* colours are multiplied with it already: TIFF's associated alpha */
    PS_ALPHA_NONE           /* not an alpha; to be ignored */
};

enum ps_ink {
    PS_INK_NONE,     /* grey or RGB */
    PS_INK_CMYK,     /* 0 is no ink */
    PS_INK_INVERTED, /* 0 is full ink: Adobe's JPEG */
    PS_INK_YCCK      /* the same with C, M and Y as Y'CbCr */
};

/* A part of the file's bytes; null where there is none. */
struct ps_span {
    const uint8_t *bytes;
    size_t size;
};

struct ps_image_facts {
    enum ps_image_kind kind;
    uint32_t width, height; /* as stored, before the EXIF orientation; within the limits above */
    struct ps_span exif;    /* a TIFF structure */
    bool grey;              /* every pixel has red = green = blue */
    bool deep;              /* more than 8 bits a channel */
    enum ps_alpha alpha;
    enum ps_ink ink;

    /* The colour space. An ICC profile as it is; PNG has it deflated, JPEG in segments (media/profile.h). */
    struct ps_span icc;
    /* PNG's chunks about colour, each from its type to the end of its data. */
    struct ps_span iccp, cicp, gama, chrm;
    bool srgb; /* PNG says so */
};

/* Fails for what is no photo, is cut, is too large or is of a kind that is not read. */
enum ps_status ps_scan_image(struct ps_image_facts *facts, const struct ps_file *file,
                             struct ps_error *error);

/* The scanners of single formats; the file's first bytes are known to be right. */
enum ps_status ps_scan_jpeg(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error);
enum ps_status ps_scan_tiff(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error);
enum ps_status ps_scan_bmp(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error);

/* Makes a copy of a file that ps_scan_tiff took fit for libavcodec's strict decoder, to which every tag that it does not
 * know is an error: the first directory keeps what pixels need, and is the last. Inks are called RGBA. */
void ps_shorten_tiff(uint8_t *bytes, size_t size, enum ps_ink ink);

/* Their refusals: image.truncated, image.damaged, image.unsupported. `where`, `how` and `what` complete "it ends after
 * N bytes ...", "the file is damaged: ..." and "... is not supported". */
enum ps_status ps_refuse_cut(struct ps_error *error, const struct ps_file *file, const char *where);
enum ps_status ps_refuse_damaged(struct ps_error *error, const struct ps_file *file, const char *how);
enum ps_status ps_refuse_kind(struct ps_error *error, const struct ps_file *file, const char *what);

#endif
