#include "jobs/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"
#include "jobs/source.h"
#include "provenance/sha256.h"

/* Bytes that are looked at to tell what a file is. */
enum { HEAD = 4096 };

enum ps_status ps_manifest_fail_memory(const struct ps_manifest *manifest, struct ps_error *error)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to read it",
                   manifest ? manifest->name : "the manifest");
}

enum ps_status ps_manifest_fail_read(const struct ps_manifest *manifest, int code, struct ps_error *error)
{
    return ps_fail(error, PS_ERR_INPUT, "manifest.unreadable", "%.300s: cannot be read: %s", manifest->name,
                   strerror(code));
}

void ps_manifest_complain(struct ps_manifest *manifest, uint64_t row, uint32_t column, const char *id,
                          const char *hint, const char *format, ...)
{
    struct ps_manifest_problem *problems = manifest->reader->problems;
    if (manifest->problem_count++ >= PS_MANIFEST_PROBLEMS)
        return;
    size_t at = (size_t)manifest->problem_count - 1;
    for (; at > 0; at--) {
        const struct ps_manifest_problem *before = &problems[at - 1];
        if (before->row < row || (before->row == row && before->column <= column))
            break;
        problems[at] = *before;
    }
    struct ps_manifest_problem *problem = &problems[at];
    *problem = (struct ps_manifest_problem){.row = row, .column = column};
    char text[sizeof problem->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ps_printable(problem->message, sizeof problem->message, text, false);
    snprintf(problem->id, sizeof problem->id, "%s", id);
    ps_printable(problem->hint, sizeof problem->hint, hint ? hint : "", false);
}

static enum ps_status fail_open(struct ps_error *error, int code, const char *path)
{
    if (code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG)
        return ps_fail(error, PS_ERR_INPUT, "manifest.not-found", "%.300s: no such file or folder", path);
    if (code == ENXIO)
        return ps_fail(error, PS_ERR_INPUT, "manifest.not-regular", "%.300s: not a regular file", path);
    return ps_fail(error, PS_ERR_INPUT, "manifest.unreadable", "%.300s: cannot be read: %s", path,
                   strerror(code));
}

static enum ps_status fail_kind(struct ps_error *error, const char *path, const char *what, const char *hint)
{
    ps_fail(error, PS_ERR_INPUT, "manifest.not-text", "%.300s: is %s; expected CSV or JSON lines in UTF-8",
            path, what);
    ps_hint(error, "%s", hint);
    return PS_ERR_INPUT;
}

enum ps_status ps_manifest_check_unchanged(const struct ps_manifest *manifest, int fd, struct ps_error *error)
{
    const struct stat *before = &manifest->reader->before;
    struct stat after;
    if (fstat(fd, &after))
        return ps_manifest_fail_read(manifest, errno, error);
    if (after.st_size == before->st_size && after.st_mtim.tv_sec == before->st_mtim.tv_sec &&
        after.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
        return PS_OK;
    ps_fail(error, PS_ERR_INPUT, "manifest.changing", "%.300s: was changed while it was read",
            manifest->name);
    ps_hint(error, "wait until whatever writes it is done");
    return PS_ERR_INPUT;
}

static bool has_ending(const char *path, const char *ending)
{
    const size_t length = strlen(path), end = strlen(ending);
    return length > end && !strcasecmp(path + length - end, ending);
}

/* Refuses what is no text in UTF-8, and tells the kinds of text apart: by the name, else by its beginning. */
static enum ps_status tell_kind(enum ps_manifest_kind *kind, const char *path, const char *head, size_t size,
                                struct ps_error *error)
{
    static const char save[] = "save it as \"CSV UTF-8\"";
    const bool utf16 =
        size >= 2 && (!memcmp(head, "\xff\xfe", 2) || !memcmp(head, "\xfe\xff", 2) || !head[0] || !head[1]);
    if (utf16)
        return fail_kind(error, path, "UTF-16", save);
    if (size >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "\xd0\xcf\x11\xe0", 4)))
        return fail_kind(error, path, "a spreadsheet's own file", save);
    size_t at = size >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < size && strchr(" \t\r\n", head[at]))
        at++;
    const char first = at < size ? head[at] : '\0';
    const bool named_csv = has_ending(path, ".csv") || has_ending(path, ".tsv") || has_ending(path, ".txt");
    const bool named_json =
        has_ending(path, ".jsonl") || has_ending(path, ".ndjson") || has_ending(path, ".json");
    if (!named_csv && first == '[')
        return fail_kind(error, path, "a JSON array",
                         "write one object a line, without [ ] and commas between");
    *kind = !named_csv && (named_json || first == '{') ? PS_MANIFEST_JSON_LINES : PS_MANIFEST_CSV;
    return PS_OK;
}

static bool folder_of(struct ps_manifest_reader *reader, const char *path, bool is_folder)
{
    char *real = realpath(path, NULL);
    char *slash = real && !is_folder ? strrchr(real, '/') : NULL;
    if (slash)
        slash[slash == real] = '\0';
    reader->folder = real;
    return real != NULL;
}

static struct ps_manifest *make(const char *path, const struct ps_manifest_params *params)
{
    struct ps_manifest *manifest = calloc(1, sizeof *manifest);
    struct ps_manifest_reader *reader = calloc(1, sizeof *reader);
    if (!manifest || !reader) {
        free(manifest);
        free(reader);
        return NULL;
    }
    manifest->reader = reader;
    reader->params = params;
    reader->row.fd = -1;
    reader->name = strdup(path);
    reader->raw.cells = calloc(PS_MANIFEST_COLUMNS, sizeof *reader->raw.cells);
    reader->cells = calloc(PS_MANIFEST_COLUMNS, sizeof *reader->cells);
    reader->problems = calloc(PS_MANIFEST_PROBLEMS, sizeof *reader->problems);
    manifest->name = reader->name;
    manifest->columns = reader->names;
    manifest->problems = reader->problems;
    if (!reader->name || !reader->raw.cells || !reader->cells || !reader->problems)
        ps_manifest_close(&manifest);
    return manifest;
}

/* A manifest whose folder is outside of the root could not name one photo. */
static enum ps_status check_root(const struct ps_manifest *manifest, struct ps_error *error)
{
    const char *root = manifest->reader->params->root, *folder = manifest->reader->folder;
    if (!root)
        return PS_OK;
    char *real = realpath(root, NULL);
    const size_t length = real ? strlen(real) : 0;
    const bool beneath = real && !strncmp(folder, real, length) &&
                         (!strcmp(real, "/") || folder[length] == '/' || !folder[length]);
    free(real);
    if (beneath)
        return PS_OK;
    ps_fail(error, PS_ERR_INPUT, "manifest.outside-root", "%.200s: outside the job root %.200s",
            manifest->name, root);
    ps_hint(error, "put the manifest into the job root, or name another root");
    return PS_ERR_INPUT;
}

static enum ps_status open_file(struct ps_manifest *manifest, int fd, const struct stat *info,
                                struct ps_error *error)
{
    char head[HEAD];
    if (!S_ISREG(info->st_mode))
        return fail_open(error, ENXIO, manifest->name);
    if ((uint64_t)info->st_size > PS_MANIFEST_BYTES)
        return ps_fail(error, PS_ERR_INPUT, "manifest.too-large",
                       "%.300s: %llu MiB; manifests of up to %llu MiB are read", manifest->name,
                       (unsigned long long)info->st_size >> 20, (unsigned long long)PS_MANIFEST_BYTES >> 20);
    const ssize_t size = pread(fd, head, sizeof head, 0);
    manifest->reader->before = *info;
    const int code = size < 0 ? errno : ps_sha256_fd(manifest->sha256, fd);
    if (code)
        return ps_manifest_fail_read(manifest, code, error);
    const enum ps_status status = tell_kind(&manifest->kind, manifest->name, head, (size_t)size, error);
    if (status)
        return status;
    return manifest->kind == PS_MANIFEST_CSV ? ps_csv_open(manifest, fd, error)
                                             : ps_json_lines_open(manifest, fd, error);
}

enum ps_status ps_manifest_open(struct ps_manifest **manifest, const char *path,
                                const struct ps_manifest_params *params, struct ps_error *error)
{
    *manifest = NULL;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    if (fd < 0)
        return fail_open(error, errno, path);
    struct ps_manifest *made = make(path, params);
    enum ps_status status = PS_OK;
    if (!made)
        status = ps_manifest_fail_memory(NULL, error);
    else if (fstat(fd, &info) || !folder_of(made->reader, path, S_ISDIR(info.st_mode)))
        status = fail_open(error, errno, path);
    else
        status = check_root(made, error);
    if (!status)
        status = S_ISDIR(info.st_mode) ? ps_manifest_folder_open(made, fd, error)
                                       : open_file(made, fd, &info, error);
    if (!made || !made->reader->source)
        close(fd);
    if (status && made)
        ps_manifest_close(&made);
    *manifest = made;
    return status;
}

/* Counts a row that was found; false, and told of, where it is one too many. */
static bool count_row(struct ps_manifest *manifest)
{
    if (manifest->reader->found++ < PS_MANIFEST_ROWS)
        return true;
    ps_manifest_complain(manifest, manifest->reader->raw.row, 0, "manifest.too-many",
                         "split it into several manifests", "more than %d rows", PS_MANIFEST_ROWS);
    return false;
}

enum ps_status ps_manifest_next(struct ps_manifest *manifest, const struct ps_manifest_row **row,
                                struct ps_error *error)
{
    struct ps_manifest_reader *reader = manifest->reader;
    *row = NULL;
    for (bool sound = false; !sound;) {
        bool found = false;
        ps_manifest_drop_row(manifest);
        enum ps_status status = reader->next(manifest, &found, error);
        if (status || !found || !count_row(manifest))
            return status;
        status = ps_manifest_take_row(manifest, &sound, error);
        if (status)
            return status;
    }
    manifest->rows++;
    *row = &reader->row;
    return PS_OK;
}

uint32_t ps_manifest_column_of(const struct ps_manifest *manifest, const char *name)
{
    if (manifest->kind != PS_MANIFEST_CSV)
        return 0;
    for (size_t i = 0; i < manifest->column_count; i++)
        if (!strcmp(manifest->columns[i], name))
            return (uint32_t)i + 1;
    return 0;
}

void ps_manifest_close(struct ps_manifest **manifest)
{
    struct ps_manifest *old = *manifest;
    *manifest = NULL;
    if (!old)
        return;
    struct ps_manifest_reader *reader = old->reader;
    ps_manifest_drop_row(old);
    if (reader->source)
        reader->close(reader->source);
    for (size_t i = 0; i < reader->known_count; i++)
        free(reader->known[i].name);
    free(reader->raw.bytes);
    free(reader->raw.cells);
    free(reader->cells);
    free(reader->path);
    free(reader->problems);
    free(reader->folder);
    free(reader->name);
    free(reader);
    free(old);
}
