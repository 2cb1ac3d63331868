/* Clips: what the saved file says and shows, read back through libavformat. */
#include "media/support.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/bytes.h"
#include "media/clip.h"
#include "media/mp4.h"
#include "media/yuv.h"

/* A dark ball that moves over soft ramps; its chroma is soft too, so that 4:2:0 loses little. */
static struct ps_clip *moving_ball(uint32_t width, uint32_t height, uint32_t frames, uint32_t fps)
{
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    assert_ok(ps_clip_new(&clip, width, height, frames, fps, &error), error);
    for (uint32_t f = 0; f < frames; f++) {
        uint8_t *to = ps_clip_frame_pixels(clip, f);
        const double x0 = width * (f + 1.0) / (frames + 1.0), y0 = height / 2.0, radius = height / 4.0;
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++) {
                const double edge = radius - hypot(x - x0, y - y0), ball = edge < -2  ? 0
                                                                           : edge > 2 ? 1
                                                                                      : (edge + 2) / 4;
                const double ramp[3] = {60.0 + 120.0 * x / width, 80.0 + 100.0 * y / height, 130.0};
                for (size_t c = 0; c < 3; c++)
                    *to++ = (uint8_t)(ramp[c] * (1 - 0.5 * ball) + 0.5);
            }
    }
    assert_null(ps_clip_frame_pixels(clip, frames));
    assert_null(ps_clip_frame(clip, frames));
    return clip;
}

/* BT.709, limited range, straight from the standard; chroma repeated. To [-1, 256). */
static double rgb_from_yuv(const AVFrame *frame, uint32_t x, uint32_t y, size_t channel)
{
    const double luma = (frame->data[0][(int)y * frame->linesize[0] + (int)x] - 16) / 219.0;
    const double cb = (frame->data[1][(int)(y / 2) * frame->linesize[1] + (int)(x / 2)] - 128) / 224.0;
    const double cr = (frame->data[2][(int)(y / 2) * frame->linesize[2] + (int)(x / 2)] - 128) / 224.0;
    const double red = luma + 1.5748 * cr, blue = luma + 1.8556 * cb;
    const double green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152;
    const double rgb[3] = {red, green, blue};
    return fmin(fmax(rgb[channel] * 255, 0), 255);
}

static double psnr(const AVFrame *frame, const uint8_t *rgb)
{
    double sum = 0;
    for (uint32_t y = 0; y < (uint32_t)frame->height; y++)
        for (uint32_t x = 0; x < (uint32_t)frame->width; x++)
            for (size_t c = 0; c < 3; c++)
                sum += pow(rgb_from_yuv(frame, x, y, c) - *rgb++, 2);
    return 10 * log10(255.0 * 255.0 / (sum / (frame->width * frame->height * 3)));
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

static void check_stream(const AVStream *stream, const struct ps_clip *clip)
{
    const AVCodecParameters *parameters = stream->codecpar;
    assert_int_equal(parameters->codec_id, AV_CODEC_ID_H264);
    assert_int_equal(parameters->format, AV_PIX_FMT_YUV420P);
    assert_int_equal(parameters->width, clip->width);
    assert_int_equal(parameters->height, clip->height);
    assert_int_equal(parameters->color_range, AVCOL_RANGE_MPEG);
    assert_int_equal(parameters->color_space, AVCOL_SPC_BT709);
    assert_int_equal(parameters->color_primaries, AVCOL_PRI_BT709);
    assert_int_equal(parameters->color_trc, AVCOL_TRC_BT709);
    assert_int_equal(stream->nb_frames, clip->frames);
    assert_int_equal(av_cmp_q(stream->avg_frame_rate, (AVRational){(int)clip->fps, 1}), 0);
    assert_int_equal(stream->start_time, 0);
    assert_int_equal(
        av_compare_ts(stream->duration, stream->time_base, clip->frames, (AVRational){1, (int)clip->fps}), 0);
}

/* Decodes the file as a player would; every frame must come out, in order, on time, and look right. */
static void check_file(const char *path, const struct ps_clip *clip, double least_psnr)
{
    AVFormatContext *format = NULL;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    assert_int_equal(format->nb_streams, 1);
    AVStream *stream = format->streams[0];
    check_stream(stream, clip);
    assert_null(av_dict_get(format->metadata, "creation_time", NULL, 0));
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
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
            assert_int_equal(av_compare_ts(frame->best_effort_timestamp, stream->time_base, shown,
                                           (AVRational){1, (int)clip->fps}),
                             0);
            worst = fmin(worst, psnr(frame, ps_clip_frame(clip, shown++)));
        }
    }
    assert_int_equal(shown, clip->frames);
    print_message("%ux%u, %u frames: worst frame %.1f dB\n", clip->width, clip->height, clip->frames, worst);
    assert_true(worst >= least_psnr);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
}

static void test_save(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, frames, fps;
    } cases[] = {{160, 96, 25, 7},  {16, 16, 1, 1},    {72, 40, 14, 30},
                 {24, 200, 2, 120}, {8192, 16, 2, 24}, {104, 56, 300, 6}};
    char path[512], boxes[64];
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_clip *clip = moving_ball(cases[i].width, cases[i].height, cases[i].frames, cases[i].fps);
        const struct ps_save_params params = {.crf = 10, .overwrite = true};
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, "clip.mp4"), &params, &error), error);
        /* In a picture of few pixels nearly all are edges, where 4:2:0 loses. */
        check_file(path, clip, clip->width >= 40 && clip->height >= 40 ? 38 : 33);
        list_boxes(boxes, sizeof boxes, path);
        assert_int_equal(strncmp(boxes, "ftyp moov free ", 15), 0);
        assert_string_equal(boxes + strlen(boxes) - 10, "mdat uuid ");
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
    uint32_t random = 1;
    for (size_t i = 0; i < (size_t)64 * 64 * 3 * 1024; i++)
        clip->rgb[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
    struct ps_error error = {0};
    assert_ok(ps_clip_save(clip, join(path, folder, "clip.mp4"), NULL, &error), error);
    check_file(path, clip, 5);
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* The same clip gives the same bytes, and crf counts. */
static void test_reproducible(void **state)
{
    (void)state;
    static const uint32_t crfs[] = {0, 0, 17, 40};
    struct ps_file files[4];
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(160, 96, 8, 7);
    for (size_t i = 0; i < 4; i++) {
        const struct ps_save_params params = {.crf = crfs[i], .overwrite = true};
        struct ps_error error = {0};
        assert_ok(ps_clip_save(clip, join(path, folder, "clip.mp4"), &params, &error), error);
        files[i] = read_file(path);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(files[0].size, files[i].size);
        assert_memory_equal(files[0].bytes, files[i].bytes, files[0].size);
    }
    assert_true(files[3].size < files[0].size);
    for (size_t i = 0; i < 4; i++)
        free(files[i].bytes);
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* The corners of the RGB cube against BT.709's own numbers. */
static void test_colours(void **state)
{
    (void)state;
    static const struct {
        uint8_t rgb[3], yuv[3];
    } colours[] = {
        {{0, 0, 0}, {16, 128, 128}},        {{255, 255, 255}, {235, 128, 128}},
        {{255, 0, 0}, {63, 102, 240}},      {{0, 255, 0}, {173, 42, 26}},
        {{0, 0, 255}, {32, 240, 118}},      {{255, 255, 0}, {219, 16, 138}},
        {{0, 255, 255}, {188, 154, 16}},    {{255, 0, 255}, {78, 214, 230}},
        {{128, 128, 128}, {126, 128, 128}},
    };
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        uint8_t rgb[4 * 2 * 3], y[8], cb[2], cr[2];
        for (size_t pixel = 0; pixel < 8; pixel++)
            memcpy(rgb + pixel * 3, colours[i].rgb, 3);
        ps_yuv709_from_rgb((uint8_t *[3]){y, cb, cr}, (int[3]){4, 2, 2}, rgb, 4, 2);
        for (size_t pixel = 0; pixel < 8; pixel++)
            assert_int_equal(y[pixel], colours[i].yuv[0]);
        for (size_t pixel = 0; pixel < 2; pixel++) {
            assert_int_equal(cb[pixel], colours[i].yuv[1]);
            assert_int_equal(cr[pixel], colours[i].yuv[2]);
        }
    }
}

/* One blue column on black: its chroma goes to the samples left-sited chroma puts it in, 1-2-1. */
static void test_chroma_siting(void **state)
{
    (void)state;
    for (uint32_t column = 0; column < 8; column++) {
        uint8_t rgb[8 * 2 * 3] = {0}, y[16], cb[4], cr[4];
        rgb[column * 3 + 2] = rgb[(8 + column) * 3 + 2] = 255;
        ps_yuv709_from_rgb((uint8_t *[3]){y, cb, cr}, (int[3]){8, 4, 4}, rgb, 8, 2);
        for (int i = 0; i < 4; i++) {
            const int distance = abs(2 * i - (int)column);
            const double share = distance == 0 ? (i == 0 ? 0.75 : 0.5) : distance == 1 ? 0.25 : 0;
            assert_int_equal(cb[i], (int)(128 + 112 * share + 0.5));
        }
        rgb[0] = 0;
    }
}

static void test_refused(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
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
    join(path, folder, "clip.mp4");
    error = (struct ps_error){0};
    ps_clip_save(clip, path, &(struct ps_save_params){.crf = 52}, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.crf");
    error = (struct ps_error){0};
    write_file(path, "old", 3);
    ps_clip_save(clip, path, NULL, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.exists");
    error = (struct ps_error){0};
    ps_clip_check_output(path, NULL, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.exists");
    error = (struct ps_error){0};
    assert_ok(ps_clip_check_output(path, &(struct ps_save_params){.overwrite = true}, &error), error);
    struct ps_file file = read_file(path);
    assert_int_equal(file.size, 3);
    free(file.bytes);
    assert_int_equal(folder_count(folder), 1);
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* The file size limit stops the write at different places: header, frames, index. Nothing may stay. */
static void test_size_limit(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, 100, 3000, 70000};
    struct ps_clip *clip = moving_ball(160, 96, 60, 7);
    uint32_t random = 1;
    for (size_t i = 0; i < (size_t)160 * 96 * 3 * 60; i++)
        clip->rgb[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char path[512];
        char *folder = folder_new();
        const pid_t child = fork();
        if (!child) {
            struct ps_error error = {0};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], limits[i]});
            const enum ps_status status = ps_clip_save(clip, join(path, folder, "clip.mp4"), NULL, &error);
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

/* What is not the clip does not pass. Of a file that is cut, libavformat's demuxer prints. */
static void test_verify(void **state)
{
    silence_begin(state);
    char path[512];
    char *folder = folder_new();
    struct ps_clip *clip = moving_ball(64, 48, 10, 7);
    struct ps_error error = {0};
    assert_ok(ps_clip_save(clip, join(path, folder, "clip.mp4"), NULL, &error), error);
    FILE *file = fopen(path, "r+b");
    assert_ok(ps_mp4_verify(fileno(file), clip, &error), error);
    const struct ps_clip others[] = {
        {.width = 64, .height = 48, .frames = 11, .fps = 7},
        {.width = 64, .height = 48, .frames = 9, .fps = 7},
        {.width = 64, .height = 48, .frames = 10, .fps = 8},
        {.width = 48, .height = 64, .frames = 10, .fps = 7},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        error = (struct ps_error){0};
        ps_mp4_verify(fileno(file), &others[i], &error);
        assert_error(&error, PS_ERR_OUTPUT, "output.unreadable");
    }
    struct stat info;
    assert_int_equal(fstat(fileno(file), &info), 0);
    assert_int_equal(ftruncate(fileno(file), info.st_size / 2), 0);
    error = (struct ps_error){0};
    ps_mp4_verify(fileno(file), clip, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.unreadable");
    fclose(file);
    ps_clip_free(&clip);
    folder_remove(folder);
    silence_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_save),          silent_unit_test(test_noise),
        silent_unit_test(test_reproducible),  silent_unit_test(test_colours),
        silent_unit_test(test_chroma_siting), silent_unit_test(test_refused),
        silent_unit_test(test_size_limit),    cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
