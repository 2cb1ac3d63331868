#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/output.h"
#include "base/place.h"

/* The files of a folder, and the folder. What is no regular file was not made by an output, and then all of it stays. */
static bool remove_folder(int around, const char *name)
{
    const int folder = openat(around, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = folder < 0 ? NULL : fdopendir(folder);
    const struct dirent *entry;
    bool ours = list != NULL;
    while (ours && (entry = readdir(list))) {
        struct stat about;
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            ours = !fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) && S_ISREG(about.st_mode) &&
                   !unlinkat(folder, entry->d_name, 0);
    }
    if (list)
        closedir(list);
    else if (folder >= 0)
        close(folder);
    return ours && !unlinkat(around, name, AT_REMOVEDIR);
}

static bool remove_temporary(int folder, const char *name)
{
    struct stat about;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) || about.st_uid != geteuid() ||
        (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)))
        return false;
    /* Open, and so held, until it is removed: who has just made it then sees that. */
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const bool removed = !(fd >= 0 && ps_place_is_held(fd)) &&
                         (S_ISDIR(about.st_mode) ? remove_folder(folder, name) : !unlinkat(folder, name, 0));
    if (fd >= 0)
        close(fd);
    return removed;
}

unsigned ps_output_sweep(const char *path, bool certain)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *plain = strndup(path, length);
    const char *name = NULL;
    int folder = -1;
    unsigned removed = 0;
    if (plain && !ps_place_open(&folder, &name, plain, NULL)) {
        const int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *list = readable < 0 ? NULL : fdopendir(readable);
        const bool may = certain || (readable >= 0 && ps_file_system_is_local(readable));
        const struct dirent *entry;
        while (list && may && (entry = readdir(list)))
            if (ps_place_is_temporary(entry->d_name, name))
                removed += remove_temporary(folder, entry->d_name);
        if (list)
            closedir(list);
    }
    if (folder >= 0)
        close(folder);
    free(plain);
    return removed;
}
