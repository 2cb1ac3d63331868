/* MP4 files with one H.264 stream. */
#ifndef PS_MEDIA_MP4_H
#define PS_MEDIA_MP4_H

#include "base/output.h"
#include "media/clip.h"
#include "provenance/sidecar.h"

/* Fails with PS_ERR_DEVICE where libavcodec has no H.264 encoder. */
enum ps_status ps_mp4_check_encoder(struct ps_error *error);

/* What libraries write the file, for the sidecar: the encoder's own build is not told by libavcodec. */
#define PS_MP4_LIBRARIES 3
void ps_mp4_libraries(struct ps_library libraries[PS_MP4_LIBRARIES]);

/* Encodes the clip into the output, index before pictures. With one version of the encoder equal clips
 * give equal bytes: a single thread, integer conversion, no dates, no version of the muxer. */
enum ps_status ps_mp4_write(struct ps_output *output, const struct ps_clip *clip, uint32_t crf,
                            struct ps_error *error);

/* Decodes every frame of the file and fails unless it is the clip's size, rate and number of frames. */
enum ps_status ps_mp4_verify(int fd, const struct ps_clip *clip, struct ps_error *error);

#endif
