/* A decoded picture on its way to RGB. */
#ifndef PS_MEDIA_RASTER_H
#define PS_MEDIA_RASTER_H

#include "base/error.h"
#include "media/scan.h"

/* 8-bit RGB or RGBA (straight alpha), [height, width, channels]. */
struct ps_raster {
    uint8_t *bytes;
    uint32_t width, height;
    uint32_t channels; /* 3 or 4 */
};

enum ps_status ps_raster_new(struct ps_raster *raster, uint32_t width, uint32_t height, uint32_t channels,
                             struct ps_error *error);
void ps_raster_free(struct ps_raster *raster);

/* *alpha = a copy of the alpha channel, [height, width], to be freed; null where it is 255 throughout or there is none. */
enum ps_status ps_raster_alpha(uint8_t **alpha, const struct ps_raster *raster, struct ps_error *error);

/* Composites alpha on `background` (0xRRGGBB), in place. */
void ps_raster_flatten(struct ps_raster *raster, uint32_t background);

/* The decoders. They fill a zeroed raster of the size that the facts state, or leave nothing behind. */
enum ps_status ps_decode_png(struct ps_raster *raster, const struct ps_image_facts *facts,
                             const struct ps_file *file, struct ps_error *error);
enum ps_status ps_decode_av(struct ps_raster *raster, const struct ps_image_facts *facts,
                            const struct ps_file *file, struct ps_error *error);

#endif
