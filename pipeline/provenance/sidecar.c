#include "provenance/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BYTES = 4 << 20 };

static enum ps_status fail_open(struct ps_error *error, const char *path, const char *problem)
{
    return ps_fail(error, PS_ERR_INPUT, "sidecar.unreadable", "%.300s: %s", path, problem);
}

/* Reads the file whole; null, with an error, where that cannot be. */
static char *read_file(int fd, const char *path, size_t *size, struct ps_error *error)
{
    struct stat about;
    *size = 0;
    if (fstat(fd, &about)) {
        fail_open(error, path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(about.st_mode) || about.st_size > MAX_BYTES) {
        fail_open(error, path, "not a regular file of at most 4 MiB");
        return NULL;
    }
    char *text = malloc(MAX_BYTES + 1);
    if (!text) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read a sidecar");
        return NULL;
    }
    while (*size <= MAX_BYTES) {
        const ssize_t got = pread(fd, text + *size, MAX_BYTES + 1 - *size, (off_t)*size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail_open(error, path, strerror(errno));
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    if (error->status) {
        free(text);
        return NULL;
    }
    return text;
}

enum ps_status ps_sidecar_open(struct ps_sidecar **sidecar, const char *path, struct ps_error *error)
{
    struct ps_error local = {0};
    size_t size;
    *sidecar = NULL;
    error = error ? error : &local;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_open(error, path, strerror(errno));
    char *text = read_file(fd, path, &size, error);
    close(fd);
    if (text)
        ps_sidecar_parse(sidecar, text, size, path, error);
    free(text);
    return error->status;
}

void ps_sidecar_close(struct ps_sidecar **sidecar)
{
    struct ps_sidecar *old = *sidecar;
    *sidecar = NULL;
    if (!old)
        return;
    ps_origin_free(&old->origin);
    json_decref(old->root);
    json_decref(old->texts);
    free(old);
}

const struct ps_render_params *ps_sidecar_params(const struct ps_sidecar *sidecar)
{
    return &sidecar->request;
}

const char *ps_sidecar_photo(const struct ps_sidecar *sidecar)
{
    return sidecar->origin->photo.name;
}

const char *ps_sidecar_model(const struct ps_sidecar *sidecar)
{
    return sidecar->origin->model;
}

const char *ps_sidecar_output(const struct ps_sidecar *sidecar)
{
    return sidecar->clip.name;
}

const char *ps_sidecar_section_name(const struct ps_sidecar *sidecar, size_t index)
{
    const char *key;
    json_t *value;
    json_object_foreach(sidecar->root, key, value)
    {
        if (!ps_sidecar_owns(key) && !index--)
            return key;
    }
    return NULL;
}

const char *ps_sidecar_section(struct ps_sidecar *sidecar, const char *name)
{
    const json_t *value = json_object_get(sidecar->root, name);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
    if (!sidecar->texts)
        sidecar->texts = json_object();
    const int failed = text ? json_object_set_new(sidecar->texts, name, json_string(text)) : 1;
    free(text);
    return failed ? NULL : json_string_value(json_object_get(sidecar->texts, name));
}
