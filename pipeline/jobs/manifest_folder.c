#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/photo_name.h"
#include "jobs/source.h"
#include "provenance/sha256.h"

struct ps_source {
    DIR *folder;
    char **names; /* sorted by their bytes */
    size_t count, capacity, at;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct ps_source *source, const char *name)
{
    if (source->count == source->capacity) {
        const size_t capacity = 2 * source->capacity + 64;
        char **names = realloc(source->names, capacity * sizeof *names);
        if (!names)
            return false;
        source->names = names;
        source->capacity = capacity;
    }
    source->names[source->count] = strdup(name);
    return source->names[source->count++] != NULL;
}

/* All names but packshot's own; one more than may be suffices to tell that there are too many. */
static enum ps_status list_names(struct ps_manifest *manifest, struct ps_error *error)
{
    struct ps_source *source = manifest->reader->source;
    const struct dirent *entry;
    while (errno = 0, source->count <= PS_MANIFEST_ROWS && (entry = readdir(source->folder))) {
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..") || !strncmp(name, ".packshot", 9))
            continue;
        if (!add_name(source, name))
            return ps_manifest_fail_memory(manifest, error);
    }
    if (errno)
        return ps_manifest_fail_read(manifest, errno, error);
    if (source->count)
        qsort(source->names, source->count, sizeof *source->names, compare_names);
    return PS_OK;
}

/* A folder has no bytes of its own: names, sizes and times stand for it. */
static enum ps_status hash_folder(struct ps_manifest *manifest, struct ps_error *error)
{
    const struct ps_source *source = manifest->reader->source;
    struct stat info;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    for (size_t i = 0; to && i < source->count; i++)
        if (!fstatat(dirfd(source->folder), source->names[i], &info, 0) && !S_ISDIR(info.st_mode))
            fprintf(to, "%s%c%lld %lld.%09ld\n", source->names[i], '\0', (long long)info.st_size,
                    (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    const bool written = to && !ferror(to);
    const bool hashed = to && !fclose(to) && written && !ps_sha256(manifest->sha256, text, size);
    free(text);
    return hashed ? PS_OK : ps_manifest_fail_memory(manifest, error);
}

static enum ps_status next_row(struct ps_manifest *manifest, bool *found, struct ps_error *error)
{
    struct ps_manifest_reader *reader = manifest->reader;
    struct ps_source *source = reader->source;
    struct stat info = {0};
    if (source->at == source->count)
        return PS_OK;
    const char *name = source->names[source->at++];
    const bool gone = fstatat(dirfd(source->folder), name, &info, 0) != 0;
    const char *reason =
        gone ? "a link that leads nowhere, or removed meanwhile" : ps_photo_problem(name, info.st_mode);
    ps_raw_begin(&reader->raw, source->at);
    *found = true;
    reader->ignored = reason ? strdup(reason) : NULL;
    if ((reason && !reader->ignored) || !ps_raw_add(&reader->raw, 0, 1, name, strlen(name)))
        return ps_manifest_fail_memory(manifest, error);
    return PS_OK;
}

static void close_source(struct ps_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        free(source->names[i]);
    free(source->names);
    closedir(source->folder);
    free(source);
}

enum ps_status ps_manifest_folder_open(struct ps_manifest *manifest, int fd, struct ps_error *error)
{
    struct ps_source *source = calloc(1, sizeof *source);
    DIR *folder = source ? fdopendir(fd) : NULL;
    if (!folder) {
        const int code = errno;
        free(source);
        return ps_manifest_fail_read(manifest, code, error);
    }
    source->folder = folder;
    manifest->kind = PS_MANIFEST_FOLDER;
    manifest->reader->source = source;
    manifest->reader->next = next_row;
    manifest->reader->close = close_source;
    if (ps_manifest_know(manifest, "photo", 0, 0) == PS_MANIFEST_COLUMNS)
        return ps_manifest_fail_memory(manifest, error);
    manifest->reader->names[manifest->column_count++] = manifest->reader->known[0].name;
    const enum ps_status status = list_names(manifest, error);
    return status ? status : hash_folder(manifest, error);
}
