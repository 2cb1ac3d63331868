#include "media/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ps_status fail_errno(struct ps_error *error, int code, const char *path)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return ps_fail(error, PS_ERR_INPUT, "image.not-found", "%.300s: no such photo: %s", path,
                       strerror(code));
    case ENXIO:
    case EISDIR:
        return ps_fail(error, PS_ERR_INPUT, "image.not-regular", "%.300s: not a regular file", path);
    default:
        return ps_fail(error, PS_ERR_INPUT, "image.unreadable", "%.300s: cannot be read: %s", path,
                       strerror(code));
    }
}

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISSOCK(mode))
        return "a socket";
    return "a device";
}

static enum ps_status check_stat(const struct stat *info, const char *path, uint64_t limit,
                                 struct ps_error *error)
{
    if (!S_ISREG(info->st_mode))
        return ps_fail(error, PS_ERR_INPUT, "image.not-regular", "%.300s: %s, not a regular file", path,
                       kind_of(info->st_mode));
    if (info->st_size == 0)
        return ps_fail(error, PS_ERR_INPUT, "image.empty", "%.300s: the file is empty (0 bytes)", path);
    if ((uint64_t)info->st_size > limit)
        return ps_fail(error, PS_ERR_INPUT, "image.too-large",
                       "%.300s: %llu MB, photos of up to %llu MB are read", path,
                       (unsigned long long)info->st_size / 1000000, (unsigned long long)limit / 1000000);
    return PS_OK;
}

/* A photo that is still being copied or is replaced meanwhile would be a mixture. */
static bool changed(const struct stat *before, const struct stat *after)
{
    return before->st_size != after->st_size || before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
           before->st_mtim.tv_nsec != after->st_mtim.tv_nsec;
}

/* Sets *again where the file is shorter by now. */
static enum ps_status read_all(struct ps_file *file, int fd, bool *again, struct ps_error *error)
{
    size_t done = 0;
    while (done < file->size) {
        const ssize_t got = read(fd, file->bytes + done, file->size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, errno, file->name);
        *again = got == 0;
        if (*again)
            return PS_OK;
        done += (size_t)got;
    }
    return PS_OK;
}

/* *again is set where the file was changed meanwhile. */
static enum ps_status read_once(struct ps_file *file, const char *path, uint64_t limit, bool *again,
                                struct ps_error *error)
{
    *file = (struct ps_file){.name = path};
    *again = false;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, errno, path);

    struct stat before, after;
    enum ps_status status =
        fstat(fd, &before) ? fail_errno(error, errno, path) : check_stat(&before, path, limit, error);
    if (!status) {
        file->size = (size_t)before.st_size;
        file->bytes = malloc(file->size);
        if (!file->bytes)
            status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory for its %zu bytes", path,
                             file->size);
    }
    if (!status)
        status = read_all(file, fd, again, error);
    *again = *again || (!status && (fstat(fd, &after) || changed(&before, &after)));
    close(fd);
    if (status || *again)
        ps_file_free(file);
    return status;
}

enum ps_status ps_file_read(struct ps_file *file, const char *path, uint64_t limit, struct ps_error *error)
{
    enum { ATTEMPTS = 2 };
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        bool again;
        const enum ps_status status = read_once(file, path, limit, &again, error);
        if (status || !again)
            return status;
    }
    ps_fail(error, PS_ERR_TRY_AGAIN, "image.changing", "%.300s: it was changed while it was read, twice",
            path);
    ps_hint(error, "wait until whatever writes it is done");
    return PS_ERR_TRY_AGAIN;
}

void ps_file_free(struct ps_file *file)
{
    free(file->bytes);
    *file = (struct ps_file){0};
}
