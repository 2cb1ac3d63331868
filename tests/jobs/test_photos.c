/* Photos that a manifest names: none outside of the job root, however it is written and whatever links lie there. */
#include "media/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/beneath.h"
#include "jobs/key.h"
#include "jobs/manifest.h"

/* A folder with outside.png, root/a.png, root/lists/ and links. */
static int make_root(void **state)
{
    char path[512], target[512];
    char *folder = folder_new();
    write_file(join(path, folder, "outside.png"), "secret", 6);
    assert_int_equal(mkdir(join(path, folder, "root"), 0700), 0);
    assert_int_equal(mkdir(join(path, folder, "root/lists"), 0700), 0);
    assert_int_equal(mkdir(join(path, folder, "root-other"), 0700), 0);
    write_file(join(path, folder, "root/a.png"), "photo", 5);
    write_file(join(path, folder, "root/%00.png"), "percent", 7);
    write_file(join(path, folder, "root-other/b.png"), "other", 5);
    assert_int_equal(symlink("a.png", join(path, folder, "root/inside-link.png")), 0);
    assert_int_equal(symlink("../outside.png", join(path, folder, "root/out-link.png")), 0);
    assert_int_equal(
        symlink(join(target, folder, "root/a.png"), join(path, folder, "root/absolute-link.png")), 0);
    assert_int_equal(symlink("..", join(path, folder, "root/up")), 0);
    assert_int_equal(symlink("loop.png", join(path, folder, "root/loop.png")), 0);
    assert_int_equal(symlink("/proc/self/root", join(path, folder, "root/magic")), 0);
    *state = folder;
    return 0;
}

static int drop_root(void **state)
{
    folder_remove(*state);
    return 0;
}

static void nothing_leads_out_of_the_root(void **state)
{
    static const struct {
        const char *photo, *id; /* of lists/m.csv; null for one that is fine */
    } rows[] = {
        {"../a.png", NULL},
        {"../lists/../a.png", NULL},
        {"../inside-link.png", NULL},
        {"../%00.png", NULL},
        {"../../outside.png", "photo.outside-root"},
        {"../../root-other/b.png", "photo.outside-root"},
        {"../../../../../../../../etc/passwd", "photo.outside-root"},
        {"/etc/passwd", "photo.outside-root"},
        {"../out-link.png", "photo.outside-root"},
        {"../absolute-link.png", "photo.outside-root"},
        {"../up/outside.png", "photo.outside-root"},
        {"../magic/etc/passwd", "photo.outside-root"},
        {"../loop.png", "photo.outside-root"},
        {"~/a.png", "photo.not-found"},
        {"a%00.png", "photo.not-found"},
        {"../lists", "photo.not-regular"},
    };
    char root[512], path[512];
    join(root, *state, "root");
    join(path, *state, "root/lists/m.csv");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ps_manifest_params params = {.root = root};
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        const struct ps_manifest_row *row;
        char text[128];
        snprintf(text, sizeof text, "photo\n%s\n", rows[i].photo);
        write_file(path, text, strlen(text));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
        if (rows[i].id) {
            assert_null(row);
            assert_int_equal(manifest->problem_count, 1);
            if (strcmp(manifest->problems[0].id, rows[i].id) != 0)
                fail_msg("%s: expected %s, found %s", rows[i].photo, rows[i].id, manifest->problems[0].id);
        } else {
            if (!row)
                fail_msg("%s: %s", rows[i].photo, manifest->problems[0].message);
            assert_int_equal(row->bytes, strstr(rows[i].photo, "%00") ? 7 : 5);
        }
        ps_manifest_close(&manifest);
    }
}

static void without_a_root_links_and_absolute_paths_are_followed(void **state)
{
    static const char *const photos[] = {"../out-link.png", "../../outside.png", "../absolute-link.png"};
    char path[512], photo[512], text[600];
    join(path, *state, "root/lists/m.csv");
    for (size_t i = 0; i < 4; i++) {
        const struct ps_manifest_params params = {0};
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        const struct ps_manifest_row *row;
        snprintf(text, sizeof text, "photo\n%s\n", i < 3 ? photos[i] : join(photo, *state, "outside.png"));
        write_file(path, text, strlen(text));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
        assert_non_null(row);
        assert_int_equal(row->path[0], '/');
        ps_manifest_close(&manifest);
    }
}

static void a_manifest_outside_of_its_root_is_refused(void **state)
{
    char root[512], path[512];
    const struct ps_manifest_params params = {.root = join(root, *state, "root")};
    static const char *const names[] = {"m.csv", "root-other/m.csv", "root-other"};
    for (size_t i = 0; i < 3; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        join(path, *state, names[i]);
        if (i < 2)
            write_file(path, "photo\n", 6);
        assert_int_equal(ps_manifest_open(&manifest, path, &params, &error), PS_ERR_INPUT);
        assert_null(manifest);
        assert_error(&error, PS_ERR_INPUT, "manifest.outside-root");
    }
}

static void pipes_and_devices_do_not_hang(void **state)
{
    char path[512];
    int fd;
    struct ps_error pipe = {0}, device = {0};
    assert_int_equal(mkfifo(join(path, *state, "root/pipe.png"), 0600), 0);
    assert_int_equal(ps_beneath_open(&fd, NULL, path, &pipe), PS_ERR_INPUT);
    assert_int_equal(fd, -1);
    assert_error(&pipe, PS_ERR_INPUT, "photo.not-regular");
    assert_int_equal(ps_beneath_open(&fd, NULL, "/dev/zero", &device), PS_ERR_INPUT);
    assert_error(&device, PS_ERR_INPUT, "photo.not-regular");
}

static void a_key_tells_jobs_apart(void **state)
{
    static const struct ps_job_identity others[] = {
        {0, "seed=8", "weights", "1"}, {0, "seed=7", "weight", "s1"}, {0, "seed=7", "weights", "2"},
        {0, "seed=", "7weights", "1"}, {1, "seed=7", "weights", "1"},
    };
    char path[512], key[PS_JOB_KEY], again[PS_JOB_KEY];
    struct ps_error error = {0};
    const int fds[] = {open(join(path, *state, "root/a.png"), O_RDONLY | O_CLOEXEC),
                       open(join(path, *state, "outside.png"), O_RDONLY | O_CLOEXEC)};
    const struct ps_job_identity identity = {fds[0], "seed=7", "weights", "1"};
    assert_ok(ps_job_key(key, &identity, &error), error);
    assert_ok(ps_job_key(again, &identity, &error), error);
    assert_string_equal(key, again);
    assert_int_equal(strlen(key), PS_JOB_KEY - 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct ps_job_identity other = others[i];
        other.photo = fds[other.photo];
        assert_ok(ps_job_key(again, &other, &error), error);
        assert_string_not_equal(key, again);
    }
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(ps_job_key(key, &identity, &error), PS_ERR_INPUT);
    assert_string_equal(key, "");
}

static void shards_share_all_outputs_evenly(void **state)
{
    (void)state;
    enum { SHARDS = 7, OUTPUTS = 7000 };
    unsigned counts[SHARDS + 1] = {0};
    char name[32];
    for (int i = 0; i < OUTPUTS; i++) {
        unsigned owners = 0;
        snprintf(name, sizeof name, "clip-%04d.mp4", i);
        assert_true(ps_shard_has(name, 1, 1) && ps_shard_has(name, 0, 0));
        for (uint32_t shard = 1; shard <= SHARDS; shard++)
            if (ps_shard_has(name, shard, SHARDS)) {
                owners++;
                counts[shard]++;
            }
        assert_int_equal(owners, 1);
    }
    for (int shard = 1; shard <= SHARDS; shard++)
        assert_in_range(counts[shard], OUTPUTS / SHARDS * 9 / 10, OUTPUTS / SHARDS * 11 / 10);
    /* Machines of different versions have to agree. */
    assert_int_equal(ps_shard_slot(""), UINT64_C(0x7a950af4d4daf44d));
    assert_int_equal(ps_shard_slot("clip.mp4"), UINT64_C(0x433845192705d3a6));
}

#define root_unit_test(test) cmocka_unit_test_setup_teardown(test, make_root, drop_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        root_unit_test(nothing_leads_out_of_the_root),
        root_unit_test(without_a_root_links_and_absolute_paths_are_followed),
        root_unit_test(a_manifest_outside_of_its_root_is_refused),
        root_unit_test(pipes_and_devices_do_not_hang),
        root_unit_test(a_key_tells_jobs_apart),
        cmocka_unit_test(shards_share_all_outputs_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
