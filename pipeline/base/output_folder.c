#include "base/output_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"

struct ps_output_folder {
    char *path;
    const char *name; /* last component of path */
    /* Beside the target; empty when there is none to remove. */
    char temporary[PS_TEMPORARY_BYTES];
    int around; /* the folder that it is in */
    int fd;
    bool overwrite;
    ps_output_folder_owns *owns;
};

static char *without_slashes(const char *path, struct ps_error *error)
{
    size_t length = path ? strlen(path) : 0;
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *copy = strndup(path ? path : "", length);
    if (!copy)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the name of an output");
    return copy;
}

/* Calls `visit` for every entry but . and .. until it returns false. Returns 0 or an errno. */
static int each_entry(int folder, bool (*visit)(void *user, int folder, const char *name), void *user)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        const int code = errno;
        if (fd >= 0)
            close(fd);
        return code;
    }
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && !visit(user, folder, entry->d_name))
            break;
    closedir(entries);
    return 0;
}

struct stranger {
    ps_output_folder_owns *owns;
    char name[256]; /* empty where there is none */
};

static bool look_for_stranger(void *user, int folder, const char *name)
{
    struct stranger *stranger = user;
    struct stat info;
    if (stranger->owns(name) && !fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) && S_ISREG(info.st_mode))
        return true;
    snprintf(stranger->name, sizeof stranger->name, "%s", name);
    return false;
}

static enum ps_status check_target(int around, const char *name, const char *path, bool overwrite,
                                   ps_output_folder_owns *owns, struct ps_error *error)
{
    struct stat target;
    struct stranger stranger = {.owns = owns};
    if (fstatat(around, name, &target, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? PS_OK : ps_place_fail(error, errno, "looking at it", path);
    if (!S_ISDIR(target.st_mode))
        return ps_fail(error, PS_ERR_OUTPUT, "output.not-directory", "%.300s: exists and is no folder", path);
    if (!overwrite)
        return ps_place_fail_exists(error, path);
    const int fd = openat(around, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int code = fd < 0 ? errno : each_entry(fd, look_for_stranger, &stranger);
    if (fd >= 0)
        close(fd);
    if (code)
        return ps_place_fail(error, code, "looking into it", path);
    if (!stranger.name[0])
        return PS_OK;
    ps_fail(error, PS_ERR_OUTPUT, "output.foreign-file",
            "%.300s: is a folder with \"%.100s\" in it, which packshot did not write", path, stranger.name);
    ps_hint(error, "name another folder, or take that out of it");
    return PS_ERR_OUTPUT;
}

enum ps_status ps_output_folder_check(const char *path, bool overwrite, ps_output_folder_owns *owns,
                                      struct ps_error *error)
{
    int around = -1;
    const char *name = NULL;
    char *stripped = without_slashes(path, error);
    enum ps_status status = stripped ? ps_place_open(&around, &name, stripped, error) : PS_ERR_MEMORY;
    if (!status)
        status = check_target(around, name, path, overwrite, owns, error);
    if (!status)
        status = ps_place_check_room(around, path, error);
    if (around >= 0)
        close(around);
    free(stripped);
    return status;
}

/* Returns 0 or an errno; EEXIST where a sweep has removed it meanwhile. */
static int open_temporary(struct ps_output_folder *folder)
{
    const int fd = openat(folder->around, folder->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int code = errno;
    if (fd < 0 && code != ENOENT) {
        unlinkat(folder->around, folder->temporary, AT_REMOVEDIR);
        return code;
    }
    if (fd >= 0 && ps_place_hold(fd)) {
        folder->fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return EEXIST;
}

static enum ps_status create_temporary(struct ps_output_folder *folder, struct ps_error *error)
{
    int code = EEXIST;
    for (int attempt = 0; attempt < 100 && code == EEXIST; attempt++) {
        const enum ps_status status =
            ps_place_temporary(folder->temporary, folder->name, folder->path, error);
        if (status)
            return status;
        code = mkdirat(folder->around, folder->temporary, 0777) ? errno : 0;
        if (!code)
            code = open_temporary(folder);
    }
    if (folder->fd >= 0)
        return PS_OK;
    folder->temporary[0] = '\0';
    return ps_place_fail(error, code, "creating a temporary folder beside it", folder->path);
}

enum ps_status ps_output_folder_open(struct ps_output_folder **folder, const char *path, bool overwrite,
                                     ps_output_folder_owns *owns, struct ps_error *error)
{
    *folder = NULL;
    struct ps_output_folder *made = calloc(1, sizeof *made);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for an output");
    made->around = made->fd = -1;
    made->overwrite = overwrite;
    made->owns = owns;
    made->path = without_slashes(path, error);
    enum ps_status status =
        made->path ? ps_place_open(&made->around, &made->name, made->path, error) : PS_ERR_MEMORY;
    if (!status)
        status = check_target(made->around, made->name, made->path, overwrite, owns, error);
    if (!status)
        status = create_temporary(made, error);
    if (status)
        ps_output_folder_close(&made);
    *folder = made;
    return status;
}

enum ps_status ps_output_folder_file(struct ps_output_folder *folder, const char *name, const void *bytes,
                                     size_t size, struct ps_error *error)
{
    const int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return ps_place_fail(error, errno, "creating a file in it", folder->path);
    enum ps_status status = ps_place_write(fd, bytes, size, 0, folder->path, error);
    if (!status && fsync(fd))
        status = ps_place_fail(error, errno, "syncing a file to the disk", folder->path);
    if (close(fd) && !status)
        status = ps_place_fail(error, errno, "closing a file", folder->path);
    return status;
}

int ps_output_folder_fd(const struct ps_output_folder *folder)
{
    return folder->fd;
}

static bool remove_entry(void *user, int folder, const char *name)
{
    const struct ps_output_folder *owner = user;
    if (owner->owns(name))
        unlinkat(folder, name, 0);
    return true;
}

/* Removes the temporary, or the folder that it was exchanged for; one that somebody else has put something into since
 * stays. */
static void remove_temporary(struct ps_output_folder *folder)
{
    const int fd = openat(folder->around, folder->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    each_entry(fd, remove_entry, folder);
    close(fd);
    unlinkat(folder->around, folder->temporary, AT_REMOVEDIR);
}

/* Swaps the names of the temporary and an existing target. Where the file system cannot do both at once there is a
 * moment in which neither has the name. Returns 0 or an errno. */
static int exchange(const struct ps_output_folder *folder)
{
    char old[PS_TEMPORARY_BYTES + 4];
    const int around = folder->around;
    if (!renameat2(around, folder->temporary, around, folder->name, RENAME_EXCHANGE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    snprintf(old, sizeof old, "%s.old", folder->temporary);
    if (renameat(around, folder->name, around, old))
        return errno;
    if (!renameat(around, folder->temporary, around, folder->name))
        return renameat(around, old, around, folder->temporary) ? errno : 0;
    const int code = errno;
    renameat(around, old, around, folder->name);
    return code;
}

static enum ps_status give_name(struct ps_output_folder *folder, struct ps_error *error)
{
    const int code = ps_place_rename_new(folder->around, folder->temporary, folder->name);
    if (!code) {
        folder->temporary[0] = '\0';
        return PS_OK;
    }
    if (code != EEXIST)
        return ps_place_fail(error, code, "giving it its name", folder->path);
    /* Looked at again, since minutes may have passed. */
    const enum ps_status status =
        check_target(folder->around, folder->name, folder->path, folder->overwrite, folder->owns, error);
    if (status)
        return status;
    const int exchanged = exchange(folder);
    return exchanged ? ps_place_fail(error, exchanged, "giving it its name", folder->path) : PS_OK;
}

enum ps_status ps_output_folder_commit(struct ps_output_folder *folder, struct ps_error *error)
{
    int code = ps_place_sync(folder->fd);
    if (code)
        return ps_place_fail(error, code, "syncing it to the disk", folder->path);
    const enum ps_status status = give_name(folder, error);
    if (status)
        return status;
    code = ps_place_sync(folder->around);
    if (code)
        return ps_place_fail(error, code, "syncing its folder (it is complete, but a power cut may undo it)",
                             folder->path);
    return PS_OK;
}

void ps_output_folder_close(struct ps_output_folder **folder)
{
    struct ps_output_folder *old = *folder;
    *folder = NULL;
    if (!old)
        return;
    if (old->fd >= 0)
        close(old->fd);
    if (old->temporary[0])
        remove_temporary(old);
    if (old->around >= 0)
        close(old->around);
    free(old->path);
    free(old);
}
