/* A decoded picture on its way to RGB. */
#ifndef PS_MEDIA_RASTER_H
#define PS_MEDIA_RASTER_H

#include "base/error.h"
#include "media/scan.h"

/* [height, width, channels]: RGB, RGBA, or CMYK where 0 is no ink. */
struct ps_raster {
    uint8_t *bytes;
    uint32_t width, height;
    uint32_t channels; /* 3 or 4 */
    bool deep;         /* 16 bits a channel, in the machine's byte order; otherwise 8 */
    bool inks;         /* CMYK */
};

/* Takes memory for the size, channels and depth that the raster states. */
enum ps_status ps_raster_new(struct ps_raster *raster, struct ps_error *error);
void ps_raster_free(struct ps_raster *raster);

/* *alpha = a copy of the alpha channel, [height, width], to be freed; null where it is 255 throughout or there is none. */
enum ps_status ps_raster_alpha(uint8_t **alpha, const struct ps_raster *raster, struct ps_error *error);

/* Divides colours that are multiplied with their alpha by it. */
void ps_raster_unmultiply(struct ps_raster *raster);

/* The decoders. They fill a zeroed raster of the size that the facts state, or leave nothing behind. What has more than
 * 8 bits a channel is rounded to 8 unless `deep`. */
enum ps_status ps_decode_png(struct ps_raster *raster, const struct ps_image_facts *facts,
                             const struct ps_file *file, bool deep, struct ps_error *error);
enum ps_status ps_decode_av(struct ps_raster *raster, const struct ps_image_facts *facts,
                            const struct ps_file *file, bool deep, struct ps_error *error);

#endif
