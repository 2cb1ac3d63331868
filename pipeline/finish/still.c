#include "finish/still.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "finish/encoder.h"
#include "finish/libav.h"
#include "media/quiet.h"
#include "provenance/label.h"

enum { NAME_BYTES = sizeof "frame_00000.png" };

static const struct ps_codec_traits jpeg = {.name = "jpeg",
                                            .label = "JPEG",
                                            .id = AV_CODEC_ID_MJPEG,
                                            .format = AV_PIX_FMT_YUV444P,
                                            .encoders = {"mjpeg"}};

bool ps_sequence_owns(const char *name)
{
    const char *digits = name + strlen("frame_");
    return strlen(name) == NAME_BYTES - 1 && !strncmp(name, "frame_", strlen("frame_")) &&
           strspn(digits, "0123456789") == 5 && !strcmp(digits + 5, ".png");
}

static void name_frame(char name[NAME_BYTES], uint32_t at)
{
    snprintf(name, NAME_BYTES, "frame_%05u.png", at % 100000);
}

/* ---- reading back ---- */

/* The whole file as a packet. */
static enum ps_status read_packet(AVPacket *packet, int fd, struct ps_error *error)
{
    struct stat info;
    if (fstat(fd, &info) || info.st_size <= 0 || info.st_size > INT32_MAX / 2)
        return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "a picture reads back with no size");
    if (av_new_packet(packet, (int)info.st_size))
        return ps_fail_av(error, AVERROR(ENOMEM), "reading a picture back");
    for (int got = 0; got < packet->size;) {
        const ssize_t now = pread(fd, packet->data + got, (size_t)(packet->size - got), got);
        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0)
            return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "a picture cannot be read back: %s",
                           now < 0 ? strerror(errno) : "it ends too early");
        got += (int)now;
    }
    return PS_OK;
}

static int decode(AVCodecContext *codec, const AVPacket *packet, AVFrame *frame)
{
    codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    codec->thread_count = 1;
    codec->log_level_offset = PS_QUIET_OFFSET;
    int code = avcodec_open2(codec, codec->codec, NULL);
    if (code >= 0)
        code = avcodec_send_packet(codec, packet);
    return code < 0 ? code : avcodec_receive_frame(codec, frame);
}

static enum ps_status check_picture(int fd, const struct ps_save *save, struct ps_error *error)
{
    const AVCodec *found = avcodec_find_decoder(save->target.traits->id);
    AVCodecContext *codec = found ? avcodec_alloc_context3(found) : NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    if (!codec || !packet || !frame)
        ps_fail_av(error, found ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND, "reading a picture back");
    else if (!read_packet(packet, fd, error) && decode(codec, packet, frame) < 0)
        ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "a picture does not decode when it is read back");
    if (!error->status &&
        ((uint32_t)frame->width != save->plan.width || (uint32_t)frame->height != save->plan.height))
        ps_fail(error, PS_ERR_OUTPUT, "output.unreadable",
                "a picture reads back as %d x %d pixels; expected %u x %u", frame->width, frame->height,
                save->plan.width, save->plan.height);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    return error->status;
}

static enum ps_status verify_sequence(const struct ps_output_folder *folder, const struct ps_save *save,
                                      struct ps_error *error)
{
    for (uint32_t i = 0; i < save->plan.frames; i++) {
        char name[NAME_BYTES];
        name_frame(name, i + 1);
        const int fd = openat(ps_output_folder_fd(folder), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "%s cannot be read back: %s", name,
                           strerror(errno));
        const enum ps_status status = check_picture(fd, save, error);
        close(fd);
        if (status || ps_meter_frame(&save->meter, PS_PASS_VERIFY, i + 1, error))
            return error->status;
    }
    return PS_OK;
}

/* ---- writing ---- */

/* An encoder that makes a whole file of each frame. */
struct press {
    const struct ps_save *save;
    struct ps_finish finish;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
};

static enum ps_status open_press(struct press *press, const struct ps_save *save, struct ps_error *error)
{
    *press = (struct press){.save = save};
    if (ps_encoder_open(&press->codec, &save->target, &save->plan, error) ||
        ps_finish_open(&press->finish, save->clip, &save->plan, save->target.reproducible ? 1 : 0, error))
        return error->status;
    press->packet = av_packet_alloc();
    press->frame = ps_encoder_frame(press->codec);
    if (!press->packet || !press->frame)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame");
    return PS_OK;
}

static void close_press(struct press *press)
{
    av_frame_free(&press->frame);
    av_packet_free(&press->packet);
    avcodec_free_context(&press->codec);
    ps_finish_close(&press->finish);
}

/* Frame `at` into the encoder. */
static enum ps_status send(struct press *press, uint32_t at, struct ps_error *error)
{
    struct ps_view view;
    if (ps_finish_frame(&press->finish, at, &view, error))
        return error->status;
    int code = ps_encoder_fill(press->frame, &view);
    press->frame->pts = at;
    if (code >= 0)
        code = ps_encoder_send(press->codec, press->frame);
    return code < 0 ? ps_fail_av(error, code, "encoding a frame") : PS_OK;
}

/* The whole file of the picture that the encoder has given, with the label in it; *made is to be freed. */
static enum ps_status label_picture(const struct press *press, uint8_t **made, size_t *size,
                                    struct ps_error *error)
{
    const struct ps_save *save = press->save;
    const AVPacket *packet = press->packet;
    if (save->packet)
        return ps_label_picture(made, size, packet->data, (size_t)packet->size, save->packet,
                                save->packet_size, error);
    *size = (size_t)packet->size;
    *made = malloc(*size);
    if (!*made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a picture");
    memcpy(*made, packet->data, *size);
    return PS_OK;
}

static enum ps_status write_file(struct press *press, struct ps_output_folder *folder, uint32_t number,
                                 struct ps_error *error)
{
    char name[NAME_BYTES];
    uint8_t *bytes = NULL;
    size_t size;
    name_frame(name, number);
    if (!label_picture(press, &bytes, &size, error))
        ps_output_folder_file(folder, name, bytes, size, error);
    free(bytes);
    return error->status ? error->status : ps_meter_frame(&press->save->meter, PS_PASS_ENCODE, number, error);
}

/* The files of the pictures that the encoder has ready; *done counts them. */
static enum ps_status write_files(struct press *press, struct ps_output_folder *folder, uint32_t *done,
                                  struct ps_error *error)
{
    for (;;) {
        const int code = avcodec_receive_packet(press->codec, press->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return PS_OK;
        if (code < 0)
            return ps_fail_av(error, code, "encoding a frame");
        if (write_file(press, folder, ++*done, error))
            return error->status;
    }
}

enum ps_status ps_sequence_write(struct ps_output_folder *folder, const struct ps_save *save,
                                 struct ps_error *error)
{
    struct press press;
    uint32_t done = 0;
    enum ps_status status = open_press(&press, save, error);
    for (uint32_t i = 0; !status && i < save->plan.frames; i++) {
        status = send(&press, i, error);
        if (!status)
            status = write_files(&press, folder, &done, error);
    }
    if (!status) {
        ps_encoder_send(press.codec, NULL);
        status = write_files(&press, folder, &done, error);
    }
    close_press(&press);
    return status ? status : verify_sequence(folder, save, error);
}

/* ---- posters ---- */

enum ps_status ps_poster_target(struct ps_target *target, const char *path, struct ps_error *error)
{
    static const char *const jpegs[] = {".jpg", ".jpeg"};
    const char *end = path ? strrchr(path, '.') : NULL;
    *target = (struct ps_target){.codec = PS_CODEC_PNG, .reproducible = true};
    if (end && !strcasecmp(end, ".png"))
        target->traits = ps_codec_traits(PS_CODEC_PNG);
    for (size_t i = 0; i < sizeof jpegs / sizeof *jpegs; i++)
        if (end && !strcasecmp(end, jpegs[i]))
            target->traits = &jpeg;
    if (!target->traits)
        return ps_fail(error, PS_ERR_USAGE, "usage.container", "%.300s: a poster ends in .png or .jpg",
                       path ? path : "");
    target->encoder = avcodec_find_encoder_by_name(target->traits->encoders[0]);
    if (!target->encoder)
        return ps_fail(error, PS_ERR_DEVICE, "encoder.missing", "this machine's libavcodec has no encoder %s",
                       target->traits->encoders[0]);
    return PS_OK;
}

enum ps_status ps_poster_write(struct ps_output *output, const struct ps_save *save, struct ps_error *error)
{
    struct press press;
    const uint32_t at = save->plan.fade_in < save->plan.frames ? save->plan.fade_in : save->plan.frames - 1;
    enum ps_status status = open_press(&press, save, error);
    if (!status)
        status = send(&press, at, error);
    if (!status) {
        int code = ps_encoder_send(press.codec, NULL);
        if (code >= 0)
            code = avcodec_receive_packet(press.codec, press.packet);
        uint8_t *bytes = NULL;
        size_t size;
        status = code < 0 ? ps_fail_av(error, code, "encoding a frame")
                          : label_picture(&press, &bytes, &size, error);
        if (!status)
            status = ps_output_write(output, bytes, size, 0, error);
        free(bytes);
    }
    close_press(&press);
    return status;
}

enum ps_status ps_poster_verify(int fd, const struct ps_save *save, struct ps_error *error)
{
    return check_picture(fd, save, error);
}
