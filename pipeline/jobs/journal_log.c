#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "jobs/store.h"

char *ps_journal_log_path(const struct ps_journal *journal, int64_t job)
{
    char *path = NULL;
    return asprintf(&path, "%s.logs/%lld.log", journal->path, (long long)job) < 0 ? NULL : path;
}

static enum ps_status fail(struct ps_error *error, int code, const char *path)
{
    return ps_fail(error, PS_ERR_OUTPUT, "journal.log", "%.300s: cannot be written: %s", path,
                   strerror(code));
}

static int make_folder(const char *path)
{
    char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    const int code = !folder ? ENOMEM : mkdir(folder, 0777) && errno != EEXIST ? errno : 0;
    free(folder);
    return code;
}

/* All of it or nothing: what does not fit on the disk is taken back. */
static int append(int fd, const char *text, size_t size)
{
    struct stat before;
    if (fstat(fd, &before))
        return errno;
    const ssize_t put = write(fd, text, size);
    const int code = put < 0 ? errno : (size_t)put < size ? ENOSPC : 0;
    return code && put > 0 && ftruncate(fd, before.st_size) ? errno : code;
}

/* Where the first part begins that lies wholly in the last `keep` bytes. */
static const char *find_part(const char *text, size_t size, size_t keep)
{
    const char *at = strstr(text + (size - keep), "\n" PS_LOG_PART);
    return at ? at + 1 : text + size;
}

/* The log without its oldest parts, and with the new one. */
static enum ps_status replace(const char *path, int fd, size_t size, const char *text, struct ps_error *error)
{
    const size_t length = strlen(text);
    struct ps_output *output = NULL;
    char *old = malloc(size + 1);
    const ssize_t got = old ? pread(fd, old, size, 0) : -1;
    if (got >= 0) {
        ps_output_sweep(path, false);
        old[got] = '\0';
        const size_t whole = strlen(old), room = PS_LOG_BYTES - length;
        const char *kept = find_part(old, whole, room < whole ? room : whole);
        if (!ps_output_open(&output, path, true, error) &&
            !ps_output_write(output, kept, strlen(kept), 0, error) &&
            !ps_output_write(output, text, length, strlen(kept), error))
            ps_output_commit(output, NULL, NULL, error);
        ps_output_close(&output);
    } else {
        fail(error, old ? errno : ENOMEM, path);
    }
    free(old);
    return error->status;
}

static enum ps_status add(const char *path, const char *text, struct ps_error *error)
{
    const size_t length = strlen(text);
    struct stat about;
    int code = make_folder(path);
    const int fd =
        code ? -1 : open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        code = code ? code : fd < 0 ? errno : EINVAL;
        fail(error, code, path);
    } else if ((uint64_t)about.st_size + length > PS_LOG_BYTES) {
        /* One that somebody else has filled is not read at length. */
        const size_t size = about.st_size < 4 * PS_LOG_BYTES ? (size_t)about.st_size : 0;
        replace(path, fd, size, text, error);
    } else if ((code = append(fd, text, length))) {
        fail(error, code, path);
    }
    if (fd >= 0)
        close(fd);
    return error->status;
}

enum ps_status ps_journal_log(const struct ps_journal *journal, int64_t job, const char *text,
                              struct ps_error *error)
{
    char *path = ps_journal_log_path(journal, job);
    if (!path || strlen(text) > PS_LOG_PART_BYTES)
        ps_fail(error, path ? PS_ERR_INTERNAL : PS_ERR_MEMORY, path ? "journal.log" : "memory.host",
                "no room for a part of a log");
    else
        add(path, text, error);
    free(path);
    return error->status;
}

static bool is_log(const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    return digits && !strcmp(name + digits, ".log");
}

void ps_journal_log_sweep(const struct ps_journal *journal, int64_t now)
{
    char *path = NULL;
    if (asprintf(&path, "%s.logs", journal->path) < 0)
        return;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct stat about;
    while (list && (entry = readdir(list)))
        if (is_log(entry->d_name) && !fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(about.st_mode) && now - about.st_mtime > (int64_t)PS_LOG_DAYS * 86400)
            unlinkat(fd, entry->d_name, 0);
    if (list)
        closedir(list);
    else if (fd >= 0)
        close(fd);
    free(path);
}
