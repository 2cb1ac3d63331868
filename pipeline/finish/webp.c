#include "finish/webp.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "finish/libav.h"
#include "media/bytes.h"
#include "media/quiet.h"

/* The container is RIFF: chunks of four characters, a size of four bytes, and so many bytes padded to an even number
 * (RFC 9649). */
enum { CHUNK = 8, FRAME = 16 /* what an ANMF chunk begins with */, CANVAS = 10 /* size of a VP8X chunk */ };

struct reader {
    const struct ps_save *save;
    int fd;
    uint64_t at, size; /* bytes */
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    uint32_t pictures, milliseconds;
    struct ps_error *error;
};

static enum ps_status fail(struct reader *reader, const char *what)
{
    return ps_fail(reader->error, PS_ERR_OUTPUT, "output.unreadable",
                   "the clip cannot be read back: %s, at byte %llu", what, (unsigned long long)reader->at);
}

/* All of `size` bytes, which move the place on. */
static enum ps_status take(struct reader *reader, uint8_t *to, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t now = pread(reader->fd, to + got, size - got, (off_t)(reader->at + got));
        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0)
            return fail(reader, now < 0 ? strerror(errno) : "it ends too early");
        got += (size_t)now;
    }
    reader->at += size;
    return PS_OK;
}

static void put_le32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* A file of one picture about the chunks of a frame, which lie at `picture` after room for this head. */
enum { HEAD = 12 + CHUNK + CANVAS };

static void put_head(uint8_t *head, const uint8_t *frame, size_t size)
{
    const uint8_t has_alpha = 0x10;
    memcpy(head, "RIFF", 4);
    put_le32(head + 4, (uint32_t)(size + HEAD - CHUNK));
    memcpy(head + 8, "WEBPVP8X", 8);
    put_le32(head + 16, CANVAS);
    put_le32(head + 20, memcmp(head + HEAD, "ALPH", 4) ? 0 : has_alpha);
    memcpy(head + 24, frame + 6, 6); /* width and height less one, three bytes each, as in a frame */
}

static enum ps_status decode(struct reader *reader)
{
    int code = avcodec_send_packet(reader->codec, reader->packet);
    if (code >= 0)
        code = avcodec_receive_frame(reader->codec, reader->frame);
    if (code == AVERROR(ENOMEM))
        return ps_fail_av(reader->error, code, "reading the clip back");
    return code < 0 ? fail(reader, "a picture does not decode") : PS_OK;
}

static enum ps_status read_frame(struct reader *reader, uint32_t size)
{
    const struct ps_finish_plan *plan = &reader->save->plan;
    uint8_t frame[FRAME];
    const uint32_t largest = 1u << 30; /* far above any picture of 8192 pixels a side */
    if (size < FRAME + CHUNK || size > largest)
        return fail(reader, "a frame has no possible size");
    if (take(reader, frame, FRAME))
        return reader->error->status;
    const uint32_t width = ps_le24(frame + 6) + 1, height = ps_le24(frame + 9) + 1;
    if (2 * ps_le24(frame) + width > plan->width || 2 * ps_le24(frame + 3) + height > plan->height)
        return fail(reader, "a frame is larger than the clip");
    reader->pictures++;
    reader->milliseconds += ps_le24(frame + 12);
    av_packet_unref(reader->packet);
    if (av_new_packet(reader->packet, (int)(size - FRAME) + HEAD))
        return ps_fail_av(reader->error, AVERROR(ENOMEM), "reading the clip back");
    if (take(reader, reader->packet->data + HEAD, size - FRAME))
        return reader->error->status;
    put_head(reader->packet->data, frame, size - FRAME);
    if (decode(reader))
        return reader->error->status;
    if ((uint32_t)reader->frame->width != width || (uint32_t)reader->frame->height != height)
        return fail(reader, "a picture is not of its frame's size");
    return ps_meter_frame(&reader->save->meter, PS_PASS_VERIFY, reader->pictures, reader->error);
}

static enum ps_status read_chunks(struct reader *reader)
{
    uint8_t head[12];
    if (take(reader, head, sizeof head))
        return reader->error->status;
    if (memcmp(head, "RIFF", 4) || memcmp(head + 8, "WEBP", 4) ||
        ps_le32(head + 4) + (uint64_t)CHUNK != reader->size)
        return fail(reader, "it does not begin as a WebP file of its size");
    while (reader->at < reader->size) {
        if (take(reader, head, CHUNK))
            return reader->error->status;
        const uint32_t size = ps_le32(head + 4);
        const uint64_t end = reader->at + size + size % 2;
        if (end > reader->size)
            return fail(reader, "it ends too early");
        if (!memcmp(head, "ANMF", 4) && read_frame(reader, size))
            return reader->error->status;
        reader->at = end;
    }
    return PS_OK;
}

/* Milliseconds are rounded, and the last frame's are libwebp's guess from the others. */
static enum ps_status check_time(struct reader *reader)
{
    const struct ps_finish_plan *plan = &reader->save->plan;
    const double frame = 1000.0 * plan->rate.den / plan->rate.num,
                 off = reader->milliseconds - frame * plan->frames;
    if (reader->pictures && reader->pictures <= plan->frames && off < frame / 2 && off > -frame / 2)
        return PS_OK;
    return ps_fail(reader->error, PS_ERR_OUTPUT, "output.unreadable",
                   "the clip reads back with %u pictures in %u ms; expected up to %u in %.0f ms",
                   reader->pictures, reader->milliseconds, plan->frames, frame * plan->frames);
}

static enum ps_status open_reader(struct reader *reader)
{
    struct stat info;
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_WEBP);
    reader->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    reader->packet = av_packet_alloc();
    reader->frame = av_frame_alloc();
    if (!reader->codec || !reader->packet || !reader->frame)
        return ps_fail_av(reader->error, codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND,
                          "reading it back");
    if (fstat(reader->fd, &info))
        return fail(reader, strerror(errno));
    reader->size = (uint64_t)info.st_size;
    reader->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    reader->codec->thread_count = 1;
    reader->codec->log_level_offset = PS_QUIET_OFFSET;
    const int code = avcodec_open2(reader->codec, codec, NULL);
    return code < 0 ? ps_fail_av(reader->error, code, "reading it back") : PS_OK;
}

enum ps_status ps_webp_verify(int fd, const struct ps_save *save, struct ps_error *error)
{
    struct reader reader = {.save = save, .fd = fd, .error = error};
    if (!open_reader(&reader) && !read_chunks(&reader))
        check_time(&reader);
    av_frame_free(&reader.frame);
    av_packet_free(&reader.packet);
    avcodec_free_context(&reader.codec);
    return error->status;
}
