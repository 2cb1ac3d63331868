/* Reading back animated WebP, which libavcodec does not decode as a whole. */
#ifndef PS_FINISH_WEBP_H
#define PS_FINISH_WEBP_H

#include "finish/video.h"

/* As ps_video_verify: walks the file, decodes each of its pictures by itself, and sums up their times. Frames that equal
 * the one before are stored as its longer time. */
enum ps_status ps_webp_verify(int fd, const struct ps_save *save, struct ps_error *error);

#endif
