/* From the bytes of a file to pixels that stand upright and mean sRGB. */
#ifndef PS_MEDIA_INGEST_H
#define PS_MEDIA_INGEST_H

#include "media/notes.h"
#include "media/raster.h"

struct ps_ingest_params {
    bool assume_cmyk; /* inks without a profile are converted plainly */
};

/* Fills a zeroed raster with 8-bit RGB or RGBA, in this process. Free with ps_raster_free. Status: PS_ERR_INPUT,
 * PS_ERR_MEMORY. */
enum ps_status ps_ingest(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                         const struct ps_ingest_params *params, struct ps_error *error);

#endif
