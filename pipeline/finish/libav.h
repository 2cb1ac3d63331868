/* What every file of this room that calls libav needs. */
#ifndef PS_FINISH_LIBAV_H
#define PS_FINISH_LIBAV_H

#include <libavformat/avio.h>

#include "base/output.h"

/* The error of libav call `code` while `doing`: PS_ERR_MEMORY or PS_ERR_OUTPUT. Where `error` holds one already,
 * that came first and stays. */
enum ps_status ps_fail_av(struct ps_error *error, int code, const char *doing);

/* libavformat's view of an output that is written. */
struct ps_sink {
    struct ps_output *output;
    uint64_t at, end; /* bytes */
    struct ps_error *error;
};

/* libavformat's view of a file that is read. */
struct ps_source_file {
    int fd;
    int64_t at, size;
};

/* Null without memory. The struct must outlive the context, which ps_io_free frees. */
AVIOContext *ps_io_write(struct ps_sink *sink);
AVIOContext *ps_io_read(struct ps_source_file *file);
void ps_io_free(AVIOContext **io);

#endif
