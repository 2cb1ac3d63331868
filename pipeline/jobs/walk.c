#include "jobs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/photo_name.h"

enum { PATH_BYTES = 4096 };

struct walk {
    void (*visit)(void *user, const struct ps_walk_entry *entry);
    void *user;
    char path[PATH_BYTES]; /* of what is visited */
};

bool ps_file_mark_same(const struct ps_file_mark *a, const struct ps_file_mark *b)
{
    return a->inode == b->inode && a->size == b->size && a->modified == b->modified &&
           a->inode_changed == b->inode_changed;
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void tell(struct walk *walk, bool folder, const char *problem, const struct stat *info)
{
    const struct ps_walk_entry entry = {.path = walk->path,
                                        .folder = folder,
                                        .problem = problem,
                                        .mark = {.inode = info->st_ino,
                                                 .size = (uint64_t)info->st_size,
                                                 .modified = nanoseconds(info->st_mtim),
                                                 .inode_changed = nanoseconds(info->st_ctim)}};
    walk->visit(walk->user, &entry);
}

static bool is_passed_over(const char *name, int depth)
{
    return name[0] == '.' || (!depth && (!strcmp(name, PS_WATCH_DONE) || !strcmp(name, PS_WATCH_FAILED)));
}

static int look_through(struct walk *walk, int fd, size_t length, int depth);

static void enter(struct walk *walk, int around, const char *name, size_t length, int depth,
                  const struct stat *info)
{
    char problem[160];
    if (depth == PS_WALK_DEPTH) {
        tell(walk, false, "too many folders within each other", info);
        return;
    }
    const int fd = openat(around, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        tell(walk, true, NULL, info);
    const int code = fd < 0 ? errno : look_through(walk, fd, length, depth);
    walk->path[length] = '\0';
    /* What was removed meanwhile is no problem. */
    if (!code || code == ENOENT)
        return;
    snprintf(problem, sizeof problem, "the folder cannot be read: %s", strerror(code));
    tell(walk, false, problem, info);
}

static void meet(struct walk *walk, int fd, const char *name, size_t length, int depth)
{
    struct stat info;
    const size_t used =
        (size_t)snprintf(walk->path + length, sizeof walk->path - length, "%s%s", length ? "/" : "", name);
    if (used >= sizeof walk->path - length || fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW))
        return;
    if (!S_ISDIR(info.st_mode))
        tell(walk, false, ps_photo_problem(name, info.st_mode), &info);
    else if (!is_passed_over(name, depth))
        enter(walk, fd, name, length + used, depth + 1, &info);
}

/* Takes `fd` over. Returns 0 or an errno. */
static int look_through(struct walk *walk, int fd, size_t length, int depth)
{
    const struct dirent *entry;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        const int code = errno;
        close(fd);
        return code;
    }
    while (errno = 0, (entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            meet(walk, fd, name, length, depth);
    }
    const int code = errno;
    closedir(folder);
    return code;
}

enum ps_status ps_walk(const char *folder, void (*visit)(void *user, const struct ps_walk_entry *entry),
                       void *user, struct ps_error *error)
{
    struct walk walk = {.visit = visit, .user = user};
    struct stat info;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool known = fd >= 0 && !fstat(fd, &info);
    if (known)
        tell(&walk, true, NULL, &info);
    const int code = known ? look_through(&walk, fd, 0, 0) : errno;
    if (!known && fd >= 0)
        close(fd);
    return code ? ps_fail(error, PS_ERR_INPUT, "watch.no-folder", "%.300s: cannot be read: %s", folder,
                          strerror(code))
                : PS_OK;
}
