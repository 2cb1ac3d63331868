#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file_system.h"

/* Linux's limit for one component on every file system in use. */
enum { NAME_BYTES = 255 };

void ps_place_make_cache(const char *folder)
{
    const enum { OWNER_ONLY = 0700 } mode = OWNER_ONLY;
    char *above = strdup(folder);
    char *slash = above ? strrchr(above, '/') : NULL;
    if (slash && slash != above) {
        *slash = '\0';
        mkdir(above, mode);
    }
    free(above);
    mkdir(folder, mode);
}

enum ps_status ps_place_fail(struct ps_error *error, int code, const char *doing, const char *path)
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
        ps_hint(error, "choose a shorter name");
        break;
    case EMFILE:
    case ENFILE:
        ps_fail(error, PS_ERR_OUTPUT, "output.too-many-files", "%.300s: too many open files while %s", path,
                doing);
        ps_hint(error, "raise the limit of open files (ulimit -n)");
        break;
    case EIO:
    case ENXIO:
    case ENODEV:
    case EREMOTEIO:
    case ESTALE:
    case ENOTCONN:
    case ESHUTDOWN:
    case EHOSTDOWN:
    case ETIMEDOUT:
        ps_fail(error, PS_ERR_OUTPUT, "output.disk-failing", "%.300s: the disk or share fails while %s: %s",
                path, doing, strerror(code));
        ps_hint(error, "see what the kernel says of it (dmesg), or write to another one");
        break;
    default:
        ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "%.300s: failed while %s: %s", path, doing,
                strerror(code));
        ps_hint(error, "see what the kernel says (dmesg), or write to another folder");
    }
    return PS_ERR_OUTPUT;
}

enum ps_status ps_place_fail_exists(struct ps_error *error, const char *path)
{
    ps_fail(error, PS_ERR_OUTPUT, "output.exists", "%.300s: exists already", path);
    ps_hint(error, "choose another name, or allow it to be replaced (--overwrite)");
    return PS_ERR_OUTPUT;
}

enum ps_status ps_place_open(int *folder, const char **name, const char *path, struct ps_error *error)
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
        return ps_place_fail(error, ENAMETOOLONG, "opening", path);

    char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!parent)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the name of an output");
    /* O_PATH: a folder that may be written but not listed is good enough. */
    *folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int code = errno;
    free(parent);
    return *folder < 0 ? ps_place_fail(error, code, "opening the folder", path) : PS_OK;
}

enum ps_status ps_place_check_room(int folder, const char *path, struct ps_error *error)
{
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS))
        return ps_place_fail(error, errno, "opening the folder for writing", path);
    struct statvfs space;
    /* File systems that do not count report 0 blocks or 0 files in all. */
    if (!fstatvfs(folder, &space) &&
        ((space.f_blocks && !space.f_bfree) || (space.f_files && !space.f_ffree)))
        return ps_place_fail(error, ENOSPC, "looking for room", path);
    return PS_OK;
}

/* Bytes that a temporary has beside those of the name. */
enum { AROUND = sizeof "..packshot-01234567.tmp" - 1 };

/* Bytes of a name that its temporaries keep. */
static size_t kept_of(const char *name)
{
    enum { ENOUGH = 64 };
    const size_t length = strlen(name);
    size_t kept = length;
    if (kept + AROUND > ENOUGH && kept + AROUND > length)
        kept = (length > ENOUGH ? length : ENOUGH) - AROUND;
    /* Not in the middle of a UTF-8 character: some file systems refuse that. */
    while (kept && kept < length && ((unsigned char)name[kept] & 0xc0) == 0x80)
        kept--;
    return kept;
}

enum ps_status ps_place_temporary(char temporary[PS_TEMPORARY_BYTES], const char *name, const char *path,
                                  struct ps_error *error)
{
    uint32_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return ps_place_fail(error, errno, "asking for a random number", path);
    snprintf(temporary, PS_TEMPORARY_BYTES, ".%.*s.packshot-%08x.tmp", (int)kept_of(name), name, random);
    return PS_OK;
}

bool ps_place_is_temporary(const char *temporary, const char *name)
{
    char random[9] = "", whole[PS_TEMPORARY_BYTES];
    const size_t kept = kept_of(name), length = strlen(temporary);
    if (length != kept + AROUND)
        return false;
    snprintf(random, sizeof random, "%s", temporary + kept + sizeof "..packshot-" - 1);
    if (strspn(random, "0123456789abcdef") != 8)
        return false;
    snprintf(whole, sizeof whole, ".%.*s.packshot-%s.tmp", (int)kept, name, random);
    return !strcmp(whole, temporary);
}

bool ps_place_hold(int fd)
{
    struct stat about;
    if (!ps_file_system_is_local(fd))
        return true;
    if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return false;
    return !fstat(fd, &about) && about.st_nlink;
}

bool ps_place_is_held(int fd)
{
    return ps_file_system_is_local(fd) && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
}

enum ps_status ps_place_write(int fd, const void *bytes, size_t size, uint64_t offset, const char *path,
                              struct ps_error *error)
{
    const char *from = bytes;
    while (size) {
        const ssize_t written = pwrite(fd, from, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return ps_place_fail(error, written < 0 ? errno : ENOSPC, "writing", path);
        from += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return PS_OK;
}

int ps_place_move_new(int from_folder, const char *from, int to_folder, const char *to)
{
    if (!renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (!linkat(from_folder, from, to_folder, to, 0)) {
        unlinkat(from_folder, from, 0);
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
    struct stat target;
    if (!fstatat(to_folder, to, &target, AT_SYMLINK_NOFOLLOW))
        return EEXIST;
    return renameat(from_folder, from, to_folder, to) ? errno : 0;
}

int ps_place_rename_new(int folder, const char *from, const char *to)
{
    return ps_place_move_new(folder, from, folder, to);
}

int ps_place_sync(int folder)
{
    const int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return errno == EACCES ? 0 : errno;
    const int code = fsync(readable) && errno != EINVAL ? errno : 0;
    close(readable);
    return code;
}
