#include "finish/encoder.h"

#include <libavutil/opt.h>
#include <string.h>

#include "finish/hardware.h"
#include "finish/libav.h"
#include "media/quiet.h"
#include "media/yuv.h"

/* An option of an encoder's own. %u stands for the crf. `single` is for reproducible files alone. */
struct setting {
    const char *encoder, *option, *value;
    bool single;
};

static const struct setting settings[] = {
    {"libx264", "crf", "%u", false},
    {"libopenh264", "rc_mode", "quality", false},
    {"h264_nvenc", "rc", "constqp", false},
    {"h264_nvenc", "qp", "%u", false},
    {"hevc_nvenc", "rc", "constqp", false},
    {"hevc_nvenc", "qp", "%u", false},
    {"av1_nvenc", "rc", "constqp", false},
    {"av1_nvenc", "qp", "%u", false},
    {"h264_vaapi", "qp", "%u", false},
    {"hevc_vaapi", "qp", "%u", false},
    {"libx265", "crf", "%u", false},
    /* Without B-frames presentation order is coding order, see open_codec; it says what it does on standard error
     * and in the file unless it is told not to. */
    {"libx265", "x265-params", "log-level=none:info=0:bframes=0", false},
    {"libx265", "x265-params", "log-level=none:info=0:bframes=0:pools=none:frame-threads=1:wpp=0", true},
    {"libsvtav1", "crf", "%u", false},
    {"libsvtav1", "preset", "7", false},
    {"libsvtav1", "svtav1-params", "lp=1", true},
    {"libvpx-vp9", "crf", "%u", false},
    {"libvpx-vp9", "deadline", "good", false},
    {"libvpx-vp9", "cpu-used", "2", false},
    {"libvpx-vp9", "row-mt", "1", false},
    {"libwebp_anim", "compression_level", "4", false},
    /* Apple's own mark, which some players ask for. */
    {"prores_ks", "vendor", "apl0", false},
};

static int apply_settings(AVCodecContext *codec, const struct ps_target *target)
{
    int code = 0;
    for (size_t i = 0; code >= 0 && i < sizeof settings / sizeof *settings; i++) {
        const struct setting *setting = &settings[i];
        char value[16];
        if (strcmp(setting->encoder, codec->codec->name) || (setting->single && !target->reproducible))
            continue;
        snprintf(value, sizeof value, "%u", target->crf);
        code = av_opt_set(codec, setting->option, strcmp(setting->value, "%u") ? setting->value : value,
                          AV_OPT_SEARCH_CHILDREN);
    }
    return code;
}

/* What the codecs call constant quality outside their own options. */
static int set_quality(AVCodecContext *codec, const struct ps_target *target)
{
    switch (target->codec) {
    case PS_CODEC_PRORES_422HQ:
        return av_opt_set(codec->priv_data, "profile", "hq", 0);
    case PS_CODEC_PRORES_4444:
        return av_opt_set(codec->priv_data, "profile", "4444", 0);
    case PS_CODEC_WEBP:
        return av_opt_set_double(codec->priv_data, "quality", 100 - (double)target->crf, 0);
    default:
        break;
    }
    if (codec->codec_id == AV_CODEC_ID_MJPEG) {
        codec->flags |= AV_CODEC_FLAG_QSCALE;
        codec->global_quality = FF_QP2LAMBDA; /* the finest quantiser */
        codec->qmin = 1;
    }
    if (!strcmp(codec->codec->name, "libopenh264"))
        codec->qmin = codec->qmax = (int)target->crf;
    if (strstr(codec->codec->name, "_qsv"))
        codec->global_quality = (int)target->crf;
    return 0;
}

/* The colour tags: of video BT.709 in limited range, of pictures sRGB, and what JPEG says of it in Y'CbCr. */
static void set_colour(AVCodecContext *codec, enum AVPixelFormat format)
{
    const bool jfif = format == AV_PIX_FMT_YUV444P;
    const bool rgb = format == AV_PIX_FMT_RGB24 || format == AV_PIX_FMT_BGRA || format == AV_PIX_FMT_PAL8;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = rgb || jfif ? AVCOL_TRC_IEC61966_2_1 : AVCOL_TRC_BT709;
    codec->colorspace = rgb ? AVCOL_SPC_RGB : jfif ? AVCOL_SPC_BT470BG : AVCOL_SPC_BT709;
    codec->color_range = rgb || jfif ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    codec->chroma_sample_location = rgb || jfif ? AVCHROMA_LOC_UNSPECIFIED : AVCHROMA_LOC_LEFT;
}

static int open_codec(AVCodecContext *codec, const struct ps_target *target,
                      const struct ps_finish_plan *plan)
{
    codec->width = (int)plan->width;
    codec->height = (int)plan->height;
    codec->time_base = (AVRational){(int)plan->rate.den, (int)plan->rate.num};
    codec->framerate = (AVRational){(int)plan->rate.num, (int)plan->rate.den};
    codec->sample_aspect_ratio = (AVRational){1, 1};
    set_colour(codec, target->traits->format);
    /* Without B-frames presentation order is coding order: no edit list, and no player that drops the first
     * frames. */
    codec->max_b_frames = 0;
    codec->thread_count = target->reproducible ? 1 : 0;
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
    if (target->container <= PS_CONTAINER_WEBM)
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    codec->log_level_offset = PS_QUIET_OFFSET;
    int code = ps_hardware_open(codec, target->traits->format);
    if (code >= 0)
        code = set_quality(codec, target);
    if (code >= 0)
        code = apply_settings(codec, target);
    return code < 0 ? code : avcodec_open2(codec, target->encoder, NULL);
}

enum ps_status ps_encoder_open(AVCodecContext **codec, const struct ps_target *target,
                               const struct ps_finish_plan *plan, struct ps_error *error)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    AVCodecContext *made = avcodec_alloc_context3(target->encoder);
    *codec = NULL;
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for an encoder");
    const int code = open_codec(made, target, plan);
    if (code >= 0) {
        *codec = made;
        return PS_OK;
    }
    avcodec_free_context(&made);
    if (code == AVERROR(ENOMEM))
        return ps_fail_av(error, code, "opening the encoder");
    av_strerror(code, text, sizeof text);
    ps_fail(error, PS_ERR_DEVICE, "encoder.failed", "the encoder %s does not start for %u x %u pixels: %s",
            target->encoder->name, plan->width, plan->height, text);
    ps_hint(error, "leave the encoder to packshot, or choose another codec or size");
    return PS_ERR_DEVICE;
}

AVFrame *ps_encoder_frame(const AVCodecContext *codec)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return NULL;
    frame->format = ps_hardware_input(codec);
    frame->width = codec->width;
    frame->height = codec->height;
    frame->color_primaries = codec->color_primaries;
    frame->color_trc = codec->color_trc;
    frame->colorspace = codec->colorspace;
    frame->color_range = codec->color_range;
    frame->chroma_location = codec->chroma_sample_location;
    frame->sample_aspect_ratio = codec->sample_aspect_ratio;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

static void fill_bgra(const AVFrame *frame, const struct ps_view *rgb)
{
    for (uint32_t y = 0; y < rgb->height; y++) {
        uint8_t *to = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        const uint8_t *from = rgb->rgb + y * rgb->stride;
        for (uint32_t x = 0; x < rgb->width; x++, to += 4, from += 3) {
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
            to[3] = 255;
        }
    }
}

/* NV12 is 4:2:0 with both chroma planes interleaved in one. */
static int fill_nv12(const AVFrame *frame, const struct ps_view *rgb)
{
    const uint32_t across = rgb->width / 2, down = rgb->height / 2;
    uint8_t *chroma = av_malloc((size_t)across * down * 2);
    if (!chroma)
        return AVERROR(ENOMEM);
    const struct ps_planes planes = {{frame->data[0], chroma, chroma + (size_t)across * down},
                                     {frame->linesize[0], (int)across, (int)across},
                                     1,
                                     1,
                                     8,
                                     false};
    ps_yuv_from_rgb(&planes, rgb->rgb, rgb->stride, rgb->width, rgb->height);
    for (uint32_t y = 0; y < down; y++) {
        uint8_t *to = frame->data[1] + (ptrdiff_t)y * frame->linesize[1];
        const uint8_t *cb = planes.planes[1] + (size_t)y * across,
                      *cr = planes.planes[2] + (size_t)y * across;
        for (uint32_t x = 0; x < across; x++) {
            to[2 * x] = cb[x];
            to[2 * x + 1] = cr[x];
        }
    }
    av_free(chroma);
    return 0;
}

int ps_encoder_fill(AVFrame *frame, const struct ps_view *rgb)
{
    /* The encoder may still hold what the frame was filled with before. */
    const int code = av_frame_make_writable(frame);
    if (code < 0)
        return code;
    const bool jfif = frame->format == AV_PIX_FMT_YUV444P;
    const struct ps_planes planes = {{frame->data[0], frame->data[1], frame->data[2]},
                                     {frame->linesize[0], frame->linesize[1], frame->linesize[2]},
                                     frame->format == AV_PIX_FMT_YUV420P ||
                                         frame->format == AV_PIX_FMT_YUV422P10,
                                     frame->format == AV_PIX_FMT_YUV420P,
                                     frame->format == AV_PIX_FMT_YUV420P || jfif ? 8 : 10,
                                     jfif};
    switch (frame->format) {
    case AV_PIX_FMT_RGB24:
        ps_view_copy(frame->data[0], (size_t)frame->linesize[0], rgb);
        return 0;
    case AV_PIX_FMT_BGRA:
        fill_bgra(frame, rgb);
        return 0;
    case AV_PIX_FMT_NV12:
        return fill_nv12(frame, rgb);
    default:
        ps_yuv_from_rgb(&planes, rgb->rgb, rgb->stride, rgb->width, rgb->height);
        return 0;
    }
}

int ps_encoder_send(AVCodecContext *codec, AVFrame *frame)
{
    if (!frame || !codec->hw_frames_ctx)
        return avcodec_send_frame(codec, frame);
    AVFrame *uploaded = ps_hardware_upload(codec, frame);
    if (!uploaded)
        return AVERROR_EXTERNAL;
    const int code = avcodec_send_frame(codec, uploaded);
    av_frame_free(&uploaded);
    return code;
}
