/* Reading a file that changes or breaks meanwhile. fstat and read are wrapped. */
#include "media/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/file.h"

static int changes;      /* how many more times the file is changed while it is read */
static size_t shrink_to; /* to this many bytes, or 0: only its time */
static const char *changed_path;
static int failure;            /* errno of the next read, once */
static size_t most = SIZE_MAX; /* that a read gives */

ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);

ssize_t __wrap_read(int fd, void *to, size_t size)
{
    if (failure) {
        errno = failure;
        failure = 0;
        return -1;
    }
    if (changes && changed_path) {
        static long tick;
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000 + ++tick}};
        changes--;
        if (shrink_to)
            assert_int_equal(truncate(changed_path, (off_t)shrink_to), 0);
        else
            assert_int_equal(utimensat(AT_FDCWD, changed_path, times, 0), 0);
    }
    return __real_read(fd, to, size < most ? size : most);
}

static char *folder;
static char path[512];
static uint8_t content[10000];

static int setup(void **state)
{
    (void)state;
    folder = folder_new();
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7);
    write_file(join(path, folder, "photo.png"), content, sizeof content);
    changed_path = path;
    changes = 0;
    shrink_to = 0;
    failure = 0;
    most = SIZE_MAX;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static void expect_content(size_t size)
{
    struct ps_file file;
    struct ps_error error = {0};
    assert_ok(ps_file_read(&file, path, sizeof content, &error), error);
    assert_int_equal(file.size, size);
    assert_memory_equal(file.bytes, content, size);
    ps_file_free(&file);
}

static void expect_error(enum ps_status status, const char *id, const char *says)
{
    struct ps_file file;
    struct ps_error error = {0};
    ps_file_read(&file, path, sizeof content, &error);
    assert_error(&error, status, id);
    assert_null(file.bytes);
    if (!strstr(error.message, says) || !strstr(error.message, path))
        fail_msg("%s", error.message);
}

static void test_unchanged(void **state)
{
    (void)state;
    expect_content(sizeof content);
    most = 100;
    expect_content(sizeof content);
}

static void test_changed_once(void **state)
{
    (void)state;
    changes = 1;
    expect_content(sizeof content);
    assert_int_equal(changes, 0);
}

static void test_changed_always(void **state)
{
    (void)state;
    changes = 2;
    expect_error(PS_ERR_TRY_AGAIN, "image.changing", "changed while it was read, twice");
    assert_int_equal(changes, 0);
}

/* It is shorter when it is read again, and that is the photo. */
static void test_shrunk_once(void **state)
{
    (void)state;
    changes = 1;
    shrink_to = 5000;
    most = 6000;
    expect_content(5000);
}

static void test_broken_storage(void **state)
{
    (void)state;
    failure = EIO;
    expect_error(PS_ERR_INPUT, "image.unreadable", "Input/output error");
    failure = ESTALE;
    expect_error(PS_ERR_INPUT, "image.unreadable", "Stale file handle");
    failure = EINTR;
    expect_content(sizeof content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_always, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shrunk_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_storage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
