#include "finish/hardware.h"

#include <libavutil/hwcontext.h>
#include <stdbool.h>

static bool takes(const AVCodec *encoder, enum AVPixelFormat format)
{
    for (const enum AVPixelFormat *at = encoder->pix_fmts; at && *at != AV_PIX_FMT_NONE; at++)
        if (*at == format)
            return true;
    return !encoder->pix_fmts;
}

/* VA-API's encoders read NV12 in the GPU's memory alone. */
static int open_vaapi(AVCodecContext *codec)
{
    enum { POOL = 20 };
    AVBufferRef *device = NULL;
    int code = av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_VAAPI, NULL, NULL, 0);
    AVBufferRef *pool = code < 0 ? NULL : av_hwframe_ctx_alloc(device);
    av_buffer_unref(&device);
    if (!pool)
        return code < 0 ? code : AVERROR(ENOMEM);
    AVHWFramesContext *frames = (AVHWFramesContext *)(void *)pool->data;
    frames->format = AV_PIX_FMT_VAAPI;
    frames->sw_format = AV_PIX_FMT_NV12;
    frames->width = codec->width;
    frames->height = codec->height;
    frames->initial_pool_size = POOL;
    code = av_hwframe_ctx_init(pool);
    if (code < 0) {
        av_buffer_unref(&pool);
        return code;
    }
    codec->hw_frames_ctx = pool;
    codec->pix_fmt = AV_PIX_FMT_VAAPI;
    return 0;
}

int ps_hardware_open(AVCodecContext *codec, enum AVPixelFormat format)
{
    codec->pix_fmt = format;
    if (takes(codec->codec, format))
        return 0;
    if (takes(codec->codec, AV_PIX_FMT_NV12)) {
        codec->pix_fmt = AV_PIX_FMT_NV12;
        return 0;
    }
    return takes(codec->codec, AV_PIX_FMT_VAAPI) ? open_vaapi(codec) : AVERROR(EINVAL);
}

enum AVPixelFormat ps_hardware_input(const AVCodecContext *codec)
{
    return codec->hw_frames_ctx ? AV_PIX_FMT_NV12 : codec->pix_fmt;
}

AVFrame *ps_hardware_upload(const AVCodecContext *codec, const AVFrame *frame)
{
    AVFrame *there = av_frame_alloc();
    if (there && av_hwframe_get_buffer(codec->hw_frames_ctx, there, 0) >= 0 &&
        av_hwframe_transfer_data(there, frame, 0) >= 0 && av_frame_copy_props(there, frame) >= 0)
        return there;
    av_frame_free(&there);
    return NULL;
}
