#include "provenance/hash_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "base/place.h"

/* A file written twice within one tick of the file system's clock has the same times. */
enum { SETTLED_SECONDS = 2, KEY_BYTES = 192, PATH_BYTES = 4096 };

/* Everything by which a file is recognised. The status change time is there since the time of change can be set
 * back by whoever edits the file. */
static void write_key(char key[KEY_BYTES], const struct stat *about)
{
    snprintf(key, KEY_BYTES, "packshot sha256 1 %llx:%llx %lld %lld.%09ld %lld.%09ld ",
             (unsigned long long)about->st_dev, (unsigned long long)about->st_ino, (long long)about->st_size,
             (long long)about->st_mtim.tv_sec, about->st_mtim.tv_nsec, (long long)about->st_ctim.tv_sec,
             about->st_ctim.tv_nsec);
}

static bool write_path(char path[PATH_BYTES], const char *folder, const struct stat *about)
{
    const int length = snprintf(path, PATH_BYTES, "%s/sha256-%llx-%llx", folder,
                                (unsigned long long)about->st_dev, (unsigned long long)about->st_ino);
    return length > 0 && length < PATH_BYTES;
}

/* Whether the entry is there, whole and of this file. */
static bool look_up(char text[PS_SHA256_TEXT], const char *path, const char *key)
{
    char entry[KEY_BYTES + PS_SHA256_TEXT + 1];
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t got = pread(fd, entry, sizeof entry - 1, 0);
    close(fd);
    const size_t length = strlen(key);
    if (got != (ssize_t)(length + PS_SHA256_TEXT) || memcmp(entry, key, length) || entry[got - 1] != '\n')
        return false;
    entry[got - 1] = '\0';
    if (!ps_sha256_is(entry + length))
        return false;
    memcpy(text, entry + length, PS_SHA256_TEXT);
    return true;
}

static void keep(const char *folder, const char *path, const char *key, const char *text,
                 struct ps_error *trouble)
{
    char entry[KEY_BYTES + PS_SHA256_TEXT + 1];
    struct ps_output *output;
    ps_place_make_cache(folder);
    ps_output_sweep(path, false);
    snprintf(entry, sizeof entry, "%s%s\n", key, text);
    if (!ps_output_open(&output, path, true, trouble) &&
        !ps_output_write(output, entry, strlen(entry), 0, trouble))
        ps_output_commit(output, NULL, NULL, trouble);
    ps_output_close(&output);
}

int ps_hash_file(char text[PS_SHA256_TEXT], int fd, const char *folder, struct ps_error *trouble)
{
    struct stat about;
    struct timespec now;
    char key[KEY_BYTES], path[PATH_BYTES];
    text[0] = '\0';
    if (fstat(fd, &about))
        return errno;
    if (!folder || (uint64_t)about.st_size < PS_HASH_CACHE_LEAST || !write_path(path, folder, &about))
        return ps_sha256_fd(text, fd);
    write_key(key, &about);
    if (look_up(text, path, key))
        return 0;
    const int code = ps_sha256_fd(text, fd);
    clock_gettime(CLOCK_REALTIME, &now);
    if (!code && now.tv_sec - about.st_ctim.tv_sec > SETTLED_SECONDS)
        keep(folder, path, key, text, trouble);
    return code;
}
