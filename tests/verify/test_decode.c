/* Clips of all kinds, and of none, in the process that decodes them. */
#include "media/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verify/decode.h"

#define DATA PACKSHOT_SOURCE_DIR "/tests/provenance/data/"

static enum ps_status decode(struct ps_decoded *decoded, const char *path, struct ps_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const enum ps_status status = ps_decode_clip(decoded, fd, path, error);
    close(fd);
    assert_int_equal(status, error->status);
    return status;
}

static void test_every_kind_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *name, *container, *codec;
    } cases[] = {{"clip.mp4", "mp4", "mpeg4"},
                 {"clip.mov", "mov", "prores"},
                 {"clip.webm", "webm", "vp9"},
                 {"clip.gif", "gif", "gif"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        struct ps_decoded decoded;
        struct ps_error error = {0};
        assert_ok(decode(&decoded, join(path, DATA, cases[i].name), &error), error);
        assert_string_equal(decoded.container, cases[i].container);
        assert_string_equal(decoded.codec, cases[i].codec);
        assert_int_equal(decoded.width, 16);
        assert_int_equal(decoded.height, 16);
        assert_int_equal(decoded.frames, 3);
        assert_true(decoded.seconds > 0.59 && decoded.seconds < 0.61);
    }
}

/* Of an animated WebP the canvas counts, and the times that it gives. */
static void test_webp(void **state)
{
    (void)state;
    struct ps_decoded decoded;
    struct ps_error error = {0};
    assert_ok(decode(&decoded, DATA "clip.webp", &error), error);
    assert_string_equal(decoded.container, "webp");
    assert_string_equal(decoded.codec, "webp");
    assert_int_equal(decoded.width, 32);
    assert_int_equal(decoded.height, 32);
    assert_true(decoded.frames >= 1 && decoded.seconds >= 1);
    assert_ok(decode(&decoded, PACKSHOT_SOURCE_DIR "/tests/media/data/animated.webp", &error), error);
    assert_int_equal(decoded.frames, 2);
    assert_int_equal(decoded.width, 61);
    assert_int_equal(decoded.height, 43);
}

/* Cut, and with bytes changed: whatever becomes of the child, the caller gets a status. */
static void test_damage_is_told(void **state)
{
    (void)state;
    static const char *const names[] = {"clip.mp4", "clip.mov", "clip.webm", "clip.gif", "clip.webp"};
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct ps_file file = read_file(join(path, DATA, names[i]));
        join(path, folder, names[i]);
        for (size_t at = 64; at < file.size; at += file.size / 12) {
            struct ps_decoded decoded;
            struct ps_error cut = {0}, changed = {0};
            write_file(path, file.bytes, at);
            decode(&decoded, path, &cut);
            for (size_t j = 0; j < 8; j++)
                file.bytes[(at + j * 5) % file.size] ^= 0x55;
            write_file(path, file.bytes, file.size);
            decode(&decoded, path, &changed);
            for (size_t j = 0; j < 8; j++)
                file.bytes[(at + j * 5) % file.size] ^= 0x55;
            assert_true(cut.status == PS_OK || cut.status == PS_ERR_INPUT);
            assert_true(changed.status == PS_OK || changed.status == PS_ERR_INPUT);
        }
        free(file.bytes);
    }
    folder_remove(folder);
}

static void test_half_a_clip_is_damaged(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_decoded decoded;
    struct ps_error error = {0};
    struct ps_file file = read_file(DATA "clip.mov");
    write_file(join(path, folder, "clip.mov"), file.bytes, file.size / 2);
    decode(&decoded, path, &error);
    assert_error(&error, PS_ERR_INPUT, "clip.damaged");
    free(file.bytes);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_every_kind_is_decoded),
        silent_unit_test(test_webp),
        silent_unit_test(test_damage_is_told),
        silent_unit_test(test_half_a_clip_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
