#include "verify/decode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/printable.h"
#include "media/quiet.h"
#include "media/webp.h"
#include "sandbox/sandbox.h"

/* One core decodes 4K ProRes at some 10 frames a second, and a clip has 1024 frames at most, a few times over. */
enum { MOST_SECONDS = 1800, BUFFER = 1 << 16 };

/* Frames of 8192 x 8192 in 16 bits that a decoder holds for reference. */
#define MOST_MEMORY (UINT64_C(8) << 30)

/* A kind of file that packshot writes, by its first bytes. */
struct kind {
    size_t at;
    const char *magic, *container;
    const char *demuxer;  /* libavformat's, or null where the file is read without it: */
    enum AVCodecID codec; /* of the pictures then */
};

/* What the child says; the caller distrusts it. */
struct verdict {
    struct ps_decoded decoded;
    int code; /* of libav; 0 where every frame was decoded */
};

/* The file as the child sees it: mapped by the caller, who holds the descriptor. */
struct input {
    const uint8_t *bytes;
    int64_t size, at;
    const struct kind *kind;
};

struct player {
    struct input input;
    AVFormatContext *format;
    AVIOContext *io;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct ps_webp webp; /* of an animation */
    struct ps_decoded *decoded;
};

static int input_read(void *opaque, uint8_t *to, int size)
{
    struct input *input = opaque;
    const int64_t left = input->size - input->at;
    const int64_t taken = left < size ? left : size;
    if (taken <= 0)
        return AVERROR_EOF;
    memcpy(to, input->bytes + input->at, (size_t)taken);
    input->at += taken;
    return (int)taken;
}

static int64_t input_seek(void *opaque, int64_t offset, int whence)
{
    struct input *input = opaque;
    if (whence == AVSEEK_SIZE)
        return input->size;
    if (whence == SEEK_CUR)
        offset += input->at;
    else if (whence == SEEK_END)
        offset += input->size;
    if (offset < 0 || offset > input->size)
        return AVERROR(EINVAL);
    return input->at = offset;
}

static int open_format(struct player *player)
{
    uint8_t *buffer = av_malloc(BUFFER);
    player->io =
        buffer ? avio_alloc_context(buffer, BUFFER, 0, &player->input, input_read, NULL, input_seek) : NULL;
    if (!player->io) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    player->format = avformat_alloc_context();
    if (!player->format)
        return AVERROR(ENOMEM);
    player->format->pb = player->io;
    player->format->flags |= AVFMT_FLAG_NOPARSE;
    const int code =
        avformat_open_input(&player->format, NULL, av_find_input_format(player->input.kind->demuxer), NULL);
    return code < 0 || player->format->nb_streams == 1 ? code : AVERROR_INVALIDDATA;
}

static int open_codec(struct player *player)
{
    const AVStream *stream = player->format ? player->format->streams[0] : NULL;
    const enum AVCodecID id = stream ? stream->codecpar->codec_id : player->input.kind->codec;
    const AVCodec *codec = avcodec_find_decoder(id);
    player->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    player->packet = av_packet_alloc();
    player->frame = av_frame_alloc();
    if (!player->codec || !player->packet || !player->frame)
        return codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND;
    /* The child can start no thread. */
    player->codec->thread_count = 1;
    player->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    player->codec->log_level_offset = PS_QUIET_OFFSET;
    snprintf(player->decoded->codec, sizeof player->decoded->codec, "%s", avcodec_get_name(id));
    if (stream)
        player->codec->pkt_timebase = stream->time_base;
    const int code = stream ? avcodec_parameters_to_context(player->codec, stream->codecpar) : 0;
    return code < 0 ? code : avcodec_open2(player->codec, codec, NULL);
}

/* The frames of a clip have one size, but those of an animated WebP are only as large as what they change. */
static int count_frame(struct player *player)
{
    struct ps_decoded *decoded = player->decoded;
    const bool first = !decoded->frames++, part = player->webp.bytes;
    const uint32_t width = (uint32_t)player->frame->width, height = (uint32_t)player->frame->height;
    if (part)
        return width == player->webp.across && height == player->webp.down ? 0 : AVERROR_INVALIDDATA;
    if (first) {
        decoded->width = width;
        decoded->height = height;
    }
    return width == decoded->width && height == decoded->height ? 0 : AVERROR_INVALIDDATA;
}

static int decode_packet(struct player *player, const AVPacket *packet)
{
    int code = avcodec_send_packet(player->codec, packet);
    while (code >= 0) {
        code = avcodec_receive_frame(player->codec, player->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code >= 0)
            code = count_frame(player);
        av_frame_unref(player->frame);
    }
    return code;
}

static int decode_stream(struct player *player)
{
    int64_t end = 0;
    int code = 0;
    while (code >= 0) {
        code = av_read_frame(player->format, player->packet);
        if (code == AVERROR_EOF) {
            player->decoded->seconds = (double)end * av_q2d(player->format->streams[0]->time_base);
            return decode_packet(player, NULL);
        }
        if (code >= 0 && player->packet->pts != AV_NOPTS_VALUE &&
            player->packet->pts + player->packet->duration > end)
            end = player->packet->pts + player->packet->duration;
        if (code >= 0)
            code = decode_packet(player, player->packet);
        av_packet_unref(player->packet);
    }
    return code;
}

/* Every picture is a key frame, so the decoder holds none back. */
static int decode_webp(struct player *player)
{
    if (!ps_webp_open(&player->webp, player->input.bytes, (uint64_t)player->input.size))
        return AVERROR_INVALIDDATA;
    player->decoded->width = player->webp.width;
    player->decoded->height = player->webp.height;
    int code = 0;
    while (code >= 0) {
        code = ps_webp_next(&player->webp, player->packet);
        if (code == AVERROR_EOF)
            break;
        if (code >= 0)
            code = decode_packet(player, player->packet);
        av_packet_unref(player->packet);
    }
    player->decoded->seconds = (double)player->webp.milliseconds / 1000;
    return code == AVERROR_EOF ? 0 : code;
}

/* The whole file is one picture. */
static int decode_picture(struct player *player)
{
    const int64_t size = player->input.size;
    if (size > INT32_MAX / 2)
        return AVERROR_INVALIDDATA;
    if (av_new_packet(player->packet, (int)size))
        return AVERROR(ENOMEM);
    memcpy(player->packet->data, player->input.bytes, (size_t)size);
    const int code = decode_packet(player, player->packet);
    av_packet_unref(player->packet);
    return code < 0 ? code : decode_packet(player, NULL);
}

static int decode_all(struct player *player)
{
    if (player->format)
        return decode_stream(player);
    return player->input.kind->codec == AV_CODEC_ID_WEBP ? decode_webp(player) : decode_picture(player);
}

static void close_player(struct player *player)
{
    av_frame_free(&player->frame);
    av_packet_free(&player->packet);
    avcodec_free_context(&player->codec);
    avformat_close_input(&player->format);
    if (player->io)
        av_freep(&player->io->buffer);
    avio_context_free(&player->io);
}

/* In the child. */
static void decode(void *shared, const void *user)
{
    struct verdict *verdict = shared;
    struct player player = {.input = *(const struct input *)user, .decoded = &verdict->decoded};
    int code = player.input.kind->demuxer ? open_format(&player) : 0;
    if (code >= 0)
        code = open_codec(&player);
    if (code >= 0)
        code = decode_all(&player);
    if (code >= 0 && (!verdict->decoded.frames || (player.io && player.io->error)))
        code = AVERROR_INVALIDDATA;
    verdict->code = code < 0 ? code : 0;
    close_player(&player);
}

/* Null for what packshot does not write. */
static const struct kind *sniff(const uint8_t *bytes, size_t size)
{
    static const struct kind kinds[] = {{4, "ftypqt  ", "mov", "mov", AV_CODEC_ID_NONE},
                                        {4, "ftyp", "mp4", "mov", AV_CODEC_ID_NONE},
                                        {0, "\x1a\x45\xdf\xa3", "webm", "matroska", AV_CODEC_ID_NONE},
                                        {0, "GIF8", "gif", "gif", AV_CODEC_ID_NONE},
                                        {8, "WEBP", "webp", NULL, AV_CODEC_ID_WEBP}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t length = strlen(kinds[i].magic);
        if (size >= kinds[i].at + length && !memcmp(bytes + kinds[i].at, kinds[i].magic, length))
            return &kinds[i];
    }
    return NULL;
}

static enum ps_status judge(struct ps_decoded *decoded, const struct ps_sandbox_end *end, const char *name,
                            struct ps_error *error)
{
    const struct verdict *verdict = end->shared;
    char problem[AV_ERROR_MAX_STRING_SIZE] = "", codec[sizeof decoded->codec];
    if (!end->done)
        return ps_fail(error, PS_ERR_INPUT, "clip.damaged", "%.300s: the decoder %s", name,
                       end->timed_out ? "took too long" : "crashed");
    *decoded = verdict->decoded;
    snprintf(codec, sizeof codec, "%.*s", (int)sizeof codec - 1, verdict->decoded.codec);
    ps_printable(decoded->codec, sizeof decoded->codec, codec, false);
    if (!isfinite(decoded->seconds))
        decoded->seconds = 0;
    if (!verdict->code)
        return PS_OK;
    av_strerror(verdict->code, problem, sizeof problem);
    return ps_fail(error, verdict->code == AVERROR(ENOMEM) ? PS_ERR_MEMORY : PS_ERR_INPUT, "clip.damaged",
                   "%.300s: frame %u cannot be decoded: %s", name, decoded->frames, problem);
}

static enum ps_status run(struct ps_decoded *decoded, const struct input *input, const char *name,
                          struct ps_error *error)
{
    const struct ps_sandbox_job job = {.body = decode,
                                       .user = input,
                                       .shared_bytes = sizeof(struct verdict),
                                       .memory_bytes = MOST_MEMORY,
                                       .seconds = MOST_SECONDS};
    struct ps_sandbox_end end = {0};
    if (!ps_sandbox_run(&end, &job, error))
        judge(decoded, &end, name, error);
    ps_sandbox_free(&end);
    return error->status;
}

/* Maps the file and decodes it as what it is, or where `kind` is given as that. */
static enum ps_status decode_file(struct ps_decoded *decoded, int fd, const char *name,
                                  const struct kind *kind, struct ps_error *error)
{
    struct stat about;
    *decoded = (struct ps_decoded){0};
    if (fstat(fd, &about))
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", name, strerror(errno));
    if (!S_ISREG(about.st_mode) || !about.st_size)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", name,
                       S_ISREG(about.st_mode) ? "the file is empty" : "not a regular file");
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: cannot be mapped: %s", name,
                       strerror(errno));
    const struct input input = {
        .bytes = bytes, .size = about.st_size, .kind = kind ? kind : sniff(bytes, (size_t)about.st_size)};
    if (!input.kind)
        ps_fail(error, PS_ERR_INPUT, "clip.unknown-type", "%.300s: neither MP4, MOV, WebM, GIF nor WebP",
                name);
    else
        run(decoded, &input, name, error);
    snprintf(decoded->container, sizeof decoded->container, "%s", input.kind ? input.kind->container : "");
    munmap(bytes, (size_t)about.st_size);
    return error->status;
}

enum ps_status ps_decode_clip(struct ps_decoded *decoded, int fd, const char *name, struct ps_error *error)
{
    struct ps_error local = {0};
    return decode_file(decoded, fd, name, NULL, error ? error : &local);
}

enum ps_status ps_decode_picture(struct ps_decoded *decoded, int fd, const char *name, struct ps_error *error)
{
    static const struct kind png = {.container = "png", .codec = AV_CODEC_ID_PNG};
    return decode_file(decoded, fd, name, &png, error);
}
