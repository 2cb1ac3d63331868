/* An encoder set up for one result, and frames in the form that it takes. */
#ifndef PS_FINISH_ENCODER_H
#define PS_FINISH_ENCODER_H

#include "finish/codec.h"
#include "media/photo.h"

/* Opens target->encoder for the plan's size and rate. Status: PS_ERR_DEVICE where it is there but does not start,
 * as encoders of a GPU that is not here do; PS_ERR_MEMORY. */
enum ps_status ps_encoder_open(AVCodecContext **codec, const struct ps_target *target,
                               const struct ps_finish_plan *plan, struct ps_error *error);

/* A frame of the encoder's size, format and colour tags, with memory where the processor fills it. Null without
 * memory. */
AVFrame *ps_encoder_frame(const AVCodecContext *codec);

/* Fills a frame of ps_encoder_frame from RGB of its size. Returns a code of libav. */
int ps_encoder_fill(AVFrame *frame, const struct ps_view *rgb);

/* Sends a filled frame (null: the end). Returns a code of libav. */
int ps_encoder_send(AVCodecContext *codec, AVFrame *frame);

#endif
