/* base/output: a file appears whole or not at all, whatever fails. System calls are made to fail by the
 * linker's --wrap (CMakeLists.txt). */
#include "media/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output_folder.h"
#include "base/output.h"

/* ---- faults: each call counts down, and fails with the error when its counter reaches 0 ---- */

static struct fault {
    int fsync_in, fsync_error;
    int pwrite_in, pwrite_error; /* an error of 0 is a short write */
    int renameat2_error, linkat_error;
} fault;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);
int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);
int __real_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);

static int failed(int code)
{
    errno = code;
    return -1;
}

int __wrap_fsync(int fd)
{
    if (fault.fsync_in && !--fault.fsync_in)
        return failed(fault.fsync_error);
    return __real_fsync(fd);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (fault.pwrite_in && !--fault.pwrite_in) {
        if (fault.pwrite_error)
            return failed(fault.pwrite_error);
        size = (size + 1) / 2;
    }
    return __real_pwrite(fd, bytes, size, offset);
}

int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (fault.renameat2_error)
        return failed(fault.renameat2_error);
    return __real_renameat2(from_folder, from, to_folder, to, flags);
}

int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (fault.linkat_error)
        return failed(fault.linkat_error);
    return __real_linkat(from_folder, from, to_folder, to, flags);
}

/* ---- a folder for each test ---- */

static char *folder;

static int begin(void **state)
{
    (void)state;
    fault = (struct fault){0};
    folder = folder_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static const char content[] = "what the file holds";

static enum ps_status save(const char *path, bool overwrite, ps_output_verify *verify, struct ps_error *error)
{
    struct ps_output *output = NULL;
    *error = (struct ps_error){0};
    enum ps_status status = ps_output_open(&output, path, overwrite, error);
    /* In two pieces, the second first. */
    if (!status)
        status = ps_output_write(output, content + 5, sizeof content - 5, 5, error);
    if (!status)
        status = ps_output_write(output, content, 5, 0, error);
    if (!status)
        status = ps_output_commit(output, verify, NULL, error);
    ps_output_close(&output);
    assert_null(output);
    return status;
}

static void expect_content(const char *path)
{
    struct ps_file file = read_file(path);
    assert_int_equal(file.size, sizeof content);
    assert_memory_equal(file.bytes, content, sizeof content);
    free(file.bytes);
}

static void expect_failure(const char *path, bool overwrite, const char *id)
{
    struct ps_error error = {0};
    assert_int_equal(save(path, overwrite, NULL, &error), PS_ERR_OUTPUT);
    assert_error(&error, PS_ERR_OUTPUT, id);
}

/* Both the early look and the attempt say so. */
static void expect_refusal(const char *path, bool overwrite, const char *id)
{
    struct ps_error error = {0};
    assert_int_equal(ps_output_check(path, overwrite, &error), PS_ERR_OUTPUT);
    assert_error(&error, PS_ERR_OUTPUT, id);
    expect_failure(path, overwrite, id);
}

/* ---- tests ---- */

static void test_writes(void **state)
{
    (void)state;
    char path[512];
    struct ps_error error = {0};
    struct stat info;
    const mode_t mask = umask(027);
    join(path, folder, "clip.mp4");
    assert_ok(ps_output_check(path, false, &error), error);
    assert_int_equal(folder_count(folder), 0);
    assert_ok(save(path, false, NULL, &error), error);
    umask(mask);
    expect_content(path);
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
}

static void test_exists(void **state)
{
    (void)state;
    char path[512];
    struct ps_error error = {0};
    write_file(join(path, folder, "clip.mp4"), "old", 3);
    expect_refusal(path, false, "output.exists");
    assert_int_equal(folder_count(folder), 1);
    assert_ok(ps_output_check(path, true, &error), error);
    assert_ok(save(path, true, NULL, &error), error);
    expect_content(path);
    assert_int_equal(folder_count(folder), 1);
}

/* Somebody else takes the name while the clip is written: theirs stays. */
static void test_race(void **state)
{
    (void)state;
    static const int ways[][2] = {{0, 0}, {EINVAL, 0}, {EINVAL, EPERM}};
    char path[512];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct ps_output *output = NULL;
        struct ps_error error = {0};
        fault.renameat2_error = ways[i][0];
        fault.linkat_error = ways[i][1];
        assert_ok(ps_output_open(&output, join(path, folder, "clip.mp4"), false, &error), error);
        write_file(path, "theirs", 6);
        assert_int_equal(ps_output_commit(output, NULL, NULL, &error), PS_ERR_OUTPUT);
        assert_error(&error, PS_ERR_OUTPUT, "output.exists");
        ps_output_close(&output);
        struct ps_file file = read_file(path);
        assert_int_equal(file.size, 6);
        free(file.bytes);
        assert_int_equal(folder_count(folder), 1);
        unlink(path);
    }
}

/* File systems that cannot rename without replacing, and those that cannot link either. */
static void test_rename_fallbacks(void **state)
{
    (void)state;
    char path[512];
    struct ps_error error = {0};
    fault.renameat2_error = EINVAL;
    assert_ok(save(join(path, folder, "linked"), false, NULL, &error), error);
    expect_content(path);
    fault.linkat_error = EPERM;
    assert_ok(save(join(path, folder, "renamed"), false, NULL, &error), error);
    expect_content(path);
    assert_int_equal(folder_count(folder), 2);
}

static void test_kinds_of_target(void **state)
{
    (void)state;
    char path[512], other[512];
    expect_refusal("", false, "output.bad-name");
    expect_refusal(folder, true, "output.is-directory");
    expect_refusal(join(path, folder, ""), true, "output.is-directory");
    expect_refusal(join(path, folder, ".."), true, "output.is-directory");
    expect_refusal(join(path, folder, "none/clip.mp4"), false, "output.no-folder");
    write_file(join(other, folder, "file"), "old", 3);
    expect_refusal(join(path, other, "clip.mp4"), false, "output.no-folder");
    assert_int_equal(symlink(other, join(path, folder, "link")), 0);
    expect_refusal(path, false, "output.not-regular");
    expect_refusal(path, true, "output.not-regular");
    assert_int_equal(mkfifo(join(path, folder, "fifo"), 0600), 0);
    expect_refusal(path, true, "output.not-regular");
    expect_refusal("/dev/null", true, "output.not-regular");
    assert_int_equal(folder_count(folder), 3);
    struct ps_error error = {0};
    ps_output_check(NULL, false, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.bad-name");
}

static void test_long_names(void **state)
{
    (void)state;
    char path[512], name[300];
    struct ps_error error = {0};
    static const size_t lengths[] = {1, 40, 41, 42, 63, 64, 65, 232, 254, 255};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(name, 'a', lengths[i]);
        name[lengths[i]] = '\0';
        assert_ok(save(join(path, folder, name), false, NULL, &error), error);
        expect_content(path);
    }
    memset(name, 'a', 256);
    name[256] = '\0';
    expect_refusal(join(path, folder, name), false, "output.bad-name");
    for (size_t i = 0; i < 255; i++)
        name[i] = "\xe2\x82\xac"[i % 3];
    name[255] = '\0';
    assert_ok(save(join(path, folder, name), false, NULL, &error), error);
    expect_content(path);
    assert_ok(save(join(path, folder, "-rf 50%d:\n\"x\""), false, NULL, &error), error);
    expect_content(path);
}

static bool looked;

static enum ps_status look(void *user, int fd, struct ps_error *error)
{
    char seen[sizeof content];
    (void)user, (void)error;
    looked = pread(fd, seen, sizeof seen, 0) == (ssize_t)sizeof seen && !memcmp(seen, content, sizeof seen);
    return PS_OK;
}

static enum ps_status reject(void *user, int fd, struct ps_error *error)
{
    (void)user, (void)fd;
    return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "not what was meant");
}

static void test_verify(void **state)
{
    (void)state;
    char path[512];
    struct ps_error error = {0};
    assert_ok(save(join(path, folder, "clip.mp4"), false, look, &error), error);
    assert_true(looked);
    unlink(path);
    assert_int_equal(save(path, false, reject, &error), PS_ERR_OUTPUT);
    assert_error(&error, PS_ERR_OUTPUT, "output.unreadable");
    assert_int_equal(folder_count(folder), 0);
    write_file(path, "old", 3);
    assert_int_equal(save(path, true, reject, &error), PS_ERR_OUTPUT);
    struct ps_file file = read_file(path);
    assert_int_equal(file.size, 3);
    free(file.bytes);
    assert_int_equal(folder_count(folder), 1);
}

static void test_write_faults(void **state)
{
    (void)state;
    static const struct {
        int error;
        const char *id;
    } faults[] = {
        {ENOSPC, "output.disk-full"}, {EDQUOT, "output.disk-full"},   {EFBIG, "output.disk-full"},
        {EIO, "output.disk-failing"}, {EROFS, "output.not-writable"},
    };
    char path[512];
    struct ps_error error = {0};
    join(path, folder, "clip.mp4");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int call = 1; call <= 2; call++) {
            fault = (struct fault){.pwrite_in = call, .pwrite_error = faults[i].error};
            expect_failure(path, false, faults[i].id);
            fault = (struct fault){.fsync_in = 1, .fsync_error = faults[i].error};
            expect_failure(path, false, faults[i].id);
            assert_int_equal(folder_count(folder), 0);
        }
    /* Interrupted and short writes go on. */
    fault = (struct fault){.pwrite_in = 1, .pwrite_error = EINTR};
    assert_ok(save(path, false, NULL, &error), error);
    expect_content(path);
    fault = (struct fault){.pwrite_in = 1};
    assert_ok(save(path, true, NULL, &error), error);
    expect_content(path);
    /* The folder's sync fails: the file is complete, and the caller knows. */
    fault = (struct fault){.fsync_in = 2, .fsync_error = EIO};
    expect_failure(path, true, "output.disk-failing");
    expect_content(path);
    assert_int_equal(folder_count(folder), 1);
    /* It does not where a file system has no such thing. */
    fault = (struct fault){.fsync_in = 2, .fsync_error = EINVAL};
    assert_ok(save(path, true, NULL, &error), error);
}

/* Runs `body` in a child; 77 from it skips the test. */
static void in_child(int (*body)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        _exit(body());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    if (WEXITSTATUS(status))
        fail_msg("the child failed at step %d", WEXITSTATUS(status));
}

static bool fails_with(const char *path, bool early, const char *id)
{
    struct ps_error error = {0};
    if (early && (ps_output_check(path, false, &error) != PS_ERR_OUTPUT || strcmp(error.id, id) != 0))
        return false;
    return save(path, false, NULL, &error) == PS_ERR_OUTPUT && !strcmp(error.id, id);
}

/* As nobody, because root may write everywhere. */
static int write_as_nobody(void)
{
    char path[512];
    if (!geteuid() && (chown(folder, 65534, 65534) || seteuid(65534)))
        return 77;
    if (chmod(folder, 0500))
        return 1;
    if (!fails_with(join(path, folder, "clip.mp4"), true, "output.not-writable"))
        return 2;
    /* A folder that may not be listed is good enough. */
    struct ps_error error = {0};
    if (chmod(folder, 0300) || save(path, false, NULL, &error))
        return 3;
    return chmod(folder, 0700) ? 4 : 0;
}

static void test_not_writable(void **state)
{
    (void)state;
    in_child(write_as_nobody);
}

static int mount_small(const char *options)
{
    return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
           mount("none", folder, "tmpfs", 0, options);
}

static int fill_disk(void)
{
    char path[512];
    if (mount_small("size=64k"))
        return 77;
    FILE *file = fopen(join(path, folder, "filler"), "wb");
    while (file && fputc(0, file) != EOF)
        continue;
    fclose(file);
    if (!fails_with(join(path, folder, "clip.mp4"), true, "output.disk-full"))
        return 1;
    if (folder_count(folder) != 1)
        return 2;
    return 0;
}

static int fill_half(void)
{
    char path[512], page[4096] = {0};
    struct ps_output *output = NULL;
    struct ps_error error = {0};
    if (mount_small("size=64k"))
        return 77;
    if (ps_output_check(join(path, folder, "clip.mp4"), false, &error) ||
        ps_output_open(&output, path, false, &error))
        return 1;
    uint64_t at = 0;
    while (at < 1 << 20 && !ps_output_write(output, page, sizeof page, at, &error))
        at += sizeof page;
    ps_output_close(&output);
    return strcmp(error.id, "output.disk-full") ? 2 : folder_count(folder) ? 3 : 0;
}

static int use_up_inodes(void)
{
    char path[512];
    if (mount_small("nr_inodes=1"))
        return 77;
    return !fails_with(join(path, folder, "clip.mp4"), true, "output.disk-full");
}

static int mount_read_only(void)
{
    char path[512];
    if (mount_small("ro"))
        return 77;
    return !fails_with(join(path, folder, "clip.mp4"), true, "output.not-writable");
}

static void test_full_disk(void **state)
{
    (void)state;
    in_child(fill_disk);
    in_child(fill_half);
}

static void test_no_inodes(void **state)
{
    (void)state;
    in_child(use_up_inodes);
}

static void test_read_only(void **state)
{
    (void)state;
    in_child(mount_read_only);
}

/* A relative path goes to the working folder; the temporary's name tells whose it is. */
static void test_temporary(void **state)
{
    (void)state;
    char path[512], old[512];
    struct ps_output *output = NULL;
    struct ps_error error = {0};
    struct stat temporary, listed;
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(folder), 0);
    assert_ok(ps_output_open(&output, "clip.mp4", false, &error), error);
    assert_int_equal(chdir(old), 0);
    assert_int_equal(fstat(ps_output_fd(output), &temporary), 0);
    assert_int_equal(folder_count(folder), 1);
    char name[256] = "";
    DIR *directory = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(directory);
    assert_int_equal(strncmp(name, ".clip.mp4.packshot-", 19), 0);
    assert_string_equal(name + strlen(name) - 4, ".tmp");
    assert_int_equal(stat(join(path, folder, name), &listed), 0);
    assert_int_equal(listed.st_ino, temporary.st_ino);
    ps_output_close(&output);
    ps_output_close(&output);
    assert_int_equal(folder_count(folder), 0);
}

static bool owns_any(const char *name)
{
    (void)name;
    return true;
}

/* A process that ends while it writes an output, and a folder of them. */
static void die_while_writing(const char *path)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct ps_output *output = NULL;
        struct ps_output_folder *files = NULL;
        if (ps_output_open(&output, path, false, NULL) ||
            ps_output_folder_open(&files, path, false, owns_any, NULL) ||
            ps_output_folder_file(files, "frame.png", content, sizeof content, NULL))
            _exit(1);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What a dead process left is found by the output's name, whole or cut, and nothing else is. */
static void test_sweep(void **state)
{
    (void)state;
    char path[512], longest[512], stranger[600], name[256];
    static const char *const strangers[] = {
        ".clip.mp4.packshot-0123456g.tmp",  ".clip.mp4.packshot-01234567.tm",
        ".clip.mp4.packshot-012345678.tmp", ".xclip.mp4.packshot-01234567.tmp",
        "clip.mp4.packshot-01234567.tmp",   ".clip.mp4.json.packshot-01234567.tmp"};
    enum { STRANGERS = sizeof strangers / sizeof *strangers };
    join(path, folder, "clip.mp4");
    memset(name, 'x', sizeof name - 1);
    /* A character of two bytes lies where the name is cut. */
    memcpy(name + sizeof name - 1 - 30, "\xc3\xa9", 2);
    name[sizeof name - 1] = '\0';
    join(longest, folder, name);
    for (size_t i = 0; i < STRANGERS; i++) {
        FILE *file = fopen(join(stranger, folder, strangers[i]), "w");
        assert_non_null(file);
        fclose(file);
    }
    die_while_writing(path);
    die_while_writing(path);
    die_while_writing(longest);
    assert_int_equal(folder_count(folder), 6 + STRANGERS);
    assert_int_equal(ps_output_sweep(path, false), 4);
    assert_int_equal(ps_output_sweep(path, false), 0);
    snprintf(stranger, sizeof stranger, "%s//", longest);
    assert_int_equal(ps_output_sweep(stranger, false), 2);
    assert_int_equal(folder_count(folder), STRANGERS);
    for (size_t i = 0; i < STRANGERS; i++)
        assert_int_equal(unlink(join(stranger, folder, strangers[i])), 0);
}

/* What somebody is still writing stays, also while it gets its name. */
static void test_sweep_leaves_the_living(void **state)
{
    (void)state;
    char path[512], frames[512];
    struct ps_error error = {0};
    struct ps_output *output = NULL;
    struct ps_output_folder *files = NULL;
    join(path, folder, "clip.mp4");
    join(frames, folder, "frames");
    assert_ok(ps_output_open(&output, path, false, &error), error);
    assert_ok(ps_output_folder_open(&files, frames, false, owns_any, &error), error);
    assert_int_equal(ps_output_sweep(path, true) + ps_output_sweep(frames, true), 0);
    assert_ok(ps_output_settle(output, NULL, NULL, &error), error);
    assert_int_equal(ps_output_sweep(path, true), 0);
    assert_ok(ps_output_commit(output, NULL, NULL, &error), error);
    assert_ok(ps_output_folder_commit(files, &error), error);
    assert_int_equal(ps_output_sweep(path, true) + ps_output_sweep(frames, true), 0);
    ps_output_close(&output);
    ps_output_folder_close(&files);
    assert_int_equal(folder_count(folder), 2);
    assert_int_equal(unlink(path) || rmdir(frames), 0);
}

/* A temporary folder that holds something that no output makes stays. */
static void test_sweep_leaves_what_is_strange(void **state)
{
    (void)state;
    char path[512], inner[512];
    join(path, folder, ".clip.packshot-01234567.tmp");
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(symlink("/", join(inner, path, "link")), 0);
    join(inner, folder, "clip");
    assert_int_equal(ps_output_sweep(inner, true), 0);
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(unlink(join(inner, path, "link")), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_writes),           TEST(test_exists),          TEST(test_race),
        TEST(test_rename_fallbacks), TEST(test_kinds_of_target), TEST(test_long_names),
        TEST(test_verify),           TEST(test_write_faults),    TEST(test_not_writable),
        TEST(test_full_disk),        TEST(test_no_inodes),       TEST(test_read_only),
        TEST(test_temporary),        TEST(test_sweep),           TEST(test_sweep_leaves_what_is_strange),
        TEST(test_sweep_leaves_the_living),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
