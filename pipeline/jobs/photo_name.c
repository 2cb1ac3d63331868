#include "jobs/photo_name.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const photo_endings[] = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"};
/* What copying programs call a file that is not whole. */
static const char *const partial_endings[] = {".part",     ".filepart", ".crdownload",
                                              ".download", ".partial",  ".tmp"};

static bool ends_with(const char *name, const char *const *endings, size_t count)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < count; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

const char *ps_photo_problem(const char *name, mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (name[0] == '.' || !strcasecmp(name, "thumbs.db") || !strcasecmp(name, "desktop.ini") ||
        !strncmp(name, "~$", 2))
        return "a file that systems and programs leave behind";
    if (ends_with(name, partial_endings, sizeof partial_endings / sizeof *partial_endings))
        return "not copied completely, by its name";
    if (!ends_with(name, photo_endings, sizeof photo_endings / sizeof *photo_endings))
        return "no photo, by its name";
    if (S_ISLNK(mode))
        return "a link; links are not followed here";
    return S_ISREG(mode) ? NULL : "not a regular file";
}
