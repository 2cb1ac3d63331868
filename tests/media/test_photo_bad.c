/* Bad photos: each gives one clear error of its name, no pixels, and nothing on standard error. */
#include "media/support.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "media/photo.h"
#include "media/png_maker.h"

static void expect_decode(const void *bytes, size_t size, const char *id)
{
    /* An exact copy, so that a sanitizer sees a read past the end. */
    struct ps_file file = {.name = "x", .bytes = malloc(size + !size), .size = size};
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    memcpy(file.bytes, bytes, size);
    assert_int_equal(ps_photo_decode(&photo, &file, NULL, &error), PS_ERR_INPUT);
    assert_null(photo);
    assert_error(&error, PS_ERR_INPUT, id);
    free(file.bytes);
}

static void expect_load(const char *path, const char *id)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    assert_int_equal(ps_photo_load(&photo, path, NULL, &error), PS_ERR_INPUT);
    assert_null(photo);
    assert_error(&error, PS_ERR_INPUT, id);
}

static struct ps_file small_png(void)
{
    enum { SIDE = 40 };
    static uint16_t samples[SIDE * SIDE * 3];
    for (size_t i = 0; i < SIDE * SIDE * 3; i++)
        samples[i] = (uint16_t)(i * 2654435761u >> 24 & 255);
    const struct png_plan plan = {
        .width = SIDE, .height = SIDE, .depth = 8, .colour = PNG_COLOR_TYPE_RGB, .samples = samples};
    return make_png(&plan);
}

static void expect_cuts(struct ps_file file)
{
    for (size_t size = 4; size < file.size; size += size < 64 ? 1 : 37)
        expect_decode(file.bytes, size, "image.truncated");
    expect_decode(file.bytes, file.size - 1, "image.truncated");
    free(file.bytes);
}

static void test_cut(void **state)
{
    (void)state;
    expect_cuts(small_png());
    expect_cuts(read_file(MEDIA_DATA "jpeg420.jpg"));
    expect_cuts(read_file(MEDIA_DATA "jpeg-progressive.jpg"));
    expect_cuts(read_file(MEDIA_DATA "jpeg-grey.jpg"));
    expect_cuts(read_file(MEDIA_DATA "webp-lossy.webp"));
    expect_cuts(read_file(MEDIA_DATA "webp-lossless-alpha.webp"));
}

/* A copy that the file system had allocated in full but that was only begun. */
static void test_zero_tail(void **state)
{
    (void)state;
    struct ps_file files[] = {small_png(), read_file(MEDIA_DATA "jpeg420.jpg"),
                              read_file(MEDIA_DATA "jpeg-progressive.jpg")};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        memset(files[i].bytes + files[i].size * 2 / 3, 0, files[i].size - files[i].size * 2 / 3);
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        files[i].name = "x";
        assert_int_equal(ps_photo_decode(&photo, &files[i], NULL, &error), PS_ERR_INPUT);
        assert_true(!strcmp(error.id, "image.truncated") || !strcmp(error.id, "image.damaged"));
        free(files[i].bytes);
    }
}

/* Damage of each chunk of a PNG is found by its CRC; the message names the chunk. */
static void test_damaged_png(void **state)
{
    (void)state;
    struct ps_file file = small_png();
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    file.bytes[file.size / 2] ^= 0x10;
    assert_int_equal(ps_photo_decode(&photo, &file, NULL, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "image.damaged");
    assert_non_null(strstr(error.message, "IDAT"));
    file.bytes[file.size / 2] ^= 0x10;
    file.bytes[24] = 7; /* bit depth */
    expect_decode(file.bytes, file.size, "image.damaged");
    free(file.bytes);
}

/* A JPEG whose coded data ends early but whose end marker is there. */
static void test_short_scan(void **state)
{
    (void)state;
    struct ps_file file = read_file(MEDIA_DATA "jpeg420.jpg");
    const size_t kept = file.size * 3 / 4;
    memcpy(file.bytes + kept, "\xff\xd9", 2);
    expect_decode(file.bytes, kept + 2, "image.damaged");
    free(file.bytes);
}

#define EXPECT(text, id) expect_decode(text, sizeof text - 1, id)

static void test_other_files(void **state)
{
    (void)state;
    EXPECT("", "image.empty");
    EXPECT("hello", "image.unknown-type");
    EXPECT("ffconcat version 1.0\nfile '/etc/passwd'\n", "image.unknown-type");
    EXPECT("#EXTM3U\nhttp://localhost/x.png\n", "image.unknown-type");
    EXPECT("<!DOCTYPE html><html>", "image.unknown-type");
    EXPECT("<?xml version=\"1.0\"?>\n<svg xmlns=\"x\"/>", "image.unknown-type");
    EXPECT("%PDF-1.7\n", "image.unknown-type");
    EXPECT("PK\3\4abcd", "image.unknown-type");
    EXPECT("version https://git-lfs.github.com/spec/v1\n", "image.unknown-type");
    EXPECT("\0\0\0\0\0\0\0\0", "image.unknown-type");
    EXPECT("\1\2\3\4\5\6\7\x08", "image.unknown-type");
    EXPECT("RIFF\x04\0\0\0WAVE", "image.unknown-type");
    EXPECT("GIF89a\1\0\1\0", "image.unsupported");
    EXPECT("\0\0\0\x18"
           "ftypheic",
           "image.unsupported");
    EXPECT("BMW, a price list of many lines", "image.unknown-type");
    EXPECT("II+\0\x08\0\0\0", "image.unsupported");
    EXPECT("8BPS\0\1", "image.unsupported");
    EXPECT("RIFF\x04\0\0\0WEBP", "image.damaged");
    EXPECT("\xff\xd8\xff\xd9", "image.damaged");
    EXPECT("\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82", "image.damaged");
}

static void test_message_names_kind(void **state)
{
    (void)state;
    static const char html[] = "<html><body>Please log in</body></html>";
    char path[512];
    char *folder = folder_new();
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    write_file(join(path, folder, "photo.png"), html, sizeof html - 1);
    ps_photo_load(&photo, path, NULL, &error);
    assert_error(&error, PS_ERR_INPUT, "image.unknown-type");
    assert_non_null(strstr(error.message, "an HTML page"));
    assert_non_null(strstr(error.message, "photo.png"));
    assert_true(error.hint[0]);
    folder_remove(folder);
}

/* Pictures of kinds that are not read are told from what is no picture, by name and with what to do. */
static void test_other_pictures(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
#define PICTURE(bytes, says) {bytes, sizeof bytes - 1, says}
        PICTURE("GIF89a\1\0\1\0", "GIF"),
        PICTURE("8BPS\0\1", "Photoshop"),
        PICTURE("\0\0\0\x18\146typheic", "HEIC"),
        PICTURE("\0\0\0\x18\146typmif1", "HEIF"),
        PICTURE("\0\0\0\x18\146typavif", "AVIF"),
        PICTURE("\0\0\0\x18\146typcrx ", "camera raw"),
        PICTURE("FUJIFILMCCD-RAW 0201", "camera raw"),
        PICTURE("IIRO\x08\0\0\0", "camera raw"),
        PICTURE("IIU\0\x08\0\0\0", "camera raw"),
        PICTURE("MM\0+\0\x08\0\0", "BigTIFF"),
        PICTURE("\xff\x0a\0\0", "JPEG XL"),
        PICTURE("\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_file file = {.name = "x", .bytes = malloc(cases[i].size), .size = cases[i].size};
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        memcpy(file.bytes, cases[i].bytes, cases[i].size);
        ps_photo_decode(&photo, &file, NULL, &error);
        assert_null(photo);
        assert_error(&error, PS_ERR_INPUT, "image.unsupported");
        if (!strstr(error.message, cases[i].says) || !strstr(error.hint, "PNG, JPEG or TIFF"))
            fail_msg("%s: %s, %s", cases[i].says, error.message, error.hint);
        free(file.bytes);
    }
}

static void test_unsupported(void **state)
{
    (void)state;
    expect_load(MEDIA_DATA "animated.webp", "image.unsupported");
    expect_load(MEDIA_DATA "animated.png", "image.unsupported");
    struct ps_file file = read_file(MEDIA_DATA "jpeg420.jpg");
    for (size_t i = 0; i + 1 < file.size; i++)
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xc0) {
            file.bytes[i + 1] = 0xc9; /* arithmetic coding */
            expect_decode(file.bytes, file.size, "image.unsupported");
            file.bytes[i + 1] = 0xc0;
            file.bytes[i + 4] = 12; /* bits a sample */
            expect_decode(file.bytes, file.size, "image.unsupported");
            break;
        }
    free(file.bytes);
}

/* Size is refused from the header, before memory is taken: the test runs under less than the pixels need. */
static void test_too_large(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {
        {50000, 50000}, {16385, 1}, {1, 16385}, {16384, 16384}, {0xffffffff, 0xffffffff}};
    struct ps_file file = small_png();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int byte = 0; byte < 4; byte++) {
            file.bytes[16 + byte] = (uint8_t)(sizes[i][0] >> (24 - 8 * byte));
            file.bytes[20 + byte] = (uint8_t)(sizes[i][1] >> (24 - 8 * byte));
        }
        expect_decode(file.bytes, file.size, "image.too-large");
    }
    memset(file.bytes + 16, 0, 4);
    expect_decode(file.bytes, file.size, "image.damaged");
    free(file.bytes);
    file = read_file(MEDIA_DATA "jpeg420.jpg");
    for (size_t i = 0; i + 9 < file.size; i++)
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xc0)
            memcpy(file.bytes + i + 5, "\xff\xff\xff\xff", 4);
    expect_decode(file.bytes, file.size, "image.too-large");
    free(file.bytes);
}

static void test_places(void **state)
{
    (void)state;
    char path[512], other[512];
    char *folder = folder_new();
    expect_load(folder, "image.not-regular");
    expect_load(join(path, folder, "none.png"), "image.not-found");
    expect_load("", "image.not-found");
    write_file(join(path, folder, "empty.png"), "", 0);
    expect_load(path, "image.empty");
    expect_load(join(other, path, "inside.png"), "image.not-found");
    assert_int_equal(mkfifo(join(path, folder, "fifo.png"), 0600), 0);
    const time_t begun = time(NULL);
    expect_load(path, "image.not-regular");
    assert_true(time(NULL) - begun < 5);
    expect_load("/dev/zero", "image.not-regular");
    expect_load("/proc/self/status", "image.empty"); /* regular, and of no size */
    assert_int_equal(symlink("b", join(path, folder, "a")), 0);
    assert_int_equal(symlink("a", join(other, folder, "b")), 0);
    expect_load(path, "image.unreadable");
    write_file(join(path, folder, "sparse.png"), "x", 1);
    assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
    expect_load(path, "image.too-large");

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    expect_load(address.sun_path, "image.not-regular");
    close(listener);

    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    ps_photo_load(&photo, NULL, NULL, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.path");
    folder_remove(folder);
}

/* In a child that is nobody, because root may read everything. */
static void test_unreadable(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    write_file(join(path, folder, "secret.png"), "x", 1);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    const pid_t child = fork();
    if (!child) {
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        if (!geteuid() && seteuid(65534))
            _exit(77);
        ps_photo_load(&photo, path, NULL, &error);
        _exit(strcmp(error.id, "image.unreadable") != 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    folder_remove(folder);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Names cannot write to the terminal. */
static void test_hostile_name(void **state)
{
    (void)state;
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    ps_photo_load(&photo, "\033[2Jno\x07.png", NULL, &error);
    assert_error(&error, PS_ERR_INPUT, "image.not-found");
    for (const char *at = error.message; *at; at++)
        assert_true((unsigned char)*at >= 0x20);
}

/* Every byte of a small file damaged in turn: an error or a picture, never anything else. */
static void flip_bytes(const char *path)
{
    struct ps_file file = read_file(path);
    for (size_t at = 0; at < file.size; at++) {
        struct ps_photo *photo = NULL;
        struct ps_error error = {0};
        const uint8_t old = file.bytes[at];
        file.bytes[at] = (uint8_t)(old ^ (1u << at % 8));
        const enum ps_status status = ps_photo_decode(&photo, &file, NULL, &error);
        assert_true(status ? !photo && error.message[0] && status == PS_ERR_INPUT : photo && !error.status);
        ps_photo_free(&photo);
        file.bytes[at] = old;
    }
    free(file.bytes);
}

static void test_flipped_bytes(void **state)
{
    (void)state;
    flip_bytes(MEDIA_DATA "jpeg-turned.jpg");
    flip_bytes(MEDIA_DATA "jpeg-progressive.jpg");
    flip_bytes(MEDIA_DATA "jpeg-grey.png");
    flip_bytes(MEDIA_DATA "webp-turned.webp");
}

/* What this prints is libavcodec's one message without a context (media/quiet.h). */
static void test_flipped_lossless(void **state)
{
    silence_begin(state);
    flip_bytes(MEDIA_DATA "webp-lossless.webp");
    flip_bytes(MEDIA_DATA "webp-lossy-alpha.webp");
    silence_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_cut),
        silent_unit_test(test_zero_tail),
        silent_unit_test(test_damaged_png),
        silent_unit_test(test_short_scan),
        silent_unit_test(test_other_files),
        silent_unit_test(test_message_names_kind),
        silent_unit_test(test_other_pictures),
        silent_unit_test(test_unsupported),
        silent_unit_test(test_too_large),
        silent_unit_test(test_places),
        silent_unit_test(test_unreadable),
        silent_unit_test(test_hostile_name),
        silent_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_flipped_lossless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
