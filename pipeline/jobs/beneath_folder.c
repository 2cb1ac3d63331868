#include "jobs/beneath_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"

enum { NAME_BYTES = 256, NAMES = 1000 };

static int open_part(int around, const char *name, bool make)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    const int fd = openat(around, name, FLAGS);
    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    return mkdirat(around, name, 0777) && errno != EEXIST ? -1 : openat(around, name, FLAGS);
}

static int open_beneath(int root, const char *path, size_t length, bool make)
{
    int at = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const char *end = path + length; at >= 0 && path < end;) {
        char name[NAME_BYTES];
        size_t part = strcspn(path, "/");
        if (part > (size_t)(end - path))
            part = (size_t)(end - path);
        if (part >= sizeof name) {
            close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, part);
        name[part] = '\0';
        const int next = open_part(at, name, make), code = errno;
        close(at);
        errno = code;
        at = next;
        path += part;
        path += path < end;
    }
    return at;
}

int ps_folder_beneath(int root, const char *path, bool make)
{
    return open_beneath(root, path, strlen(path), make);
}

int ps_folder_around(int root, const char *path, bool make, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    return open_beneath(root, path, slash ? (size_t)(slash - path) : 0, make);
}

int ps_move_beside(int from_folder, const char *from, int to_folder, const char *name, char made[256])
{
    const char *dot = strrchr(name, '.');
    const int stem = (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
    int code = snprintf(made, NAME_BYTES, "%s", name) < NAME_BYTES
                   ? ps_place_move_new(from_folder, from, to_folder, made)
                   : ENAMETOOLONG;
    for (int number = 2; code == EEXIST && number < NAMES; number++) {
        if (snprintf(made, NAME_BYTES, "%.*s_%d%s", stem, name, number, name + stem) >= NAME_BYTES)
            return ENAMETOOLONG;
        code = ps_place_move_new(from_folder, from, to_folder, made);
    }
    return code;
}
