#include "preset/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"
#include "preset/lines.h"

/* Texts are kept in a chain, newest first. */
struct ps_ini_text {
    struct ps_ini_text *next;
    char text[];
};

static enum ps_status fail_memory(struct ps_error *error, const char *name)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to read it", name);
}

const char *ps_ini_keep(struct ps_ini *ini, const char *text, size_t size)
{
    struct ps_ini_text *kept = malloc(sizeof *kept + size + 1);
    if (!kept)
        return NULL;
    kept->next = ini->texts;
    ini->texts = kept;
    memcpy(kept->text, text, size);
    kept->text[size] = '\0';
    return kept->text;
}

void ps_ini_complain(struct ps_ini *ini, uint32_t line, uint32_t column, const char *id, const char *hint,
                     const char *format, ...)
{
    if (ini->problem_count == PS_INI_PROBLEMS)
        return;
    size_t at = ini->problem_count++;
    for (; at > 0; at--) {
        const struct ps_ini_problem *before = &ini->problems[at - 1];
        if (before->line < line || (before->line == line && before->column <= column))
            break;
        ini->problems[at] = *before;
    }
    struct ps_ini_problem *problem = &ini->problems[at];
    *problem = (struct ps_ini_problem){.line = line, .column = column};
    char text[sizeof problem->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ps_printable(problem->message, sizeof problem->message, text, false);
    snprintf(problem->id, sizeof problem->id, "%s", id);
    snprintf(problem->hint, sizeof problem->hint, "%s", hint ? hint : "");
}

const struct ps_ini_entry *ps_ini_find(const struct ps_ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->entry_count; i++)
        if (!strcmp(ini->entries[i].section, section) && !strcmp(ini->entries[i].key, key))
            return &ini->entries[i];
    return NULL;
}

static struct ps_ini *make(const char *name)
{
    struct ps_ini *ini = calloc(1, sizeof *ini);
    if (!ini)
        return NULL;
    ini->name = strdup(name);
    ini->entries = calloc(PS_INI_ENTRIES, sizeof *ini->entries);
    ini->sections = calloc(PS_INI_ENTRIES, sizeof *ini->sections);
    ini->problems = calloc(PS_INI_PROBLEMS, sizeof *ini->problems);
    if (!ini->name || !ini->entries || !ini->sections || !ini->problems)
        ps_ini_close(&ini);
    return ini;
}

enum ps_status ps_ini_parse(struct ps_ini **ini, const char *name, const void *bytes, size_t size,
                            struct ps_error *error)
{
    *ini = NULL;
    if (size > PS_INI_BYTES)
        return ps_fail(error, PS_ERR_INPUT, "ini.too-large",
                       "%.300s: more than %d bytes, which is too large for an INI file", name, PS_INI_BYTES);
    *ini = make(name);
    if (!*ini)
        return fail_memory(error, name);
    if (ps_ini_read_lines(*ini, bytes, size, error))
        ps_ini_close(ini);
    return *ini ? PS_OK : error ? error->status : PS_ERR_MEMORY;
}

static enum ps_status fail_errno(struct ps_error *error, int code, const char *path)
{
    if (code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG)
        return ps_fail(error, PS_ERR_INPUT, "ini.not-found", "%.300s: no such file", path);
    if (code == EISDIR || code == ENXIO)
        return ps_fail(error, PS_ERR_INPUT, "ini.not-regular", "%.300s: not a regular file", path);
    return ps_fail(error, PS_ERR_INPUT, "ini.unreadable", "%.300s: cannot be read: %s", path, strerror(code));
}

/* Reads until the end or until `capacity` is full. */
static enum ps_status read_some(int fd, const char *path, char *to, size_t capacity, size_t *size,
                                struct ps_error *error)
{
    for (*size = 0; *size < capacity;) {
        const ssize_t got = read(fd, to + *size, capacity - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, errno, path);
        if (!got)
            break;
        *size += (size_t)got;
    }
    return PS_OK;
}

enum ps_status ps_ini_open(struct ps_ini **ini, const char *path, struct ps_error *error)
{
    *ini = NULL;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, errno, path);
    struct stat info;
    char *bytes = malloc(PS_INI_BYTES + 1);
    size_t size = 0;
    enum ps_status status = PS_OK;
    if (!bytes)
        status = fail_memory(error, path);
    else if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        status = fail_errno(error, EISDIR, path);
    else
        status = read_some(fd, path, bytes, PS_INI_BYTES + 1, &size, error);
    close(fd);
    if (!status)
        status = ps_ini_parse(ini, path, bytes, size, error);
    free(bytes);
    return status;
}

void ps_ini_close(struct ps_ini **ini)
{
    if (!*ini)
        return;
    while ((*ini)->texts) {
        struct ps_ini_text *next = (*ini)->texts->next;
        free((*ini)->texts);
        (*ini)->texts = next;
    }
    free((*ini)->name);
    free((*ini)->entries);
    free((*ini)->sections);
    free((*ini)->problems);
    free(*ini);
    *ini = NULL;
}
