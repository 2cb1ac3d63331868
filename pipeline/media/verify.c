#include "media/mp4.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/quiet.h"

struct source {
    int fd;
    int64_t at, size;
};

struct player {
    struct source source;
    AVFormatContext *demuxer;
    AVIOContext *io;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    uint32_t frames; /* decoded and of the right size */
};

static int source_read(void *opaque, uint8_t *to, int size)
{
    struct source *source = opaque;
    ssize_t got;
    do
        got = pread(source->fd, to, (size_t)size, source->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return AVERROR(errno);
    source->at += got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t source_seek(void *opaque, int64_t offset, int whence)
{
    struct source *source = opaque;
    if (whence == AVSEEK_SIZE)
        return source->size;
    if (whence == SEEK_CUR)
        offset += source->at;
    else if (whence == SEEK_END)
        offset += source->size;
    if (offset < 0)
        return AVERROR(EINVAL);
    source->at = offset;
    return offset;
}

static int open_demuxer(struct player *player)
{
    enum { BUFFER = 1 << 16 };
    struct stat info;
    if (fstat(player->source.fd, &info))
        return AVERROR(errno);
    player->source.size = info.st_size;
    uint8_t *buffer = av_malloc(BUFFER);
    player->io = buffer
                     ? avio_alloc_context(buffer, BUFFER, 0, &player->source, source_read, NULL, source_seek)
                     : NULL;
    if (!player->io) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    player->demuxer = avformat_alloc_context();
    if (!player->demuxer)
        return AVERROR(ENOMEM);
    player->demuxer->pb = player->io;
    player->demuxer->flags |= AVFMT_FLAG_NOPARSE; /* packets are whole frames as they are */
    return avformat_open_input(&player->demuxer, NULL, av_find_input_format("mp4"), NULL);
}

static int open_decoder(struct player *player)
{
    if (player->demuxer->nb_streams != 1)
        return AVERROR_INVALIDDATA;
    const AVCodecParameters *parameters = player->demuxer->streams[0]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    player->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    player->packet = av_packet_alloc();
    player->frame = av_frame_alloc();
    if (!player->codec || !player->packet || !player->frame)
        return codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND;
    player->codec->thread_count = 1;
    player->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    player->codec->log_level_offset = PS_QUIET_OFFSET;
    const int code = avcodec_parameters_to_context(player->codec, parameters);
    return code < 0 ? code : avcodec_open2(player->codec, codec, NULL);
}

static int decode_packet(struct player *player, const AVPacket *packet, const struct ps_clip *clip)
{
    int code = avcodec_send_packet(player->codec, packet);
    while (code >= 0) {
        code = avcodec_receive_frame(player->codec, player->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code < 0)
            return code;
        player->frames +=
            (uint32_t)player->frame->width == clip->width && (uint32_t)player->frame->height == clip->height;
        av_frame_unref(player->frame);
    }
    return code;
}

static int decode_all(struct player *player, const struct ps_clip *clip)
{
    int code = 0;
    while (code >= 0) {
        code = av_read_frame(player->demuxer, player->packet);
        if (code == AVERROR_EOF)
            return decode_packet(player, NULL, clip);
        if (code >= 0)
            code = decode_packet(player, player->packet, clip);
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
    if (player->io)
        av_freep(&player->io->buffer);
    avio_context_free(&player->io);
}

enum ps_status ps_mp4_verify(int fd, const struct ps_clip *clip, struct ps_error *error)
{
    struct player player = {.source = {.fd = fd}};
    enum ps_status status = PS_OK;
    int code = open_demuxer(&player);
    if (code >= 0)
        code = open_decoder(&player);
    if (code >= 0)
        code = decode_all(&player, clip);
    if (code == AVERROR(ENOMEM)) {
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read the clip back");
    } else if (code < 0) {
        char text[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(code, text, sizeof text);
        status = ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "the clip cannot be read back: %s", text);
    } else if (player.frames != clip->frames ||
               av_cmp_q(player.demuxer->streams[0]->avg_frame_rate, (AVRational){(int)clip->fps, 1})) {
        status = ps_fail(error, PS_ERR_OUTPUT, "output.unreadable",
                         "the clip read back has %u frames; expected %u, at %u frames a second",
                         player.frames, clip->frames, clip->fps);
    }
    close_player(&player);
    return status;
}
