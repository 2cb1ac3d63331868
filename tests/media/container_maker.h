/* TIFF and BMP files of every kind, in memory, uncompressed. */
#ifndef PS_TESTS_MEDIA_CONTAINER_MAKER_H
#define PS_TESTS_MEDIA_CONTAINER_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "media/file.h"

enum { TIFF_WHITE_IS_ZERO, TIFF_BLACK_IS_ZERO, TIFF_RGB, TIFF_PALETTE, TIFF_CMYK = 5 };
enum { TIFF_NO_EXTRA = -1, TIFF_UNSPECIFIED, TIFF_PREMULTIPLIED, TIFF_STRAIGHT };

struct tiff_field {
    uint16_t tag;   /* 0 for none */
    uint32_t value; /* as one long */
};

struct tiff_plan {
    uint32_t width, height;
    uint32_t depth, channels; /* bits a channel */
    int photometric;
    int extra; /* what the last channel is, or TIFF_NO_EXTRA */
    bool big_endian, planar;
    uint32_t rows;           /* a strip; 0 for all */
    uint16_t orientation;    /* 0 for none */
    const uint16_t *samples; /* [height, width, channels] */
    const uint16_t *palette; /* [3, 1 << depth], of 16 bits */
    uint32_t pages;          /* more directories after the first */
    uint32_t page_kind;      /* their NewSubfileType */
    struct tiff_field field; /* one more, or in place of one of the above */
};

/* Free its bytes. */
struct ps_file make_tiff(const struct tiff_plan *plan);

struct bmp_plan {
    uint32_t width, height;
    uint32_t depth;
    uint32_t header; /* bytes: 12, 40, 108 or 124 */
    bool top_down;
    const uint32_t *masks;   /* red, green, blue, alpha, or null */
    const uint32_t *palette; /* 1 << depth of 0xRRGGBB, or null */
    const uint32_t *samples; /* [height, width]: an index, or the bits of a pixel */
};

/* Free its bytes. */
struct ps_file make_bmp(const struct bmp_plan *plan);

#endif
