/* The hash of a folder is that of the text that sha256sum gives for its files in the order of their names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provenance/origin.h"

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* One line of sha256sum's. Returns 0 or an errno. */
static int hash_entry(FILE *lines, uint64_t *bytes, int folder, const char *name)
{
    char text[PS_SHA256_TEXT];
    struct stat about;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int code = fd < 0 || fstat(fd, &about) ? errno : S_ISREG(about.st_mode) ? ps_sha256_fd(text, fd) : EINVAL;
    if (fd >= 0)
        close(fd);
    if (code)
        return code;
    *bytes += (uint64_t)about.st_size;
    return fprintf(lines, "%s  %s\n", text, name) < 0 ? ENOMEM : 0;
}

int ps_fingerprint_folder(struct ps_fingerprint *fingerprint, int folder)
{
    struct dirent **entries = NULL;
    char *text = NULL;
    size_t size = 0;
    const int count = scandirat(folder, ".", &entries, is_visible, compare_names);
    FILE *lines = count < 0 ? NULL : open_memstream(&text, &size);
    int code = lines ? 0 : errno;
    for (int i = 0; i < count; i++) {
        if (!code)
            code = hash_entry(lines, &fingerprint->bytes, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (lines && fclose(lines) && !code)
        code = ENOMEM;
    if (!code)
        code = ps_sha256(fingerprint->sha256, text, size);
    free(text);
    return code;
}
