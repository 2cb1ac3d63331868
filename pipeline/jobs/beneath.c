#include "jobs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_NONBLOCK so that opening a pipe without a writer returns. */
enum { OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

static enum ps_status fail_open(struct ps_error *error, int code, const char *root, const char *path)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return ps_fail(error, PS_ERR_INPUT, "photo.not-found", "no such photo: %.300s", path);
    case EXDEV:
    case ELOOP:
        if (root) {
            ps_fail(error, PS_ERR_INPUT, "photo.outside-root",
                    "outside the job root: %.200s leads out of %.200s", path, root);
            ps_hint(error, "put the photo into the job root, or name another root");
            return PS_ERR_INPUT;
        }
        break;
    case ENXIO:
    case EISDIR:
        return ps_fail(error, PS_ERR_INPUT, "photo.not-regular", "not a regular file: %.300s", path);
    case ENOSYS:
        return ps_fail(error, PS_ERR_INPUT, "photo.unreadable",
                       "this system cannot keep paths in a folder (openat2), which a job root needs: %.300s",
                       path);
    default:
        break;
    }
    return ps_fail(error, PS_ERR_INPUT, "photo.unreadable", "%.300s: cannot be read: %s", path,
                   strerror(code));
}

/* What of `path` follows the folder `root`, or null where the path does not begin with it. */
static const char *after(const char *root, const char *path)
{
    const size_t length = strlen(root);
    if (strncmp(path, root, length) != 0)
        return NULL;
    if (length && root[length - 1] != '/' && path[length] != '/')
        return NULL;
    path += length;
    return path + strspn(path, "/");
}

/* Returns a file or -1 with errno. */
static int open_beneath(const char *root, const char *path)
{
    enum { ATTEMPTS = 16 };
    const struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    const char *rest = after(root, path);
    if (!rest) {
        errno = EXDEV;
        return -1;
    }
    const int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    long fd = -1;
    /* EAGAIN: something was renamed while a ".." was resolved. */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        fd = syscall(SYS_openat2, folder, rest, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    const int code = errno;
    close(folder);
    errno = code;
    return (int)fd;
}

static int open_any(const char *root, const char *path)
{
    if (!root)
        return open(path, OPEN_FLAGS);
    char *real = realpath(root, NULL);
    const int fd = real ? open_beneath(real, path) : -1;
    const int code = errno;
    free(real);
    errno = code;
    return fd;
}

enum ps_status ps_beneath_open(int *fd, const char *root, const char *path, struct ps_error *error)
{
    struct stat info;
    *fd = open_any(root, path);
    if (*fd < 0)
        return fail_open(error, errno, root, path);
    if (!fstat(*fd, &info) && S_ISREG(info.st_mode))
        return PS_OK;
    close(*fd);
    *fd = -1;
    return fail_open(error, EISDIR, root, path);
}
