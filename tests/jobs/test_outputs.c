/* Outputs of a batch against each other and against its photos. */
#include "media/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/outputs.h"

static void outputs_that_are_the_same_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint64_t other;
    } rows[] = {
        {"out/a.mp4", 0},
        {"out/b.mp4", 0},
        {"out/a.mp4", 1},
        {"out/A.MP4", 1},
        {"out/a.mp4x", 0},
        {"out/a.mp", 0},
        {"out/gr\xc3\xbc\xc3\x9f.mp4", 0},
        {"out/GR\xc3\x9c\xc3\x9f.mp4", 7},
        {"out/\xce\xa9.mp4", 0},
        {"out/\xcf\x89.mp4", 9},
        {"out/\xff.mp4", 0},
        {"out/\xc3\xbf.mp4", 0},
        {"out/\xff.mp4", 11},
    };
    struct ps_outputs *outputs = ps_outputs_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_error error = {0};
        uint64_t other = 99;
        assert_ok(ps_outputs_add(outputs, rows[i].path, i + 1, &other, &error), error);
        if (other != rows[i].other)
            fail_msg("%s: expected %d, found %d", rows[i].path, (int)rows[i].other, (int)other);
    }
    ps_outputs_free(&outputs);
    assert_null(outputs);
}

static void on_clash(void *user, uint64_t row, uint64_t photo_row, const char *path)
{
    char *text = user;
    const size_t used = strlen(text);
    snprintf(text + used, 256 - used, "%s:%llu:%llu ", strrchr(path, '/') + 1, (unsigned long long)row,
             (unsigned long long)photo_row);
}

static void outputs_that_are_photos_are_found_under_any_name(void **state)
{
    (void)state;
    static const char *const photos[] = {"a.png", "b.png", "c.png"};
    static const char *const outputs_of[] = {"b.png", "hard.mp4", "soft.mp4", "new.mp4", "other.mp4"};
    char path[512], target[512], clashes[256] = "";
    char *folder = folder_new();
    struct ps_outputs *outputs = ps_outputs_new();
    struct ps_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        write_file(join(path, folder, photos[i]), "x", 1);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_ok(ps_outputs_add_photo(outputs, fd, i + 1, &error), error);
        assert_ok(ps_outputs_add_photo(outputs, fd, i + 11, &error), error);
        close(fd);
    }
    write_file(join(path, folder, "other.mp4"), "x", 1);
    assert_int_equal(link(join(path, folder, "c.png"), join(target, folder, "hard.mp4")), 0);
    assert_int_equal(symlink("a.png", join(target, folder, "soft.mp4")), 0);
    for (size_t i = 0; i < 5; i++) {
        uint64_t other;
        assert_ok(ps_outputs_add(outputs, join(path, folder, outputs_of[i]), i + 1, &other, &error), error);
        assert_int_equal(other, 0);
    }
    ps_outputs_find_clashes(outputs, on_clash, clashes);
    assert_string_equal(clashes, "b.png:1:2 hard.mp4:2:3 soft.mp4:3:1 ");
    ps_outputs_free(&outputs);
    folder_remove(folder);
}

static void a_large_batch_is_quick(void **state)
{
    (void)state;
    struct ps_outputs *outputs = ps_outputs_new();
    struct ps_error error = {0};
    char path[64];
    uint64_t other;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(path, sizeof path, "out/%u.mp4", i);
        assert_ok(ps_outputs_add(outputs, path, i + 1, &other, &error), error);
        assert_int_equal(other, 0);
    }
    assert_ok(ps_outputs_add(outputs, "OUT/77777.mp4", 100001, &other, &error), error);
    assert_int_equal(other, 77778);
    ps_outputs_free(&outputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_that_are_the_same_are_found),
        cmocka_unit_test(outputs_that_are_photos_are_found_under_any_name),
        cmocka_unit_test(a_large_batch_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
