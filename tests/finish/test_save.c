/* Saved clips of every codec: what the file says and shows, read back through libavformat as a player would. */
#include "finish/support.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "finish/video.h"
#include "media/bytes.h"
#include "media/photo.h"

/* A file, the codec and the container that it should turn out to be of, and how much may be lost. */
struct kind {
    const char *name;
    enum ps_codec codec;
    enum AVCodecID id;
    enum AVPixelFormat format; /* as a decoder gives it */
    const char *mark;          /* MP4's and MOV's four letters */
    struct ps_rate rate;
    double least_psnr; /* dB, of the worst frame */
};

static const struct kind kinds[] = {
    {"a.mp4", PS_CODEC_AUTO, AV_CODEC_ID_H264, AV_PIX_FMT_YUV420P, "avc1", {0}, 38},
    {"a.M4V", PS_CODEC_H264, AV_CODEC_ID_H264, AV_PIX_FMT_YUV420P, "avc1", {24000, 1001}, 38},
    {"a.mov", PS_CODEC_H264, AV_CODEC_ID_H264, AV_PIX_FMT_YUV420P, "avc1", {30000, 1001}, 38},
    {"b.mp4", PS_CODEC_HEVC, AV_CODEC_ID_HEVC, AV_PIX_FMT_YUV420P, "hvc1", {24000, 1001}, 38},
    {"c.mp4", PS_CODEC_AV1, AV_CODEC_ID_AV1, AV_PIX_FMT_YUV420P, "av01", {24000, 1001}, 38},
    {"c.webm", PS_CODEC_AV1, AV_CODEC_ID_AV1, AV_PIX_FMT_YUV420P, NULL, {24000, 1001}, 38},
    {"d.mov", PS_CODEC_AUTO, AV_CODEC_ID_PRORES, AV_PIX_FMT_YUV422P10, "apch", {24000, 1001}, 44},
    {"e.mov", PS_CODEC_PRORES_4444, AV_CODEC_ID_PRORES, AV_PIX_FMT_YUV444P12, "ap4h", {25, 1}, 44},
    {"f.webm", PS_CODEC_AUTO, AV_CODEC_ID_VP9, AV_PIX_FMT_YUV420P, NULL, {24000, 1001}, 38},
    {"g.gif", PS_CODEC_AUTO, AV_CODEC_ID_GIF, AV_PIX_FMT_BGRA, NULL, {24000, 1001}, 30},
};

/* The colour of a decoded pixel, 0 to 255: BT.709 in limited range, chroma repeated, or what is RGB already. */
static double decoded(const AVFrame *frame, int x, int y, int channel)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    if (frame->format == AV_PIX_FMT_BGRA)
        return frame->data[0][y * frame->linesize[0] + x * 4 + 2 - channel];
    double yuv[3];
    for (int c = 0; c < 3; c++) {
        const uint8_t *row = frame->data[c] + (c ? y >> format->log2_chroma_h : y) * frame->linesize[c];
        const int at = c ? x >> format->log2_chroma_w : x;
        const int value = format->comp[c].depth > 8 ? ((const uint16_t *)(const void *)row)[at] : row[at];
        yuv[c] = (double)value / (1 << (format->comp[c].depth - 8));
    }
    const double luma = (yuv[0] - 16) / 219.0, cb = (yuv[1] - 128) / 224.0, cr = (yuv[2] - 128) / 224.0;
    const double red = luma + 1.5748 * cr, blue = luma + 1.8556 * cb;
    const double rgb[3] = {red, (luma - 0.2126 * red - 0.0722 * blue) / 0.7152, blue};
    return fmin(fmax(rgb[channel] * 255, 0), 255);
}

static double psnr(const AVFrame *frame, const uint8_t *rgb)
{
    double sum = 0;
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++)
            for (int c = 0; c < 3; c++)
                sum += pow(decoded(frame, x, y, c) - *rgb++, 2);
    return 10 * log10(255.0 * 255.0 / (sum / (frame->width * frame->height * 3) + 1e-9));
}

/* The order of the top-level boxes, as "ftyp moov free mdat ". */
static void list_boxes(char *list, size_t size, const char *path)
{
    struct ps_file file = read_file(path);
    list[0] = '\0';
    for (size_t at = 0; at + 8 <= file.size;) {
        strncat(list, (const char *)file.bytes + at + 4, 4);
        strncat(list, " ", size - strlen(list) - 1);
        const size_t length = ps_be32(file.bytes + at);
        assert_true(length >= 8 && at + length <= file.size);
        at += length;
    }
    free(file.bytes);
}

static void check_index_first(const char *path)
{
    char boxes[64];
    list_boxes(boxes, sizeof boxes, path);
    const char *index = strstr(boxes, "moov"), *pictures = strstr(boxes, "mdat");
    assert_int_equal(strncmp(boxes, "ftyp ", 5), 0);
    assert_true(index && pictures && index < pictures);
}

static AVRational rate_of(const struct kind *kind, const struct ps_clip *clip)
{
    return kind->rate.num ? (AVRational){(int)kind->rate.num, (int)kind->rate.den}
                          : (AVRational){(int)clip->fps, 1};
}

static void check_stream(const AVStream *stream, const struct kind *kind, const struct ps_clip *clip)
{
    const AVCodecParameters *parameters = stream->codecpar;
    assert_int_equal(parameters->codec_id, kind->id);
    assert_int_equal(parameters->format, kind->format);
    assert_int_equal(parameters->width, clip->width);
    assert_int_equal(parameters->height, clip->height);
    assert_int_equal(stream->start_time, 0);
    if (kind->id == AV_CODEC_ID_GIF)
        return;
    assert_int_equal(parameters->color_range, AVCOL_RANGE_MPEG);
    assert_int_equal(parameters->color_space, AVCOL_SPC_BT709);
    assert_int_equal(parameters->color_primaries, AVCOL_PRI_BT709);
    assert_int_equal(parameters->color_trc, AVCOL_TRC_BT709);
    if (kind->format == AV_PIX_FMT_YUV420P)
        assert_int_equal(parameters->chroma_location, AVCHROMA_LOC_LEFT);
    assert_int_equal(av_cmp_q(stream->avg_frame_rate, rate_of(kind, clip)), 0);
    if (!kind->mark)
        return;
    assert_memory_equal(&parameters->codec_tag, kind->mark, 4);
    assert_int_equal(stream->nb_frames, clip->frames);
    assert_int_equal(
        av_compare_ts(stream->duration, stream->time_base, clip->frames, av_inv_q(rate_of(kind, clip))), 0);
}

/* Decodes the file as a player would; every frame must come out, in order, on time to the container's tick, and look
 * right. */
static void check_file(const char *path, const struct kind *kind, const struct ps_clip *clip,
                       double least_psnr)
{
    AVFormatContext *format = NULL;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    assert_int_equal(format->nb_streams, 1);
    AVStream *stream = format->streams[0];
    check_stream(stream, kind, clip);
    assert_null(av_dict_get(format->metadata, "creation_time", NULL, 0));
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(stream->codecpar->codec_id));
    assert_true(avcodec_parameters_to_context(codec, stream->codecpar) >= 0);
    codec->thread_count = 1;
    assert_int_equal(avcodec_open2(codec, codec->codec, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    uint32_t shown = 0;
    double worst = 1000;
    for (bool ended = false; !ended;) {
        ended = av_read_frame(format, packet) < 0;
        assert_int_equal(avcodec_send_packet(codec, ended ? NULL : packet), 0);
        if (!ended)
            assert_int_equal(packet->pts, packet->dts);
        av_packet_unref(packet);
        while (avcodec_receive_frame(codec, frame) == 0) {
            assert_true(shown < clip->frames);
            assert_int_equal(frame->best_effort_timestamp,
                             av_rescale_q(shown, av_inv_q(rate_of(kind, clip)), stream->time_base));
            worst = fmin(worst, psnr(frame, ps_clip_frame(clip, shown++)));
        }
    }
    assert_int_equal(shown, clip->frames);
    print_message("%s: %ux%u, %u frames: worst frame %.1f dB\n", kind->name, clip->width, clip->height,
                  clip->frames, worst);
    assert_true(worst >= least_psnr);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
}

/* A clip whose frames are shown one by one at another rate: the speed makes up for it. */
static struct ps_save_params params_for(const struct kind *kind, const struct ps_clip *clip)
{
    struct ps_save_params params = {.codec = kind->codec, .overwrite = true, .finish.rate = kind->rate};
    if (kind->rate.num)
        params.finish.speed = (float)((double)kind->rate.num / kind->rate.den / clip->fps);
    return params;
}

static void test_every_codec(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(160, 96, 25, 7);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct ps_save_params params = params_for(&kinds[i], clip);
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, kinds[i].name), &params, &error), error);
        check_file(path, &kinds[i], clip, kinds[i].least_psnr);
        if (kinds[i].mark)
            check_index_first(path);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(folder_count(folder), 0);
    ps_clip_free(&clip);
    folder_remove(folder);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, frames, fps;
    } cases[] = {{16, 16, 1, 1}, {72, 40, 14, 30}, {24, 200, 2, 120}, {8192, 16, 2, 24}, {104, 56, 300, 6}};
    char path[512];
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_clip *clip = moving_ball(cases[i].width, cases[i].height, cases[i].frames, cases[i].fps);
        const struct ps_save_params params = {.crf = 10, .overwrite = true};
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, "clip.mp4"), &params, &error), error);
        /* In a picture of few pixels nearly all are edges, where 4:2:0 loses. */
        check_file(path, &kinds[0], clip, clip->width >= 40 && clip->height >= 40 ? 38 : 33);
        check_index_first(path);
        ps_clip_free(&clip);
        assert_null(clip);
    }
    assert_int_equal(folder_count(folder), 1);
    folder_remove(folder);
}

/* Noise costs most bytes a frame, so the index is at its largest in proportion. */
static void test_noise(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(64, 64, 1024, 24);
    fill_noise(clip);
    static const struct kind *const noisy[] = {&kinds[0], &kinds[6], &kinds[8]};
    for (size_t i = 0; i < sizeof noisy / sizeof *noisy; i++) {
        struct kind kind = *noisy[i];
        kind.rate = (struct ps_rate){24, 1};
        const struct ps_save_params params = params_for(&kind, clip);
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, kind.name), &params, &error), error);
        check_file(path, &kind, clip, 5);
    }
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* A picture out of an animated WebP file, which libavformat does not take apart: its first frame is whole. */
static struct ps_photo *first_webp_frame(const struct ps_file *file)
{
    size_t at = 12;
    while (at + 8 <= file->size && memcmp(file->bytes + at, "ANMF", 4))
        at += 8 + (ps_le32(file->bytes + at + 4) + 1) / 2 * 2;
    assert_true(at + 24 < file->size);
    const uint32_t size = ps_le32(file->bytes + at + 4) - 16;
    struct ps_file alone = {.name = "first.webp", .bytes = malloc(size + 12), .size = size + 12};
    const uint32_t whole = size + 4;
    memcpy(alone.bytes, "RIFF", 4);
    for (int i = 0; i < 4; i++)
        alone.bytes[4 + i] = (uint8_t)(whole >> 8 * i);
    memcpy(alone.bytes + 8, "WEBP", 4);
    memcpy(alone.bytes + 12, file->bytes + at + 24, size);
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_decode(&photo, &alone, NULL, &error), error);
    free(alone.bytes);
    return photo;
}

static void test_webp(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(160, 96, 12, 10);
    struct ps_error error = {0};
    const struct ps_save_params params = {.crf = 5, .finish = {.width = 160, .height = 95}};
    assert_ok(ps_clip_save(clip, join(path, folder, "h.webp"), &params, &error), error);
    struct ps_file file = read_file(path);
    assert_memory_equal(file.bytes, "RIFF", 4);
    assert_memory_equal(file.bytes + 8, "WEBPVP8X", 8);
    assert_int_equal(ps_le24(file.bytes + 24) + 1, 160);
    assert_int_equal(ps_le24(file.bytes + 27) + 1, 95);
    assert_memory_equal(file.bytes + 30, "ANIM", 4);
    assert_int_equal(ps_le16(file.bytes + 42), 0); /* repeats for ever */
    struct ps_photo *photo = first_webp_frame(&file);
    const uint8_t *shown = ps_photo_rgb(photo) + (40 * 160 + 100) * 3,
                  *meant = ps_clip_frame(clip, 0) + (40 * 160 + 100) * 3;
    for (int c = 0; c < 3; c++)
        assert_true(abs(shown[c] - meant[c]) <= 4);
    ps_photo_free(&photo);
    free(file.bytes);
    ps_clip_free(&clip);
    folder_remove(folder);
}

static void test_png_sequence(void **state)
{
    (void)state;
    char path[512], name[600];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(50, 38, 12, 7);
    for (int round = 0; round < 2; round++) {
        struct ps_error error = {0};
        const struct ps_save_params params = {.overwrite = round,
                                              .codec = round ? PS_CODEC_PNG : PS_CODEC_AUTO};
        assert_ok(ps_clip_save(clip, join(path, folder, round ? "frames" : "frames/"), &params, &error),
                  error);
        assert_int_equal(folder_count(folder), 1);
        assert_int_equal(folder_count(path), 12);
        for (uint32_t i = 0; i < 12; i++) {
            struct ps_photo *photo = NULL;
            snprintf(name, sizeof name, "%s/frame_%05u.png", path, i + 1);
            assert_ok(ps_photo_load(&photo, name, NULL, &error), error);
            assert_memory_equal(ps_photo_rgb(photo), ps_clip_frame(clip, i), 50 * 38 * 3);
            ps_photo_free(&photo);
        }
    }
    /* What else is in the folder is not removed. */
    struct ps_error error = {0};
    snprintf(name, sizeof name, "%s/notes.txt", path);
    write_file(name, "mine", 4);
    ps_clip_save(clip, path, &(struct ps_save_params){.overwrite = true, .codec = PS_CODEC_PNG}, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.foreign-file");
    assert_int_equal(folder_count(path), 13);
    assert_int_equal(folder_count(folder), 1);
    ps_clip_free(&clip);
    folder_remove(folder);
}

static void test_poster(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int largest;
    } posters[] = {{"poster.png", 0}, {"poster.jpg", 6}};
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(64, 48, 10, 10);
    /* The first frame that the fade leaves alone is number 3. */
    const struct ps_save_params params = {.finish.fade_in = 0.3f};
    for (size_t i = 0; i < sizeof posters / sizeof *posters; i++) {
        struct ps_error error = {0};
        struct ps_photo *photo = NULL;
        assert_ok(ps_clip_save_poster(clip, join(path, folder, posters[i].name), &params, &error), error);
        assert_ok(ps_photo_load(&photo, path, NULL, &error), error);
        const int largest = largest_difference(ps_photo_rgb(photo), ps_clip_frame(clip, 3), 64 * 48 * 3);
        print_message("%s: largest difference %d\n", posters[i].name, largest);
        assert_true(largest <= posters[i].largest);
        ps_photo_free(&photo);
        ps_clip_save_poster(clip, path, &params, &error);
        assert_error(&error, PS_ERR_OUTPUT, "output.exists");
    }
    struct ps_error error = {0};
    ps_clip_save_poster(clip, join(path, folder, "poster.mp4"), &params, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.container");
    assert_int_equal(folder_count(folder), 2);
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* The same clip gives the same bytes, and crf counts. */
static void test_reproducible(void **state)
{
    (void)state;
    static const char *const names[] = {"a.mp4", "b.mp4", "c.mp4", "d.mov", "e.webm", "f.gif", "g.webp"};
    static const enum ps_codec codecs[] = {PS_CODEC_AUTO, PS_CODEC_HEVC, PS_CODEC_AV1, PS_CODEC_AUTO,
                                           PS_CODEC_AUTO, PS_CODEC_AUTO, PS_CODEC_AUTO};
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(160, 96, 8, 7);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_file files[2];
        for (size_t j = 0; j < 2; j++) {
            const struct ps_save_params params = {
                .codec = codecs[i], .reproducible = true, .overwrite = true};
            struct ps_error error = {0};
            assert_ok(ps_clip_save(clip, join(path, folder, names[i]), &params, &error), error);
            files[j] = read_file(path);
        }
        assert_int_equal(files[0].size, files[1].size);
        assert_memory_equal(files[0].bytes, files[1].bytes, files[0].size);
        free(files[0].bytes);
        free(files[1].bytes);
    }
    ps_clip_free(&clip);
    folder_remove(folder);
}

static void test_quality(void **state)
{
    (void)state;
    static const char *const names[] = {"a.mp4", "b.mp4", "c.mp4", "d.webm", "e.webp"};
    static const enum ps_codec codecs[] = {PS_CODEC_H264, PS_CODEC_HEVC, PS_CODEC_AV1, PS_CODEC_VP9,
                                           PS_CODEC_WEBP};
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(160, 96, 8, 7);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        off_t sizes[3];
        static const uint32_t crfs[] = {5, 0, 45};
        for (size_t j = 0; j < 3; j++) {
            const struct ps_save_params params = {.codec = codecs[i], .crf = crfs[j], .overwrite = true};
            struct ps_error error = {0};
            struct stat info;
            assert_ok(ps_clip_save(clip, join(path, folder, names[i]), &params, &error), error);
            assert_int_equal(stat(path, &info), 0);
            sizes[j] = info.st_size;
        }
        assert_true(sizes[0] > sizes[1] && sizes[1] > sizes[2]);
    }
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* What is refused before anything is written, and by which name. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct ps_save_params params;
        enum ps_status status;
        const char *id;
    } cases[] = {
        {"a.mp4", {.crf = 52}, PS_ERR_USAGE, "usage.crf"},
        {"a.webm", {.crf = 64}, PS_ERR_USAGE, "usage.crf"},
        {"a.mov", {.crf = 17}, PS_ERR_USAGE, "usage.crf"},
        {"a.gif", {.crf = 1}, PS_ERR_USAGE, "usage.crf"},
        {"a", {0}, PS_ERR_USAGE, "usage.container"},
        {"a.avi", {0}, PS_ERR_USAGE, "usage.container"},
        {"a.mp4", {.codec = PS_CODEC_PRORES_422HQ}, PS_ERR_USAGE, "usage.container"},
        {"a.mp4", {.codec = PS_CODEC_VP9}, PS_ERR_USAGE, "usage.container"},
        {"a.mp4", {.codec = PS_CODEC_PNG}, PS_ERR_USAGE, "usage.container"},
        {"a.webm", {.codec = PS_CODEC_H264}, PS_ERR_USAGE, "usage.container"},
        {"a.mov", {.codec = PS_CODEC_AV1}, PS_ERR_USAGE, "usage.container"},
        {"a.mp4", {.codec = (enum ps_codec)99}, PS_ERR_USAGE, "usage.codec"},
        {"a.mp4", {.encoder = "libx265"}, PS_ERR_USAGE, "usage.encoder"},
        {"a.mp4", {.encoder = "mpeg4"}, PS_ERR_USAGE, "usage.encoder"},
        {"a.mp4", {.finish = {.width = 65, .height = 48}}, PS_ERR_USAGE, "usage.odd-size"},
        {"a.mp4", {.finish = {.width = 64, .height = 47}}, PS_ERR_USAGE, "usage.odd-size"},
        {"a.mov", {.finish = {.width = 65, .height = 48}}, PS_ERR_USAGE, "usage.odd-size"},
        {"a.mp4", {.codec = PS_CODEC_AV1, .finish = {.width = 62, .height = 48}}, PS_ERR_USAGE, "usage.size"},
        {"a.gif", {.finish = {.rate = {60, 1}}}, PS_ERR_USAGE, "usage.rate"},
        {"a.webp", {.finish = {.speed = 10}}, PS_ERR_USAGE, "usage.size"},
        {"old.mp4", {0}, PS_ERR_OUTPUT, "output.exists"},
        {"old.mp4/", {0}, PS_ERR_OUTPUT, "output.not-directory"},
        {"no/a.mp4", {0}, PS_ERR_OUTPUT, "output.no-folder"},
    };
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(64, 48, 3, 7);
    const struct ps_clip_shape shape = {64, 48, 3, 7};
    write_file(join(path, folder, "old.mp4"), "old", 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error = {0}, planned = {0};
        struct ps_save_plan plan;
        ps_clip_save(clip, join(path, folder, cases[i].name), &cases[i].params, &error);
        assert_error(&error, cases[i].status, cases[i].id);
        ps_clip_plan_save(&plan, &shape, path, &cases[i].params, &planned);
        assert_string_equal(planned.id, error.id);
        assert_int_equal(ps_clip_save(clip, path, &cases[i].params, NULL), cases[i].status);
    }
    assert_int_equal(folder_count(folder), 1);
    struct ps_file file = read_file(join(path, folder, "old.mp4"));
    assert_int_equal(file.size, 3);
    free(file.bytes);
    ps_clip_free(&clip);
    folder_remove(folder);
}

static void test_clips_refused(void **state)
{
    (void)state;
    struct ps_clip *clip = NULL;
    static const uint32_t wrong[][4] = {{0, 2, 1, 1}, {2, 0, 1, 1}, {3, 2, 1, 1},
                                        {2, 3, 1, 1}, {2, 2, 0, 1}, {2, 2, 1, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_error error = {0};
        ps_clip_new(&clip, wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], &error);
        assert_error(&error, PS_ERR_USAGE, "usage.clip-size");
        assert_null(clip);
    }
    struct ps_error error = {0};
    ps_clip_new(&clip, 0xfffffffe, 0xfffffffe, 0xffffffff, 1, &error);
    assert_error(&error, PS_ERR_MEMORY, "memory.host");
    clip = moving_ball(16, 16, 1, 7);
    ps_clip_set_peak(clip, 12345);
    assert_int_equal(ps_clip_peak_bytes(clip), 12345);
    ps_clip_free(&clip);
}

static void test_plan(void **state)
{
    (void)state;
    const struct ps_clip_shape shape = {64, 48, 25, 7};
    const struct ps_save_params params = {.codec = PS_CODEC_HEVC,
                                          .finish = {.rate = {48000, 2002}, .width = 128}};
    struct ps_save_plan plan;
    struct ps_error error = {0};
    assert_ok(ps_clip_plan_save(&plan, &shape, "/tmp/packshot-test-plan.mov", &params, &error), error);
    assert_int_equal(plan.codec, PS_CODEC_HEVC);
    assert_string_equal(plan.codec_name, "hevc");
    assert_string_equal(plan.container, "mov");
    assert_string_equal(plan.encoder, "libx265");
    assert_int_equal(plan.width, 128);
    assert_int_equal(plan.height, 96);
    assert_int_equal(plan.rate.num, 24000);
    assert_int_equal(plan.rate.den, 1001);
    assert_int_equal(plan.frames, 86); /* 25 / 7 * 24000 / 1001 = 85.63 */
    assert_ok(ps_clip_plan_save(NULL, NULL, "/tmp/packshot-test-plan.mov", &params, &error), error);
    assert_int_not_equal(access("/tmp/packshot-test-plan.mov", F_OK), 0);
}

/* The file size limit stops the write at different places: header, frames, index. Nothing may stay. */
static void test_size_limit(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, 100, 3000, 70000};
    static const char *const names[] = {"clip.mp4", "clip.webm", "clip.gif", "clip/"};
    struct ps_clip *clip = moving_ball(160, 96, 30, 7);
    fill_noise(clip);
    for (size_t i = 0; i < sizeof limits / sizeof *limits * 4; i++) {
        char path[512];
        char *folder = folder_new();
        /* A single PNG is smaller than the largest limit. */
        if (i / 4 == 3 && i % 4 == 3) {
            folder_remove(folder);
            continue;
        }
        const pid_t child = fork();
        if (!child) {
            struct ps_error error = {0};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i / 4], limits[i / 4]});
            const enum ps_status status = ps_clip_save(clip, join(path, folder, names[i % 4]), NULL, &error);
            _exit(status != PS_ERR_OUTPUT || strcmp(error.id, "output.disk-full") != 0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(folder_count(folder), 0);
        folder_remove(folder);
    }
    ps_clip_free(&clip);
}

/* A listener that stops at some call. */
struct listener {
    uint32_t calls, stop_at;
    double done;
    char phases[64];
};

static bool listen(void *user, const struct ps_progress *progress)
{
    struct listener *listener = user;
    assert_true(progress->done >= listener->done && progress->done <= 1.0001);
    assert_true(progress->step >= 1 && progress->step <= progress->steps);
    listener->done = progress->done;
    if (!strstr(listener->phases, progress->phase))
        strncat(listener->phases, progress->phase, sizeof listener->phases - strlen(listener->phases) - 1);
    return ++listener->calls != listener->stop_at;
}

static void test_progress(void **state)
{
    (void)state;
    static const struct {
        const char *name, *phases;
        uint32_t calls;
    } cases[] = {{"clip.mp4", "encodeverify", 20},
                 {"clip.gif", "paletteencodeverify", 30},
                 {"clip/", "encodeverify", 20}};
    char path[512];
    struct ps_clip *clip = moving_ball(64, 48, 10, 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = folder_new();
        struct listener listener = {0};
        struct ps_save_params params = {.progress = listen, .user = &listener};
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, cases[i].name), &params, &error), error);
        assert_string_equal(listener.phases, cases[i].phases);
        assert_int_equal(listener.calls, cases[i].calls);
        assert_true(listener.done > 0.999);
        folder_remove(folder);
        for (uint32_t stop = 1; stop <= cases[i].calls; stop += 7) {
            folder = folder_new();
            listener = (struct listener){.stop_at = stop};
            error = (struct ps_error){0};
            ps_clip_save(clip, join(path, folder, cases[i].name), &params, &error);
            assert_error(&error, PS_ERR_CANCELLED, "cancelled");
            assert_int_equal(listener.calls, stop);
            assert_int_equal(folder_count(folder), 0);
            folder_remove(folder);
        }
    }
    ps_clip_free(&clip);
}

/* The save that a file was written for, and others that it is not. */
static struct ps_save save_for(const struct ps_clip *clip, const char *path,
                               const struct ps_save_params *params)
{
    struct ps_save save = {.clip = clip};
    struct ps_error error = {0};
    const struct ps_clip_shape shape = {clip->width, clip->height, clip->frames, clip->fps};
    assert_ok(ps_target_choose(&save.target, path, params, &error), error);
    assert_ok(ps_finish_resolve(&save.plan, &shape, &params->finish, &error), error);
    ps_meter_begin(&save.meter, params, save.plan.frames, false);
    return save;
}

/* What is not the clip does not pass. Of a file that is cut, libavformat's demuxer prints. */
static void test_verify(void **state)
{
    static const char *const names[] = {"a.mp4", "b.mov", "c.webm", "d.gif", "e.webp"};
    static const struct ps_save_params params;
    silence_begin(state);
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(64, 48, 10, 7);
    fill_noise(clip);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, names[i]), &params, &error), error);
        FILE *file = fopen(path, "r+b");
        const struct ps_save save = save_for(clip, path, &params);
        assert_ok(ps_video_verify(fileno(file), &save, &error), error);
        struct ps_save others[] = {save, save, save, save};
        others[0].plan.frames += 3;
        others[1].plan.frames -= 3;
        others[2].plan.rate.num += 1;
        others[3].plan.width = 48;
        for (size_t j = 0; j < 4; j++) {
            error = (struct ps_error){0};
            ps_video_verify(fileno(file), &others[j], &error);
            assert_error(&error, PS_ERR_OUTPUT, "output.unreadable");
        }
        struct stat info;
        assert_int_equal(fstat(fileno(file), &info), 0);
        assert_int_equal(ftruncate(fileno(file), info.st_size / 2), 0);
        error = (struct ps_error){0};
        ps_video_verify(fileno(file), &save, &error);
        assert_error(&error, PS_ERR_OUTPUT, "output.unreadable");
        fclose(file);
    }
    ps_clip_free(&clip);
    folder_remove(folder);
    silence_drop();
}

int main(void)
{
    ps_silence_libav();
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_every_codec),  silent_unit_test(test_sizes),
        silent_unit_test(test_noise),        silent_unit_test(test_webp),
        silent_unit_test(test_png_sequence), silent_unit_test(test_poster),
        silent_unit_test(test_reproducible), silent_unit_test(test_quality),
        silent_unit_test(test_refused),      silent_unit_test(test_clips_refused),
        silent_unit_test(test_plan),         silent_unit_test(test_size_limit),
        silent_unit_test(test_progress),     cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
