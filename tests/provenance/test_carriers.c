/* XMP packets in every format that carries them. tests/provenance/data holds small files that FFmpeg wrote. */
#include "provenance/origins.h"

#include <fcntl.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provenance/label.h"

#define DATA PACKSHOT_SOURCE_DIR "/tests/provenance/data/"

/* Reads the label of a file; to be freed, null where there is none. */
static char *label_of(const char *path, struct ps_error *error)
{
    char *packet;
    size_t size;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ps_label_read(fd, &packet, &size, error);
    close(fd);
    assert_int_equal(size, packet ? strlen(packet) : 0);
    return packet;
}

static void assert_label(const char *path, const char *expected)
{
    struct ps_error error = {0};
    char *packet = label_of(path, &error);
    assert_ok(error.status, error);
    if (expected)
        assert_string_equal(packet, expected);
    else
        assert_null(packet);
    free(packet);
}

/* Frames and bytes of packets, as libavformat sees the file; WebP animations it does not know. */
static void count(const char *path, int *packets, int64_t *bytes)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    *packets = 0;
    *bytes = 0;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    while (av_read_frame(format, packet) >= 0) {
        ++*packets;
        *bytes += packet->size;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
}

static void write_labelled(const char *path, const struct ps_file *file, enum ps_carrier carrier,
                           const char *packet)
{
    struct ps_error error = {0};
    struct ps_output *output;
    assert_ok(ps_output_open(&output, path, true, &error), error);
    assert_ok(ps_output_write(output, file->bytes, file->size, 0, &error), error);
    assert_ok(ps_label_write(output, carrier, packet, strlen(packet), &error), error);
    /* A name of its own, without the commit's wait for the disk. */
    char *temporary = ps_output_temporary(output);
    unlink(path);
    assert_int_equal(link(temporary, path), 0);
    free(temporary);
    ps_output_close(&output);
}

/* Packets of an even and of an odd number of bytes, and one that is as large as may be. */
static char *packet_of(size_t size)
{
    char *packet = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++)
        packet[i] = "<?xpacket \xc3\xa4?>\n"[i % 15];
    return packet;
}

static void test_files_are_labelled(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ps_carrier carrier;
        size_t same;  /* bytes at the beginning that may not change: all but the rest of this many */
        bool is_read; /* by libavformat */
    } cases[] = {{"clip.mp4", PS_CARRIER_ISO, 0, true},
                 {"clip.mov", PS_CARRIER_ISO, 0, true},
                 {"clip.gif", PS_CARRIER_GIF, 1, true},
                 {"clip.webp", PS_CARRIER_WEBP, 0, false}};
    static const size_t sizes[] = {1, 700, 701, PS_MAX_PACKET};
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[512], to[512];
        struct ps_file file = read_file(join(from, DATA, cases[i].name));
        join(to, folder, cases[i].name);
        assert_label(from, NULL);
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            char *packet = packet_of(sizes[j]);
            write_labelled(to, &file, cases[i].carrier, packet);
            assert_label(to, packet);
            struct ps_file labelled = read_file(to);
            const size_t head = cases[i].carrier == PS_CARRIER_WEBP ? 21 : 0;
            assert_memory_equal(labelled.bytes + head, file.bytes + head, file.size - cases[i].same - head);
            if (cases[i].is_read) {
                int before, after;
                int64_t bytes_before, bytes_after;
                count(from, &before, &bytes_before);
                count(to, &after, &bytes_after);
                assert_int_equal(before, after);
                assert_int_equal(bytes_before, bytes_after);
                assert_true(before > 1);
            }
            free(labelled.bytes);
            free(packet);
        }
        free(file.bytes);
    }
    folder_remove(folder);
}

/* The chunks fill the file, and the head knows of the label. */
static void test_webp_is_whole(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_file file = read_file(DATA "clip.webp");
    write_labelled(join(path, folder, "clip.webp"), &file, PS_CARRIER_WEBP, "odd");
    struct ps_file labelled = read_file(path);
    assert_int_equal(labelled.size, file.size + 12);
    assert_int_equal(labelled.size - 8, labelled.bytes[4] | labelled.bytes[5] << 8);
    assert_int_equal(labelled.bytes[20], file.bytes[20] | 4);
    assert_memory_equal(labelled.bytes + file.size, "XMP \3\0\0\0odd\0", 12);
    free(file.bytes);
    free(labelled.bytes);
    folder_remove(folder);
}

/* FFmpeg wrote the tag. */
static void test_webm_has_a_tag(void **state)
{
    (void)state;
    assert_label(DATA "clip.webm", "<x/>");
}

static void test_pictures_are_labelled(void **state)
{
    (void)state;
    static const char *const names[] = {"picture.png", "picture.jpg"};
    char *folder = folder_new();
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        struct ps_error error = {0}, large = {0};
        struct ps_photo *before, *after;
        struct ps_file file = read_file(join(path, DATA, names[i]));
        char *packet = packet_of(60000), *huge = packet_of(PS_MAX_PACKET + 1);
        uint8_t *labelled;
        size_t size;
        assert_label(path, NULL);
        assert_ok(ps_photo_load(&before, path, NULL, &error), error);
        assert_ok(ps_label_picture(&labelled, &size, file.bytes, file.size, packet, strlen(packet), &error),
                  error);
        write_file(join(path, folder, names[i]), labelled, size);
        assert_label(path, packet);
        assert_ok(ps_photo_load(&after, path, NULL, &error), error);
        assert_int_equal(ps_photo_width(before), ps_photo_width(after));
        assert_memory_equal(ps_photo_rgb(before), ps_photo_rgb(after),
                            ps_photo_width(before) * ps_photo_height(before) * 3);
        free(labelled);
        assert_int_equal(
            ps_label_picture(&labelled, &size, file.bytes, file.size, huge, PS_MAX_PACKET + 1, &large),
            PS_ERR_INTERNAL);
        assert_null(labelled);
        ps_photo_free(&before);
        ps_photo_free(&after);
        free(packet);
        free(huge);
        free(file.bytes);
    }
    folder_remove(folder);
}

static void test_files_of_another_kind(void **state)
{
    (void)state;
    static const enum ps_carrier carriers[] = {PS_CARRIER_NONE, PS_CARRIER_GIF, PS_CARRIER_WEBP};
    char path[512];
    char *folder = folder_new();
    uint8_t *labelled;
    size_t size;
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        struct ps_error error = {0};
        struct ps_output *output;
        assert_ok(ps_output_open(&output, join(path, folder, "clip"), true, &error), error);
        assert_ok(ps_output_write(output, "something", 9, 0, &error), error);
        assert_int_equal(ps_label_write(output, carriers[i], "<x/>", 4, &error), PS_ERR_INTERNAL);
        ps_output_close(&output);
    }
    struct ps_error error = {0};
    assert_int_equal(ps_label_picture(&labelled, &size, (const uint8_t *)"something", 9, "<x/>", 4, &error),
                     PS_ERR_INTERNAL);
    folder_remove(folder);
}

/* A labelled file of each kind, cut everywhere and with every byte changed in turn: it is read, has no label, or is
 * damaged, and never ends the program. */
static void test_damaged_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ps_carrier carrier;
    } cases[] = {{"clip.gif", PS_CARRIER_GIF},       {"clip.webp", PS_CARRIER_WEBP},
                 {"clip.mp4", PS_CARRIER_ISO},       {"clip.webm", PS_CARRIER_WRITER},
                 {"picture.png", PS_CARRIER_WRITER}, {"picture.jpg", PS_CARRIER_WRITER}};
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        struct ps_file file = read_file(join(path, DATA, cases[i].name));
        write_labelled(join(path, folder, "file"), &file, cases[i].carrier, "<x/>");
        struct ps_file whole = read_file(path);
        for (size_t at = 0; at < whole.size; at += 1 + at / 64) {
            struct ps_error cut = {0}, changed = {0};
            write_file(path, whole.bytes, at);
            free(label_of(path, &cut));
            const uint8_t old = whole.bytes[at];
            whole.bytes[at] = (uint8_t)(old ^ 0xff);
            write_file(path, whole.bytes, whole.size);
            free(label_of(path, &changed));
            whole.bytes[at] = old;
            assert_true(cut.status == PS_OK || !strcmp(cut.id, "clip.damaged"));
            assert_true(changed.status == PS_OK || !strcmp(changed.id, "clip.damaged"));
        }
        free(whole.bytes);
        free(file.bytes);
    }
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_files_are_labelled),    silent_unit_test(test_webp_is_whole),
        silent_unit_test(test_webm_has_a_tag),        silent_unit_test(test_pictures_are_labelled),
        silent_unit_test(test_files_of_another_kind), silent_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
