/* Every frame of a clip that may come from anybody, decoded in a process that can only compute. */
#ifndef PS_VERIFY_DECODE_H
#define PS_VERIFY_DECODE_H

#include "base/error.h"

struct ps_decoded {
    char container[16], codec[32]; /* libav's names */
    uint32_t width, height, frames;
    double seconds; /* from the first frame's time to the last one's end */
};

/* MP4, MOV, WebM, GIF and animated WebP, of which the frames are the pictures that it stores. `name` is for messages. Status:
 * PS_ERR_INPUT "clip.damaged" where a frame does not decode or sizes change, "clip.unknown-type" for other files;
 * PS_ERR_MEMORY. */
enum ps_status ps_decode_clip(struct ps_decoded *decoded, int fd, const char *name, struct ps_error *error);

/* One PNG file, as a clip of one frame. Status: as ps_decode_clip. */
enum ps_status ps_decode_picture(struct ps_decoded *decoded, int fd, const char *name,
                                 struct ps_error *error);

#endif
