/* What encoders that run on a GPU take beyond the others. */
#ifndef PS_FINISH_HARDWARE_H
#define PS_FINISH_HARDWARE_H

#include <libavcodec/avcodec.h>

/* Sets pix_fmt, and for an encoder that reads frames in the GPU's memory the device and a pool of frames. `format` is
 * what a software encoder takes. Returns a code of libav. */
int ps_hardware_open(AVCodecContext *codec, enum AVPixelFormat format);

/* The format that the processor fills frames in. */
enum AVPixelFormat ps_hardware_input(const AVCodecContext *codec);

/* A copy of the frame in the GPU's memory, or null. */
AVFrame *ps_hardware_upload(const AVCodecContext *codec, const AVFrame *frame);

#endif
