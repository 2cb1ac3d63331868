#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"

struct ps_output {
    const char *path;
    const char *name; /* last component of path */
    /* In the same folder; empty when there is none to remove. */
    char temporary[PS_TEMPORARY_BYTES];
    int folder;
    int fd;
    bool overwrite, settled;
};

/* Only regular files are replaced: a rename over /dev/null or over a link would destroy something else. */
static enum ps_status check_target(int folder, const char *name, const char *path, bool overwrite,
                                   struct ps_error *error)
{
    struct stat target;
    if (fstatat(folder, name, &target, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? PS_OK : ps_place_fail(error, errno, "looking at it", path);
    if (S_ISDIR(target.st_mode))
        return ps_fail(error, PS_ERR_OUTPUT, "output.is-directory", "%.300s: is a folder", path);
    if (!S_ISREG(target.st_mode))
        return ps_fail(error, PS_ERR_OUTPUT, "output.not-regular",
                       "%.300s: exists and is no regular file (%s)", path,
                       S_ISLNK(target.st_mode)    ? "a symbolic link"
                       : S_ISFIFO(target.st_mode) ? "a pipe"
                                                  : "a device or socket");
    return overwrite ? PS_OK : ps_place_fail_exists(error, path);
}

enum ps_status ps_output_check(const char *path, bool overwrite, struct ps_error *error)
{
    int folder;
    const char *name = NULL;
    enum ps_status status = ps_place_open(&folder, &name, path, error);
    if (!status)
        status = check_target(folder, name, path, overwrite, error);
    if (!status)
        status = ps_place_check_room(folder, path, error);
    if (folder >= 0)
        close(folder);
    return status;
}

static enum ps_status create_temporary(struct ps_output *output, struct ps_error *error)
{
    int code = EEXIST;
    for (int attempt = 0; attempt < 100 && code == EEXIST; attempt++) {
        const enum ps_status status =
            ps_place_temporary(output->temporary, output->name, output->path, error);
        if (status)
            return status;
        output->fd = openat(output->folder, output->temporary,
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (output->fd >= 0 && ps_place_hold(output->fd))
            return PS_OK;
        code = output->fd >= 0 ? EEXIST : errno;
        if (output->fd >= 0)
            close(output->fd);
        output->fd = -1;
    }
    output->temporary[0] = '\0';
    return ps_place_fail(error, code, "creating a temporary file beside it", output->path);
}

enum ps_status ps_output_open(struct ps_output **output, const char *path, bool overwrite,
                              struct ps_error *error)
{
    *output = NULL;
    struct ps_output *made = calloc(1, sizeof *made);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for an output");
    made->path = path;
    made->overwrite = overwrite;
    made->fd = -1;
    enum ps_status status = ps_place_open(&made->folder, &made->name, path, error);
    if (!status)
        status = check_target(made->folder, made->name, path, overwrite, error);
    if (!status)
        status = create_temporary(made, error);
    if (status)
        ps_output_close(&made);
    *output = made;
    return status;
}

enum ps_status ps_output_write(struct ps_output *output, const void *bytes, size_t size, uint64_t offset,
                               struct ps_error *error)
{
    return ps_place_write(output->fd, bytes, size, offset, output->path, error);
}

int ps_output_fd(const struct ps_output *output)
{
    return output->fd;
}

char *ps_output_temporary(const struct ps_output *output)
{
    const size_t folder = (size_t)(output->name - output->path), size = folder + sizeof output->temporary;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%.*s%s", (int)folder, output->path, output->temporary);
    return path;
}

enum ps_status ps_output_reopen(struct ps_output *output, struct ps_error *error)
{
    struct stat about = {0};
    const int fd =
        openat(output->folder, output->temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        const char *problem = about.st_mode ? "no regular file" : strerror(errno);
        ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "%.300s: its temporary file was replaced: %s",
                output->path, problem);
        if (fd >= 0)
            close(fd);
        return PS_ERR_OUTPUT;
    }
    ps_place_hold(fd);
    close(output->fd);
    output->fd = fd;
    return PS_OK;
}

/* Network file systems report a late failure at a close, of any of a file's descriptors. Returns 0 or an errno. */
static int close_early(struct ps_output *output)
{
    const int twin = fcntl(output->fd, F_DUPFD_CLOEXEC, 0);
    if (twin >= 0)
        return close(twin) ? errno : 0;
    const int code = close(output->fd) ? errno : 0;
    output->fd = -1;
    return code;
}

static enum ps_status give_name(struct ps_output *output, struct ps_error *error)
{
    if (!output->overwrite) {
        const int code = ps_place_rename_new(output->folder, output->temporary, output->name);
        if (code == EEXIST)
            return ps_place_fail_exists(error, output->path);
        return code ? ps_place_fail(error, code, "giving it its name", output->path) : PS_OK;
    }
    const enum ps_status status = check_target(output->folder, output->name, output->path, true, error);
    if (status)
        return status;
    if (renameat(output->folder, output->temporary, output->folder, output->name))
        return ps_place_fail(error, errno, "giving it its name", output->path);
    return PS_OK;
}

enum ps_status ps_output_settle(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error)
{
    if (fsync(output->fd))
        return ps_place_fail(error, errno, "syncing it to the disk", output->path);
    const enum ps_status status = verify ? verify(user, output->fd, error) : PS_OK;
    output->settled = !status;
    return status;
}

enum ps_status ps_output_displace(struct ps_output *output, struct ps_error *error)
{
    if (!output->overwrite)
        return PS_OK;
    const enum ps_status status = check_target(output->folder, output->name, output->path, true, error);
    if (status)
        return status;
    if (unlinkat(output->folder, output->name, 0) && errno != ENOENT)
        return ps_place_fail(error, errno, "removing the older one", output->path);
    return PS_OK;
}

enum ps_status ps_output_commit(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error)
{
    enum ps_status status = output->settled ? PS_OK : ps_output_settle(output, verify, user, error);
    if (status)
        return status;
    int code = close_early(output);
    if (code)
        return ps_place_fail(error, code, "closing it", output->path);
    status = give_name(output, error);
    if (status)
        return status;
    output->temporary[0] = '\0';
    code = ps_place_sync(output->folder);
    if (code)
        return ps_place_fail(error, code, "syncing its folder (it is complete, but a power cut may undo it)",
                             output->path);
    return PS_OK;
}

void ps_output_close(struct ps_output **output)
{
    struct ps_output *old = *output;
    *output = NULL;
    if (!old)
        return;
    if (old->fd >= 0)
        close(old->fd);
    if (old->temporary[0])
        unlinkat(old->folder, old->temporary, 0);
    if (old->folder >= 0)
        close(old->folder);
    free(old);
}
