/* The chunks of an animated WebP, whole, cut and with every byte changed. */
#include "media/support.h"

#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

#include "media/webp.h"

#define ANIMATED MEDIA_DATA "animated.webp"

enum { WIDTH = 61, HEIGHT = 43, PICTURES = 2, HEAD = 30 };

/* Takes all frames there are; what ended it. */
static int walk(struct ps_webp *webp, const uint8_t *bytes, size_t size)
{
    AVPacket *packet = av_packet_alloc();
    int code = ps_webp_open(webp, bytes, size) ? 0 : AVERROR_INVALIDDATA;
    assert_non_null(packet);
    while (!code) {
        code = ps_webp_next(webp, packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    assert_int_equal(code == AVERROR_INVALIDDATA, webp->problem != NULL);
    return code;
}

static void test_frames(void **state)
{
    (void)state;
    struct ps_file file = read_file(ANIMATED);
    struct ps_webp webp;
    AVPacket *packet = av_packet_alloc();
    assert_true(ps_webp_open(&webp, file.bytes, file.size));
    assert_int_equal(webp.width, WIDTH);
    assert_int_equal(webp.height, HEIGHT);
    for (uint32_t i = 0; i < PICTURES; i++) {
        assert_int_equal(ps_webp_next(&webp, packet), 0);
        assert_int_equal(webp.across, WIDTH);
        assert_int_equal(webp.down, HEIGHT);
        assert_int_equal(webp.frames, i + 1);
        /* A file of its own, of the size that it says. */
        assert_memory_equal(packet->data, "RIFF", 4);
        assert_memory_equal(packet->data + 8, "WEBPVP8X", 8);
        assert_int_equal(packet->data[4] | packet->data[5] << 8, packet->size - 8);
        assert_memory_equal(packet->data + HEAD, i ? "ALPH" : "VP8 ", 4);
        av_packet_unref(packet);
    }
    assert_int_equal(ps_webp_next(&webp, packet), AVERROR_EOF);
    assert_int_equal(webp.at, file.size);
    av_packet_free(&packet);
    free(file.bytes);
}

static void test_what_is_no_animation(void **state)
{
    (void)state;
    static const char *const names[] = {"webp-lossy.webp", "webp-lossless-alpha.webp", "jpeg-rgb.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct ps_file file = read_file(join(path, MEDIA_DATA, names[i]));
        struct ps_webp webp;
        assert_int_equal(walk(&webp, file.bytes, file.size), AVERROR_INVALIDDATA);
        free(file.bytes);
    }
}

/* Each copy is as large as the cut, so that a sanitizer sees what is read beyond; the size at its front is true. */
static void test_cuts(void **state)
{
    (void)state;
    struct ps_file file = read_file(ANIMATED);
    for (size_t size = 1; size < file.size; size++) {
        uint8_t *cut = malloc(size);
        struct ps_webp webp;
        memcpy(cut, file.bytes, size);
        if (size >= 8)
            for (unsigned i = 0; i < 4; i++)
                cut[4 + i] = (uint8_t)((size - 8) >> 8 * i);
        const int code = walk(&webp, cut, size);
        assert_true(webp.frames < PICTURES);
        assert_true(code == AVERROR_INVALIDDATA || code == AVERROR_EOF);
        free(cut);
    }
    free(file.bytes);
}

static void test_changed_bytes(void **state)
{
    (void)state;
    struct ps_file file = read_file(ANIMATED);
    for (size_t i = 0; i < file.size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct ps_webp webp;
            file.bytes[i] ^= (uint8_t)(1u << bit);
            const int code = walk(&webp, file.bytes, file.size);
            assert_true(code == AVERROR_INVALIDDATA || code == AVERROR_EOF);
            assert_true(webp.frames <= PICTURES);
            file.bytes[i] ^= (uint8_t)(1u << bit);
        }
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_frames),
        silent_unit_test(test_what_is_no_animation),
        silent_unit_test(test_cuts),
        silent_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
