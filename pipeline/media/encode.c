#include "media/mp4.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <string.h>

#include "media/quiet.h"
#include "media/yuv.h"

/* libavformat's view of the output. */
struct sink {
    struct ps_output *output;
    uint64_t at, end; /* bytes */
    struct ps_error *error;
};

struct encoder {
    struct sink sink;
    AVCodecContext *codec;
    AVFormatContext *muxer;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
};

#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t sink_byte;
#else
typedef uint8_t sink_byte;
#endif

static int sink_write(void *opaque, sink_byte *bytes, int size)
{
    struct sink *sink = opaque;
    if (ps_output_write(sink->output, bytes, (size_t)size, sink->at, sink->error))
        return AVERROR(EIO);
    sink->at += (uint64_t)size;
    if (sink->at > sink->end)
        sink->end = sink->at;
    return size;
}

static int64_t sink_seek(void *opaque, int64_t offset, int whence)
{
    struct sink *sink = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t)sink->end;
    if (whence == SEEK_CUR)
        offset += (int64_t)sink->at;
    else if (whence == SEEK_END)
        offset += (int64_t)sink->end;
    if (offset < 0)
        return AVERROR(EINVAL);
    sink->at = (uint64_t)offset;
    return offset;
}

/* The sink's own failure came first and is what the user must read; this one is for all others. */
static enum ps_status fail_av(struct ps_error *error, int code, const char *doing)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (code == AVERROR(ENOMEM))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory while %s", doing);
    av_strerror(code, text, sizeof text);
    return ps_fail(error, PS_ERR_OUTPUT, "output.encode-failed", "the clip cannot be encoded: %s: %s", doing,
                   text);
}

static const AVCodec *find_encoder(void)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    return codec ? codec : avcodec_find_encoder_by_name("libopenh264");
}

enum ps_status ps_mp4_check_encoder(struct ps_error *error)
{
    if (find_encoder())
        return PS_OK;
    ps_fail(error, PS_ERR_DEVICE, "encoder.missing", "this machine's libavcodec has no H.264 encoder");
    ps_hint(error,
            "install a libavcodec that was built with libx264 (Debian and Ubuntu have it) or libopenh264");
    return PS_ERR_DEVICE;
}

void ps_mp4_libraries(struct ps_library libraries[PS_MP4_LIBRARIES])
{
    const AVCodec *encoder = find_encoder();
    const unsigned versions[] = {avcodec_version(), avformat_version()};
    static const char *const names[] = {"libavcodec", "libavformat"};
    for (size_t i = 0; i < 2; i++) {
        libraries[i].name = names[i];
        snprintf(libraries[i].version, sizeof libraries[i].version, "%u.%u.%u",
                 AV_VERSION_MAJOR(versions[i]), AV_VERSION_MINOR(versions[i]), AV_VERSION_MICRO(versions[i]));
    }
    libraries[2].name = "encoder";
    snprintf(libraries[2].version, sizeof libraries[2].version, "%s", encoder ? encoder->name : "none");
}

/* Constant quality, whatever the encoder calls it. */
static int set_quality(AVCodecContext *codec, uint32_t crf)
{
    if (!strcmp(codec->codec->name, "libx264"))
        return av_opt_set_int(codec->priv_data, "crf", crf, 0);
    codec->qmin = codec->qmax = (int)crf;
    return av_opt_set(codec->priv_data, "rc_mode", "quality", 0);
}

static int open_codec(struct encoder *encoder, const struct ps_clip *clip, uint32_t crf)
{
    const AVCodec *found = find_encoder();
    AVCodecContext *codec = encoder->codec = avcodec_alloc_context3(found);
    if (!codec)
        return AVERROR(ENOMEM);
    codec->width = (int)clip->width;
    codec->height = (int)clip->height;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->time_base = (AVRational){1, (int)clip->fps};
    codec->framerate = (AVRational){(int)clip->fps, 1};
    codec->sample_aspect_ratio = (AVRational){1, 1};
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
    /* Without B-frames presentation order is coding order: no edit list, and no player that drops the first
     * frames. */
    codec->max_b_frames = 0;
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    codec->log_level_offset = PS_QUIET_OFFSET;
    const int code = set_quality(codec, crf);
    return code < 0 ? code : avcodec_open2(codec, found, NULL);
}

static int open_muxer(struct encoder *encoder)
{
    enum { BUFFER = 1 << 16 };
    int code = avformat_alloc_output_context2(&encoder->muxer, NULL, "mp4", NULL);
    if (code < 0)
        return code;
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *io =
        buffer ? avio_alloc_context(buffer, BUFFER, 1, &encoder->sink, NULL, sink_write, sink_seek) : NULL;
    if (!io) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    encoder->muxer->pb = io;
    encoder->muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    encoder->stream = avformat_new_stream(encoder->muxer, NULL);
    if (!encoder->stream)
        return AVERROR(ENOMEM);
    encoder->stream->time_base = encoder->codec->time_base;
    encoder->stream->avg_frame_rate = encoder->codec->framerate;
    encoder->stream->r_frame_rate = encoder->codec->framerate;
    return avcodec_parameters_from_context(encoder->stream->codecpar, encoder->codec);
}

/* Space for the index is set aside at the front, which costs a little padding and saves the muxer's second
 * pass over the file, and the line that it prints about it: about 1 KB of headers, and for each frame at most
 * 4 bytes of size, 8 of duration, 8 of offset, 12 of chunk and 4 of key frame. */
static int write_header(struct encoder *encoder, const struct ps_clip *clip)
{
    enum { FIXED = 2048, PER_FRAME = 36 };
    AVDictionary *options = NULL;
    int code = av_dict_set_int(&options, "moov_size", FIXED + (int64_t)clip->frames * PER_FRAME, 0);
    if (code >= 0)
        code = avformat_write_header(encoder->muxer, &options);
    av_dict_free(&options);
    return code;
}

static int open_frame(struct encoder *encoder)
{
    encoder->packet = av_packet_alloc();
    AVFrame *frame = encoder->frame = av_frame_alloc();
    if (!encoder->packet || !frame)
        return AVERROR(ENOMEM);
    frame->format = encoder->codec->pix_fmt;
    frame->width = encoder->codec->width;
    frame->height = encoder->codec->height;
    frame->color_primaries = encoder->codec->color_primaries;
    frame->color_trc = encoder->codec->color_trc;
    frame->colorspace = encoder->codec->colorspace;
    frame->color_range = encoder->codec->color_range;
    frame->chroma_location = encoder->codec->chroma_sample_location;
    return av_frame_get_buffer(frame, 0);
}

/* Sends a frame (null: the end) and muxes the packets that come out. */
static int encode_frame(struct encoder *encoder, const AVFrame *frame)
{
    int code = avcodec_send_frame(encoder->codec, frame);
    while (code >= 0) {
        code = avcodec_receive_packet(encoder->codec, encoder->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code < 0)
            return code;
        encoder->packet->duration = 1;
        encoder->packet->stream_index = encoder->stream->index;
        av_packet_rescale_ts(encoder->packet, encoder->codec->time_base, encoder->stream->time_base);
        code = av_interleaved_write_frame(encoder->muxer, encoder->packet);
    }
    return code;
}

static int encode_frames(struct encoder *encoder, const struct ps_clip *clip)
{
    int code = 0;
    for (uint32_t i = 0; code >= 0 && i < clip->frames; i++) {
        /* The encoder may still hold the last one. */
        code = av_frame_make_writable(encoder->frame);
        if (code < 0)
            break;
        ps_yuv709_from_rgb(encoder->frame->data, encoder->frame->linesize, ps_clip_frame(clip, i),
                           clip->width, clip->height);
        encoder->frame->pts = i;
        code = encode_frame(encoder, encoder->frame);
    }
    return code < 0 ? code : encode_frame(encoder, NULL);
}

/* The trailer's own result does not tell of bytes that were still in the buffer. */
static int write_trailer(struct encoder *encoder)
{
    const int code = av_write_trailer(encoder->muxer);
    avio_flush(encoder->muxer->pb);
    return code < 0 ? code : encoder->muxer->pb->error;
}

static void close_encoder(struct encoder *encoder)
{
    av_frame_free(&encoder->frame);
    av_packet_free(&encoder->packet);
    avcodec_free_context(&encoder->codec);
    if (encoder->muxer && encoder->muxer->pb) {
        av_freep(&encoder->muxer->pb->buffer);
        avio_context_free(&encoder->muxer->pb);
    }
    avformat_free_context(encoder->muxer);
}

enum ps_status ps_mp4_write(struct ps_output *output, const struct ps_clip *clip, uint32_t crf,
                            struct ps_error *error)
{
    struct encoder encoder = {.sink = {.output = output, .error = error}};
    const char *doing = "opening the encoder";
    int code = open_codec(&encoder, clip, crf);
    if (code >= 0) {
        doing = "opening the muxer";
        code = open_muxer(&encoder);
    }
    if (code >= 0)
        code = open_frame(&encoder);
    if (code >= 0) {
        doing = "writing the header";
        code = write_header(&encoder, clip);
    }
    if (code >= 0) {
        doing = "encoding a frame";
        code = encode_frames(&encoder, clip);
    }
    if (code >= 0) {
        doing = "writing the index";
        code = write_trailer(&encoder);
    }
    close_encoder(&encoder);
    return code < 0 ? fail_av(error, code, doing) : PS_OK;
}
