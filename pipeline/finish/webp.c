#include "finish/webp.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "finish/libav.h"
#include "media/quiet.h"
#include "media/webp.h"

struct reader {
    const struct ps_save *save;
    struct ps_webp file;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct ps_error *error;
};

static enum ps_status fail(struct reader *reader, const char *what)
{
    return ps_fail(reader->error, PS_ERR_OUTPUT, "output.unreadable",
                   "the clip cannot be read back: %s, at byte %llu", what,
                   (unsigned long long)reader->file.at);
}

static enum ps_status decode(struct reader *reader)
{
    int code = avcodec_send_packet(reader->codec, reader->packet);
    if (code >= 0)
        code = avcodec_receive_frame(reader->codec, reader->frame);
    av_packet_unref(reader->packet);
    if (code == AVERROR(ENOMEM))
        return ps_fail_av(reader->error, code, "reading the clip back");
    if (code < 0)
        return fail(reader, "a picture does not decode");
    if ((uint32_t)reader->frame->width != reader->file.across ||
        (uint32_t)reader->frame->height != reader->file.down)
        return fail(reader, "a picture is not of its frame's size");
    return ps_meter_frame(&reader->save->meter, PS_PASS_VERIFY, reader->file.frames, reader->error);
}

static enum ps_status read_frames(struct reader *reader)
{
    const struct ps_finish_plan *plan = &reader->save->plan;
    if (!reader->file.problem && (reader->file.width != plan->width || reader->file.height != plan->height))
        return fail(reader, "its canvas is not of the clip's size");
    while (!reader->file.problem) {
        const int code = ps_webp_next(&reader->file, reader->packet);
        if (code == AVERROR_EOF)
            return PS_OK;
        if (code == AVERROR(ENOMEM))
            return ps_fail_av(reader->error, code, "reading the clip back");
        if (!code && decode(reader))
            return reader->error->status;
    }
    return fail(reader, reader->file.problem);
}

/* Milliseconds are rounded, and the last frame's are libwebp's guess from the others. */
static enum ps_status check_time(struct reader *reader)
{
    const struct ps_finish_plan *plan = &reader->save->plan;
    const uint32_t pictures = reader->file.frames;
    const double frame = 1000.0 * plan->rate.den / plan->rate.num,
                 off = (double)reader->file.milliseconds - frame * plan->frames;
    if (pictures && pictures <= plan->frames && off < frame / 2 && off > -frame / 2)
        return PS_OK;
    return ps_fail(reader->error, PS_ERR_OUTPUT, "output.unreadable",
                   "the clip reads back with %u pictures in %llu ms; expected up to %u in %.0f ms", pictures,
                   (unsigned long long)reader->file.milliseconds, plan->frames, frame * plan->frames);
}

static enum ps_status open_reader(struct reader *reader)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_WEBP);
    reader->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    reader->packet = av_packet_alloc();
    reader->frame = av_frame_alloc();
    if (!reader->codec || !reader->packet || !reader->frame)
        return ps_fail_av(reader->error, codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND,
                          "reading it back");
    reader->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    reader->codec->thread_count = 1;
    reader->codec->log_level_offset = PS_QUIET_OFFSET;
    const int code = avcodec_open2(reader->codec, codec, NULL);
    return code < 0 ? ps_fail_av(reader->error, code, "reading it back") : PS_OK;
}

enum ps_status ps_webp_verify(int fd, const struct ps_save *save, struct ps_error *error)
{
    struct reader reader = {.save = save, .error = error};
    struct stat info;
    if (fstat(fd, &info) || info.st_size <= 0)
        return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "the clip reads back with no size");
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "the clip cannot be read back: %s",
                       strerror(errno));
    ps_webp_open(&reader.file, bytes, (uint64_t)info.st_size);
    if (!open_reader(&reader) && !read_frames(&reader))
        check_time(&reader);
    av_frame_free(&reader.frame);
    av_packet_free(&reader.packet);
    avcodec_free_context(&reader.codec);
    munmap(bytes, (size_t)info.st_size);
    return error->status;
}
