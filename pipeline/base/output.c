#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct ps_output {
    const char *path;
    const char *name;    /* last component of path */
    char temporary[256]; /* in the same folder; empty when there is none to remove */
    int folder;
    int fd;
    bool overwrite, settled;
};

/* Linux's limit for one component on every file system in use. */
enum { NAME_BYTES = 255 };

static enum ps_status fail_errno(struct ps_error *error, int code, const char *doing, const char *path)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        ps_fail(error, PS_ERR_OUTPUT, "output.disk-full", "%.300s: the disk is full while %s: %s", path,
                doing, strerror(code));
        ps_hint(error, "free some space, or write to another disk");
        break;
    case EFBIG:
        ps_fail(error, PS_ERR_OUTPUT, "output.disk-full", "%.300s: %s: larger than this process may write",
                path, doing);
        ps_hint(error, "raise the file size limit (ulimit -f), or write to another file system");
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        ps_fail(error, PS_ERR_OUTPUT, "output.not-writable", "%.300s: not permitted while %s: %s", path,
                doing, strerror(code));
        ps_hint(error, "choose a folder that you may write to");
        break;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        ps_fail(error, PS_ERR_OUTPUT, "output.no-folder", "%.300s: the folder does not exist: %s", path,
                strerror(code));
        ps_hint(error, "create the folder first");
        break;
    case ENAMETOOLONG:
        ps_fail(error, PS_ERR_OUTPUT, "output.bad-name",
                "%.300s: the name is longer than the file system takes", path);
        break;
    default:
        ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "%.300s: failed while %s: %s", path, doing,
                strerror(code));
    }
    return PS_ERR_OUTPUT;
}

static enum ps_status fail_exists(struct ps_error *error, const char *path)
{
    ps_fail(error, PS_ERR_OUTPUT, "output.exists", "%.300s: exists already", path);
    ps_hint(error, "choose another name, or allow it to be replaced (--overwrite)");
    return PS_ERR_OUTPUT;
}

/* Opens the folder of `path` and points *name at the last component. */
static enum ps_status open_folder(int *folder, const char **name, const char *path, struct ps_error *error)
{
    *folder = -1;
    if (!path || !*path)
        return ps_fail(error, PS_ERR_OUTPUT, "output.bad-name", "the output's name is empty");
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
        return ps_fail(error, PS_ERR_OUTPUT, "output.is-directory", "%.300s: names a folder, not a file",
                       path);
    if (strlen(*name) > NAME_BYTES)
        return fail_errno(error, ENAMETOOLONG, "opening", path);

    char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!parent)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the name of an output");
    /* O_PATH: a folder that may be written but not listed is good enough. */
    *folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int code = errno;
    free(parent);
    return *folder < 0 ? fail_errno(error, code, "opening the folder", path) : PS_OK;
}

/* Only regular files are replaced: a rename over /dev/null or over a link would destroy something else. */
static enum ps_status check_target(int folder, const char *name, const char *path, bool overwrite,
                                   struct ps_error *error)
{
    struct stat target;
    if (fstatat(folder, name, &target, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? PS_OK : fail_errno(error, errno, "looking at it", path);
    if (S_ISDIR(target.st_mode))
        return ps_fail(error, PS_ERR_OUTPUT, "output.is-directory", "%.300s: is a folder", path);
    if (!S_ISREG(target.st_mode))
        return ps_fail(error, PS_ERR_OUTPUT, "output.not-regular",
                       "%.300s: exists and is no regular file (%s)", path,
                       S_ISLNK(target.st_mode)    ? "a symbolic link"
                       : S_ISFIFO(target.st_mode) ? "a pipe"
                                                  : "a device or socket");
    return overwrite ? PS_OK : fail_exists(error, path);
}

static enum ps_status check_room(int folder, const char *path, struct ps_error *error)
{
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS))
        return fail_errno(error, errno, "opening the folder for writing", path);
    struct statvfs space;
    /* File systems that do not count report 0 blocks or 0 files in all. */
    if (!fstatvfs(folder, &space) &&
        ((space.f_blocks && !space.f_bfree) || (space.f_files && !space.f_ffree)))
        return fail_errno(error, ENOSPC, "looking for room", path);
    return PS_OK;
}

enum ps_status ps_output_check(const char *path, bool overwrite, struct ps_error *error)
{
    int folder;
    const char *name = NULL;
    enum ps_status status = open_folder(&folder, &name, path, error);
    if (!status)
        status = check_target(folder, name, path, overwrite, error);
    if (!status)
        status = check_room(folder, path, error);
    if (folder >= 0)
        close(folder);
    return status;
}

/* ".NAME.packshot-XXXXXXXX.tmp", with NAME cut so that the whole is no longer than NAME itself or 64 bytes:
 * it then fits every file system that the name fits. */
static void name_temporary(struct ps_output *output, uint32_t random)
{
    enum { AROUND = sizeof "..packshot-01234567.tmp" - 1, ENOUGH = 64 };
    const size_t length = strlen(output->name);
    size_t kept = length;
    if (kept + AROUND > ENOUGH && kept + AROUND > length)
        kept = (length > ENOUGH ? length : ENOUGH) - AROUND;
    /* Not in the middle of a UTF-8 character: some file systems refuse that. */
    while (kept && kept < length && ((unsigned char)output->name[kept] & 0xc0) == 0x80)
        kept--;
    snprintf(output->temporary, sizeof output->temporary, ".%.*s.packshot-%08x.tmp", (int)kept, output->name,
             random);
}

static enum ps_status create_temporary(struct ps_output *output, struct ps_error *error)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        uint32_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return fail_errno(error, errno, "asking for a random number", output->path);
        name_temporary(output, random);
        output->fd = openat(output->folder, output->temporary,
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (output->fd >= 0)
            return PS_OK;
        if (errno != EEXIST)
            break;
    }
    const int code = errno;
    output->temporary[0] = '\0';
    return fail_errno(error, code, "creating a temporary file beside it", output->path);
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
    enum ps_status status = open_folder(&made->folder, &made->name, path, error);
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
    const char *from = bytes;
    while (size) {
        const ssize_t written = pwrite(output->fd, from, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail_errno(error, written < 0 ? errno : ENOSPC, "writing", output->path);
        from += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return PS_OK;
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
    const int fd = openat(output->folder, output->temporary,
                          O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        const char *problem = about.st_mode ? "no regular file" : strerror(errno);
        ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "%.300s: its temporary file was replaced: %s",
                output->path, problem);
        if (fd >= 0)
            close(fd);
        return PS_ERR_OUTPUT;
    }
    close(output->fd);
    output->fd = fd;
    return PS_OK;
}

/* Renames without replacing. Where the file system lacks that (NFS, some FUSE), a hard link does the same;
 * where it lacks links too, only a look beforehand is left. Returns 0 or an errno. */
static int rename_new(struct ps_output *output)
{
    const int folder = output->folder;
    if (!renameat2(folder, output->temporary, folder, output->name, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (!linkat(folder, output->temporary, folder, output->name, 0)) {
        unlinkat(folder, output->temporary, 0);
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
    struct stat target;
    if (!fstatat(folder, output->name, &target, AT_SYMLINK_NOFOLLOW))
        return EEXIST;
    return renameat(folder, output->temporary, folder, output->name) ? errno : 0;
}

static enum ps_status give_name(struct ps_output *output, struct ps_error *error)
{
    if (!output->overwrite) {
        const int code = rename_new(output);
        if (code == EEXIST)
            return fail_exists(error, output->path);
        return code ? fail_errno(error, code, "giving it its name", output->path) : PS_OK;
    }
    const enum ps_status status = check_target(output->folder, output->name, output->path, true, error);
    if (status)
        return status;
    if (renameat(output->folder, output->temporary, output->folder, output->name))
        return fail_errno(error, errno, "giving it its name", output->path);
    return PS_OK;
}

/* Until the folder is on disk a power cut may take the new name back. Returns 0 or an errno; a folder that
 * cannot be read or a file system without this notion has done what it can. */
static int sync_folder(int folder)
{
    const int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return errno == EACCES ? 0 : errno;
    const int code = fsync(readable) && errno != EINVAL ? errno : 0;
    close(readable);
    return code;
}

enum ps_status ps_output_settle(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error)
{
    if (fsync(output->fd))
        return fail_errno(error, errno, "syncing it to the disk", output->path);
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
        return fail_errno(error, errno, "removing the older one", output->path);
    return PS_OK;
}

enum ps_status ps_output_commit(struct ps_output *output, ps_output_verify *verify, void *user,
                                struct ps_error *error)
{
    enum ps_status status = output->settled ? PS_OK : ps_output_settle(output, verify, user, error);
    if (status)
        return status;
    /* Network file systems report a late failure here. */
    const int closed = close(output->fd);
    output->fd = -1;
    if (closed)
        return fail_errno(error, errno, "closing it", output->path);
    status = give_name(output, error);
    if (status)
        return status;
    output->temporary[0] = '\0';
    const int code = sync_folder(output->folder);
    if (code)
        return fail_errno(error, code, "syncing its folder (it is complete, but a power cut may undo it)",
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
