/* SHA-256, and the cache of hashes, which must never tell an old one. */
#include "provenance/origins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "provenance/hash_cache.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

/* How far the clock of the cache is ahead, in seconds, so that no test has to wait until a file is old. */
static time_t ahead;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = __real_clock_gettime(clock, now);
    now->tv_sec += ahead;
    return result;
}

/* Those of FIPS 180. */
static void test_known_hashes(void **state)
{
    (void)state;
    char text[PS_SHA256_TEXT], path[512];
    char *folder = folder_new(), *many = malloc(1000000);
    struct ps_error error = {0};
    memset(many, 'a', 1000000);
    assert_int_equal(ps_sha256(text, "abc", 3), 0);
    assert_string_equal(text, ABC);
    assert_int_equal(ps_sha256(text, "", 0), 0);
    assert_string_equal(text, NOTHING);
    write_file(join(path, folder, "many"), many, 1000000);
    assert_ok(ps_file_hash(text, path, &error), error);
    assert_string_equal(text, MILLION_A);
    assert_true(ps_sha256_is(text));
    assert_false(ps_sha256_is("ba78"));
    assert_false(ps_sha256_is(ABC "0"));
    assert_false(ps_sha256_is("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 17, SEEK_SET), 17);
    assert_int_equal(ps_sha256_fd(text, fd), 0);
    assert_string_equal(text, MILLION_A);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 17);
    close(fd);
    free(many);
    folder_remove(folder);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    char text[PS_SHA256_TEXT], path[512];
    char *folder = folder_new();
    struct ps_error missing = {0}, directory = {0}, pipe = {0};
    assert_int_equal(ps_file_hash(text, join(path, folder, "missing"), &missing), PS_ERR_INPUT);
    assert_error(&missing, PS_ERR_INPUT, "file.unreadable");
    assert_int_equal(ps_file_hash(text, folder, &directory), PS_ERR_INPUT);
    assert_int_equal(mkfifo(join(path, folder, "pipe"), 0600), 0);
    assert_int_equal(ps_file_hash(text, path, &pipe), PS_ERR_INPUT);
    assert_string_equal(text, "");
    folder_remove(folder);
}

/* A file above the least size, with one byte that is not 0. */
static int large_file(const char *path, char byte)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)PS_HASH_CACHE_LEAST + 1), 0);
    assert_int_equal(pwrite(fd, &byte, 1, 5), 1);
    return fd;
}

static void hash(char text[PS_SHA256_TEXT], int fd, const char *folder)
{
    struct ps_error trouble = {0};
    assert_int_equal(ps_hash_file(text, fd, folder, &trouble), 0);
    assert_ok(trouble.status, trouble);
}

/* The name of the entry of a file. */
static const char *entry_of(char to[512], const char *folder, int fd)
{
    struct stat about;
    char name[64];
    assert_int_equal(fstat(fd, &about), 0);
    snprintf(name, sizeof name, "sha256-%llx-%llx", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    return join(to, folder, name);
}

/* Puts a hash that is not the file's into its entry: whoever asks the cache then sees that one. */
static void plant(const char *entry, const char *hash_text)
{
    struct ps_file file = read_file(entry);
    assert_true(file.size > PS_SHA256_TEXT);
    memcpy(file.bytes + file.size - PS_SHA256_TEXT, hash_text, PS_SHA256_TEXT - 1);
    write_file(entry, file.bytes, file.size);
    free(file.bytes);
}

static void test_cache_is_asked_and_never_tells_an_old_hash(void **state)
{
    (void)state;
    char first[PS_SHA256_TEXT], text[PS_SHA256_TEXT], path[512], cache[512], entry[512];
    char *folder = folder_new();
    const int fd = large_file(join(path, folder, "weights"), 'x');
    struct stat about;
    ahead = 100;
    hash(first, fd, join(cache, folder, "above/cache"));
    entry_of(entry, cache, fd);
    plant(entry, ABC);
    hash(text, fd, cache);
    assert_string_equal(text, ABC);

    /* An edit that puts the time of change back is seen by the status change time. */
    assert_int_equal(fstat(fd, &about), 0);
    assert_int_equal(pwrite(fd, "y", 1, 5), 1);
    const struct timespec times[2] = {about.st_atim, about.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    hash(text, fd, cache);
    assert_string_not_equal(text, ABC);
    assert_string_not_equal(text, first);
    assert_int_equal(pwrite(fd, "x", 1, 5), 1);
    hash(text, fd, cache);
    assert_string_equal(text, first);
    ahead = 0;
    close(fd);
    folder_remove(folder);
}

static void test_damaged_entries_are_ignored(void **state)
{
    (void)state;
    char first[PS_SHA256_TEXT], text[PS_SHA256_TEXT], path[512], cache[512], entry[512], other[512];
    char *folder = folder_new();
    const int fd = large_file(join(path, folder, "weights"), 'x');
    ahead = 100;
    hash(first, fd, join(cache, folder, "cache"));
    entry_of(entry, cache, fd);
    struct ps_file whole = read_file(entry);
    for (size_t size = 0; size < whole.size; size += 16) {
        write_file(entry, whole.bytes, size);
        hash(text, fd, cache);
        assert_string_equal(text, first);
    }
    plant(entry, "not sixty-four hexadecimal digits, but as many characters in all");
    hash(text, fd, cache);
    assert_string_equal(text, first);
    plant(entry, ABC);
    assert_int_equal(rename(entry, join(other, folder, "elsewhere")), 0);
    assert_int_equal(symlink(other, entry), 0);
    struct ps_error trouble = {0};
    assert_int_equal(ps_hash_file(text, fd, cache, &trouble), 0);
    assert_string_equal(text, first);
    assert_int_not_equal(trouble.status, PS_OK);
    ahead = 0;
    free(whole.bytes);
    close(fd);
    folder_remove(folder);
}

static void test_what_is_not_kept(void **state)
{
    (void)state;
    char text[PS_SHA256_TEXT], path[512], cache[512];
    char *folder = folder_new();
    int fd = large_file(join(path, folder, "young"), 'x');
    hash(text, fd, join(cache, folder, "cache"));
    close(fd);
    assert_int_equal(access(cache, F_OK), -1);
    ahead = 100;
    write_file(join(path, folder, "small"), "abc", 3);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    hash(text, fd, cache);
    assert_string_equal(text, ABC);
    close(fd);
    assert_int_equal(access(cache, F_OK), -1);
    ahead = 0;
    folder_remove(folder);
}

static void test_a_cache_that_cannot_be_written(void **state)
{
    (void)state;
    char first[PS_SHA256_TEXT], text[PS_SHA256_TEXT], path[512], cache[512];
    char *folder = folder_new();
    struct ps_error trouble = {0};
    const int fd = large_file(join(path, folder, "weights"), 'x');
    hash(first, fd, NULL);
    write_file(join(path, folder, "file"), "x", 1);
    ahead = 100;
    assert_int_equal(ps_hash_file(text, fd, join(cache, folder, "file/cache"), &trouble), 0);
    ahead = 0;
    assert_string_equal(text, first);
    assert_int_equal(trouble.status, PS_ERR_OUTPUT);
    close(fd);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_known_hashes),
        silent_unit_test(test_what_is_no_file),
        silent_unit_test(test_cache_is_asked_and_never_tells_an_old_hash),
        silent_unit_test(test_damaged_entries_are_ignored),
        silent_unit_test(test_what_is_not_kept),
        silent_unit_test(test_a_cache_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
