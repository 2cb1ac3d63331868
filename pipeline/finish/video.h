/* Files with one video stream: every container but the folder. */
#ifndef PS_FINISH_VIDEO_H
#define PS_FINISH_VIDEO_H

#include "base/output.h"
#include "finish/codec.h"
#include "finish/finish.h"
#include "finish/meter.h"

/* What a save works on; all of it outlives the calls below. */
struct ps_save {
    const struct ps_clip *clip;
    struct ps_finish_plan plan;
    struct ps_target target;
    struct ps_meter meter;
    /* The label that the writer of the file puts in, or null: into WebM, and into each PNG or JPEG file. */
    char *packet;
    size_t packet_size; /* without the end */
};

/* Finishes, encodes and muxes the clip into the output: with one version of libav and its encoders equal clips give
 * equal bytes on machines with as many processors, with target.reproducible on all. Status: those of
 * ps_finish_open, PS_ERR_DEVICE, PS_ERR_OUTPUT, PS_ERR_CANCELLED. */
enum ps_status ps_video_write(struct ps_output *output, const struct ps_save *save, struct ps_error *error);

/* Decodes every frame of the file and fails unless codec, size, number of frames and the time of each are what was
 * meant. Status: PS_ERR_OUTPUT, PS_ERR_MEMORY, PS_ERR_CANCELLED. */
enum ps_status ps_video_verify(int fd, const struct ps_save *save, struct ps_error *error);

#endif
