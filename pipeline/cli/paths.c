#include "cli/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"

bool cli_path_join(char to[CLI_PATH_SIZE], const char *folder, const char *name)
{
    const char *between = *folder && folder[strlen(folder) - 1] != '/' ? "/" : "";
    const bool fits = snprintf(to, CLI_PATH_SIZE, "%s%s%s", folder, between, name) < CLI_PATH_SIZE;
    if (!fits)
        to[0] = '\0';
    return fits;
}

bool cli_path_folder(char to[CLI_PATH_SIZE], const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (length >= CLI_PATH_SIZE)
        return false;
    memcpy(to, slash ? path : ".", length);
    to[length] = '\0';
    return true;
}

bool cli_path_program(char to[CLI_PATH_SIZE])
{
    char path[CLI_PATH_SIZE];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    return cli_path_folder(to, path);
}

bool cli_path_resolve(char to[CLI_PATH_SIZE], const char *folder, const char *name)
{
    if (!cli_path_join(to, folder, name))
        return false;
    char *found = realpath(to, NULL);
    const bool fits = found && strlen(found) < CLI_PATH_SIZE;
    if (fits)
        memcpy(to, found, strlen(found) + 1);
    free(found);
    return fits;
}

bool cli_path_absolute(char to[CLI_PATH_SIZE], const char *path)
{
    char whole[CLI_PATH_SIZE] = "";
    size_t used = 0;
    if (*path != '/' && !getcwd(whole, sizeof whole))
        return false;
    char joined[CLI_PATH_SIZE];
    if (!cli_path_join(joined, whole, path))
        return false;
    for (const char *at = joined; *at;) {
        const size_t slashes = strspn(at, "/"), length = strcspn(at + slashes, "/");
        at += slashes;
        if (length == 1 && *at == '.') {
            at += length;
            continue;
        }
        to[used++] = '/';
        memcpy(to + used, at, length);
        used += length;
        at += length;
    }
    if (!used)
        to[used++] = '/';
    to[used] = '\0';
    return true;
}

/* Returns 0 or an errno. */
static int make(const char *folder)
{
    char path[CLI_PATH_SIZE];
    if (!cli_path_absolute(path, folder))
        return ENAMETOOLONG;
    for (char *at = path + 1;; at++) {
        const char here = *at;
        if (here && here != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0777) && errno != EEXIST && errno != EISDIR)
            return errno;
        *at = here;
        if (!here)
            break;
    }
    return access(path, F_OK) ? errno : 0;
}

enum ps_status cli_path_make(const char *folder, struct ps_error *error)
{
    const int code = make(folder);
    return code ? ps_place_fail(error, code, "making the folder", folder) : PS_OK;
}

bool cli_path_standing(char to[CLI_PATH_SIZE], const char *path)
{
    struct stat about;
    if (!cli_path_absolute(to, path))
        return false;
    while (stat(to, &about) || !S_ISDIR(about.st_mode)) {
        char *slash = strrchr(to, '/');
        slash[slash == to] = '\0';
        if (slash == to)
            break;
    }
    return true;
}

bool cli_path_climbs(const char *path)
{
    while (*path) {
        const size_t length = strcspn(path, "/");
        if (length == 2 && !strncmp(path, "..", 2))
            return true;
        path += length;
        path += strspn(path, "/");
    }
    return false;
}

bool cli_path_is_beneath(const char *path, const char *folder)
{
    char *whole = realpath(path, NULL), *root = realpath(folder, NULL);
    const size_t length = root ? strlen(root) : 0;
    const bool beneath =
        whole && root && !strncmp(whole, root, length) && (whole[length] == '/' || !strcmp(root, "/"));
    free(whole);
    free(root);
    return beneath;
}
