#include <errno.h>
#include <libavformat/avformat.h>
#include <sys/stat.h>

#include "finish/libav.h"
#include "finish/video.h"
#include "finish/webp.h"
#include "media/quiet.h"

/* A file while it is read back. */
struct player {
    const struct ps_save *save;
    struct ps_source_file file;
    AVFormatContext *demuxer;
    AVIOContext *io;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    uint32_t frames; /* decoded */
    struct ps_error *error;
};

static int open_demuxer(struct player *player)
{
    struct stat info;
    if (fstat(player->file.fd, &info))
        return AVERROR(errno);
    player->file.size = info.st_size;
    player->io = ps_io_read(&player->file);
    player->demuxer = player->io ? avformat_alloc_context() : NULL;
    if (!player->demuxer)
        return AVERROR(ENOMEM);
    player->demuxer->pb = player->io;
    player->demuxer->flags |= AVFMT_FLAG_NOPARSE; /* packets are whole frames as they are */
    return avformat_open_input(&player->demuxer, NULL,
                               av_find_input_format(ps_container_name(player->save->target.container)), NULL);
}

static int open_decoder(struct player *player)
{
    if (player->demuxer->nb_streams != 1)
        return AVERROR_INVALIDDATA;
    const AVCodecParameters *parameters = player->demuxer->streams[0]->codecpar;
    if (parameters->codec_id != player->save->target.traits->id)
        return AVERROR_INVALIDDATA;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    player->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    player->packet = av_packet_alloc();
    player->frame = av_frame_alloc();
    if (!player->codec || !player->packet || !player->frame)
        return codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND;
    player->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    player->codec->log_level_offset = PS_QUIET_OFFSET;
    player->codec->pkt_timebase = player->demuxer->streams[0]->time_base;
    const int code = avcodec_parameters_to_context(player->codec, parameters);
    return code < 0 ? code : avcodec_open2(player->codec, codec, NULL);
}

/* One frame that came out: its size, and its time to the container's tick. */
static enum ps_status check_frame(struct player *player)
{
    const struct ps_finish_plan *plan = &player->save->plan;
    const AVRational tick = player->demuxer->streams[0]->time_base;
    const AVRational frame = {(int)plan->rate.den, (int)plan->rate.num};
    const uint32_t at = player->frames++;
    if ((uint32_t)player->frame->width != plan->width || (uint32_t)player->frame->height != plan->height)
        return ps_fail(player->error, PS_ERR_OUTPUT, "output.unreadable",
                       "frame %u reads back as %d x %d pixels; expected %u x %u", at, player->frame->width,
                       player->frame->height, plan->width, plan->height);
    if (player->frame->best_effort_timestamp != av_rescale_q(at, frame, tick))
        return ps_fail(player->error, PS_ERR_OUTPUT, "output.unreadable",
                       "frame %u reads back at %.4f s; expected %.4f s", at,
                       (double)player->frame->best_effort_timestamp * av_q2d(tick), at * av_q2d(frame));
    return ps_meter_frame(&player->save->meter, PS_PASS_VERIFY, at + 1, player->error);
}

static int decode_packet(struct player *player, const AVPacket *packet)
{
    int code = avcodec_send_packet(player->codec, packet);
    while (code >= 0) {
        code = avcodec_receive_frame(player->codec, player->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code >= 0 && check_frame(player))
            code = AVERROR_EXIT;
        av_frame_unref(player->frame);
    }
    return code;
}

static int decode_all(struct player *player)
{
    int code = 0;
    while (code >= 0) {
        code = av_read_frame(player->demuxer, player->packet);
        if (code == AVERROR_EOF)
            return decode_packet(player, NULL);
        if (code >= 0)
            code = decode_packet(player, player->packet);
        av_packet_unref(player->packet);
    }
    return code;
}

static void close_player(struct player *player)
{
    av_frame_free(&player->frame);
    av_packet_free(&player->packet);
    avcodec_free_context(&player->codec);
    avformat_close_input(&player->demuxer);
    ps_io_free(&player->io);
}

/* The rate that a player will take the file for; a GIF and a WebP have none. */
static bool is_rate(const struct player *player)
{
    const struct ps_rate *rate = &player->save->plan.rate;
    const enum ps_container container = player->save->target.container;
    if (container != PS_CONTAINER_MP4 && container != PS_CONTAINER_MOV)
        return true;
    return !av_cmp_q(player->demuxer->streams[0]->avg_frame_rate,
                     (AVRational){(int)rate->num, (int)rate->den});
}

enum ps_status ps_video_verify(int fd, const struct ps_save *save, struct ps_error *error)
{
    struct player player = {.save = save, .file = {.fd = fd}, .error = error};
    if (save->target.container == PS_CONTAINER_WEBP)
        return ps_webp_verify(fd, save, error);
    int code = open_demuxer(&player);
    if (code >= 0)
        code = open_decoder(&player);
    if (code >= 0)
        code = decode_all(&player);
    if (code == AVERROR(ENOMEM)) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read the clip back");
    } else if (code < 0) {
        char text[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(code, text, sizeof text);
        ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "the clip cannot be read back: %s", text);
    } else if (player.frames != save->plan.frames || !is_rate(&player)) {
        const AVRational rate = player.demuxer->streams[0]->avg_frame_rate;
        ps_fail(error, PS_ERR_OUTPUT, "output.unreadable",
                "the clip reads back with %u frames at %d/%d a second; expected %u at %u/%u", player.frames,
                rate.num, rate.den, save->plan.frames, save->plan.rate.num, save->plan.rate.den);
    }
    close_player(&player);
    return error->status;
}
