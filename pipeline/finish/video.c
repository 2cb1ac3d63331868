#include "finish/video.h"

#include <libavformat/avformat.h>

#include "finish/encoder.h"
#include "finish/libav.h"
#include "finish/palette.h"
#include "provenance/label.h"

/* A file while it is written. */
struct video {
    const struct ps_save *save;
    struct ps_sink sink;
    struct ps_finish finish;
    struct ps_dither dither; /* for a GIF */
    AVCodecContext *codec;
    AVFormatContext *muxer;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    bool begun; /* the header is written and the trailer is not */
};

static struct ps_inlet inlet_of(const struct ps_save *save)
{
    return (struct ps_inlet){AV_PIX_FMT_RGB24, save->plan.width, save->plan.height, save->plan.rate};
}

static unsigned threads_of(const struct ps_save *save)
{
    return save->target.reproducible ? 1 : 0;
}

/* The first pass of a GIF. */
static enum ps_status make_palette(AVFrame **made, const struct ps_save *save, struct ps_error *error)
{
    struct ps_finish finish;
    struct ps_palette palette;
    struct ps_view view;
    const struct ps_inlet inlet = inlet_of(save);
    ps_palette_open(&palette, &inlet);
    enum ps_status status = ps_graph_status(&palette.graph, error);
    if (!status)
        status = ps_finish_open(&finish, save->clip, &save->plan, threads_of(save), error);
    else
        finish = (struct ps_finish){0};
    for (uint32_t i = 0; !status && i < save->plan.frames; i++) {
        status = ps_finish_frame(&finish, i, &view, error);
        if (!status)
            ps_palette_add(&palette, &view);
        if (!status)
            status = ps_graph_status(&palette.graph, error);
        if (!status)
            status = ps_meter_frame(&save->meter, PS_PASS_PALETTE, i + 1, error);
    }
    *made = status ? NULL : ps_palette_take(&palette);
    if (!status && !*made && !ps_graph_status(&palette.graph, error))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a palette");
    ps_finish_close(&finish);
    ps_palette_close(&palette);
    return error->status;
}

static enum ps_status open_dither(struct video *video, struct ps_error *error)
{
    const struct ps_inlet inlet = inlet_of(video->save);
    AVFrame *palette = NULL;
    if (video->save->target.codec != PS_CODEC_GIF)
        return PS_OK;
    if (make_palette(&palette, video->save, error))
        return error->status;
    ps_dither_open(&video->dither, &inlet, &palette);
    return ps_graph_status(&video->dither.graph, error);
}

/* Apple's players want this mark rather than hev1. */
static void set_mark(AVStream *stream)
{
    if (stream->codecpar->codec_id == AV_CODEC_ID_HEVC)
        stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
}

static int open_muxer(struct video *video)
{
    const struct ps_target *target = &video->save->target;
    int code =
        avformat_alloc_output_context2(&video->muxer, NULL, ps_container_name(target->container), NULL);
    if (code < 0)
        return code;
    video->muxer->pb = ps_io_write(&video->sink);
    video->stream = avformat_new_stream(video->muxer, NULL);
    if (!video->muxer->pb || !video->stream)
        return AVERROR(ENOMEM);
    video->muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    video->stream->time_base = video->codec->time_base;
    video->stream->avg_frame_rate = video->codec->framerate;
    video->stream->r_frame_rate = video->codec->framerate;
    code = avcodec_parameters_from_context(video->stream->codecpar, video->codec);
    set_mark(video->stream);
    return code;
}

/* Space for the index is set aside at the front, which costs a little padding and saves the muxer's second pass
 * over the file, and the line that it prints about it. MP4: about 1 KB of headers, what the codec puts there, and
 * for each frame at most 4 bytes of size, 8 of duration, 8 of offset, 12 of chunk and 4 of key frame. WebM: at most
 * 24 bytes for each frame that is a key frame. */
static int write_header(struct video *video)
{
    enum { MP4_FIXED = 2048, MP4_FRAME = 36, WEBM_FIXED = 256, WEBM_FRAME = 24 };
    const int64_t frames = video->save->plan.frames;
    AVDictionary *options = NULL;
    int code = 0;
    switch (video->save->target.container) {
    case PS_CONTAINER_MP4:
    case PS_CONTAINER_MOV:
        code = av_dict_set_int(&options, "moov_size",
                               MP4_FIXED + video->codec->extradata_size + frames * MP4_FRAME, 0);
        break;
    case PS_CONTAINER_WEBM:
        code = av_dict_set_int(&options, "reserve_index_space", WEBM_FIXED + frames * WEBM_FRAME, 0);
        if (code >= 0 && video->save->packet)
            code = av_dict_set(&video->muxer->metadata, PS_LABEL_WEBM_TAG, video->save->packet, 0);
        break;
    case PS_CONTAINER_WEBP:
        code = av_dict_set(&options, "loop", "0", 0);
        break;
    default: /* a GIF repeats for ever by itself */
        break;
    }
    if (code >= 0)
        code = avformat_write_header(video->muxer, &options);
    video->begun = code >= 0;
    av_dict_free(&options);
    return code;
}

/* Muxes the packets that come out. */
static int write_packets(struct video *video)
{
    for (;;) {
        int code = avcodec_receive_packet(video->codec, video->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code < 0)
            return code;
        if (!video->packet->duration)
            video->packet->duration = 1;
        video->packet->stream_index = video->stream->index;
        av_packet_rescale_ts(video->packet, video->codec->time_base, video->stream->time_base);
        code = av_interleaved_write_frame(video->muxer, video->packet);
        if (code < 0)
            return code;
    }
}

static enum ps_status encode_frame(struct video *video, uint32_t at, struct ps_error *error)
{
    struct ps_view view;
    if (ps_finish_frame(&video->finish, at, &view, error))
        return error->status;
    int code = 0;
    if (video->save->target.codec == PS_CODEC_GIF) {
        if (!ps_dither_frame(&video->dither, &view, at, video->frame))
            return ps_graph_status(&video->dither.graph, error);
    } else {
        code = ps_encoder_fill(video->frame, &view);
    }
    video->frame->pts = at;
    if (code >= 0)
        code = ps_encoder_send(video->codec, video->frame);
    if (code >= 0)
        code = write_packets(video);
    return code < 0 ? ps_fail_av(error, code, "encoding a frame")
                    : ps_meter_frame(&video->save->meter, PS_PASS_ENCODE, at + 1, error);
}

/* The trailer's own result does not tell of bytes that were still in the buffer. */
static int write_trailer(struct video *video)
{
    int code = ps_encoder_send(video->codec, NULL);
    if (code >= 0)
        code = write_packets(video);
    if (code >= 0) {
        code = av_write_trailer(video->muxer);
        video->begun = false;
    }
    avio_flush(video->muxer->pb);
    return code < 0 ? code : video->muxer->pb->error;
}

static enum ps_status open_video(struct video *video, struct ps_error *error)
{
    const struct ps_save *save = video->save;
    if (ps_encoder_open(&video->codec, &save->target, &save->plan, error) || open_dither(video, error) ||
        ps_finish_open(&video->finish, save->clip, &save->plan, threads_of(save), error))
        return error->status;
    video->packet = av_packet_alloc();
    video->frame = save->target.codec == PS_CODEC_GIF ? av_frame_alloc() : ps_encoder_frame(video->codec);
    if (!video->packet || !video->frame)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame");
    const int code = open_muxer(video);
    return code < 0 ? ps_fail_av(error, code, "opening the muxer") : PS_OK;
}

static void close_video(struct video *video)
{
    /* Of a file that is given up, only for what the muxer frees then: GIF's keeps a packet back. */
    if (video->begun)
        av_write_trailer(video->muxer);
    av_frame_free(&video->frame);
    av_packet_free(&video->packet);
    avcodec_free_context(&video->codec);
    if (video->muxer)
        ps_io_free(&video->muxer->pb);
    avformat_free_context(video->muxer);
    ps_dither_close(&video->dither);
    ps_finish_close(&video->finish);
}

enum ps_status ps_video_write(struct ps_output *output, const struct ps_save *save, struct ps_error *error)
{
    struct video video = {.save = save, .sink = {.output = output, .error = error}};
    enum ps_status status = open_video(&video, error);
    int code = status ? 0 : write_header(&video);
    if (code < 0)
        status = ps_fail_av(error, code, "writing the header");
    for (uint32_t i = 0; !status && i < save->plan.frames; i++)
        status = encode_frame(&video, i, error);
    if (!status) {
        code = write_trailer(&video);
        status = code < 0 ? ps_fail_av(error, code, "writing the index") : PS_OK;
    }
    close_video(&video);
    return status;
}
