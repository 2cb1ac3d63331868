/* PNG files of every kind, in memory. */
#ifndef PS_TESTS_MEDIA_PNG_MAKER_H
#define PS_TESTS_MEDIA_PNG_MAKER_H

#include <png.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/file.h"

struct png_plan {
    uint32_t width, height;
    int depth;  /* bits a sample */
    int colour; /* PNG_COLOR_TYPE_... */
    bool interlaced;
    const uint16_t *samples;         /* [height, width, channels], each below 1 << depth */
    const png_color *palette;        /* 1 << depth entries, or null */
    const png_byte *palette_alpha;   /* as many, or null */
    const png_color_16 *transparent; /* the one transparent colour, or null */
    uint8_t orientation;             /* of an eXIf chunk; 0 for none */
    const char *extra, *extra_data;  /* type and text of one more chunk, or null */
};

/* Free its bytes. */
struct ps_file make_png(const struct png_plan *plan);

#endif
