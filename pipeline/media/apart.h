/* Ingest in a child process that can only compute. */
#ifndef PS_MEDIA_APART_H
#define PS_MEDIA_APART_H

#include "media/ingest.h"
#include "sandbox/sandbox.h"

/* What the child leaves at the beginning of the shared bytes; pixels follow at PS_ANSWER_SIZE. */
struct ps_answer {
    struct ps_error error;
    struct ps_notes notes;
    uint32_t width, height, channels;
};

enum { PS_ANSWER_SIZE = 16384 };

/* ps_ingest in a child. `strict` is that of ps_sandbox_job. A child that dies is PS_ERR_INPUT "image.crashed-decoder". */
enum ps_status ps_ingest_apart(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                               const struct ps_ingest_params *params, bool strict, struct ps_error *error);

/* What the parent believes of an answer: the sizes that it checks, text that it makes printable, and pixels, of which any
 * value is as good as another. Fills a zeroed raster, or fails as the child did, or with "image.crashed-decoder". */
enum ps_status ps_answer_collect(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                                 const struct ps_sandbox_end *end, struct ps_error *error);

#endif
