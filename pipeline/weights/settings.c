#include "weights/settings.h"

#include "weights/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CONFIG_BYTES (UINT64_C(1) << 20)

/* Reads all of `file`, of `size` bytes; null, with an error, if it cannot. */
static char *read_all(int file, const char *label, size_t size, struct ps_error *error)
{
    char *text = malloc(size + 1);
    if (!text) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "%s: no memory to read it", label);
        return NULL;
    }
    size_t used = 0;
    while (used < size) {
        const ssize_t got = pread(file, text + used, size - used, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.read", "%s: %s", label,
                    got ? strerror(errno) : "the file became shorter while it was read");
            free(text);
            return NULL;
        }
        used += (size_t)got;
    }
    return text;
}

static json_t *read_object(int file, const char *label, uint64_t max_bytes, struct ps_error *error)
{
    struct stat about;
    if (file < 0 || fstat(file, &about)) {
        ps_fail(error, PS_ERR_CHECKPOINT, errno == ENOENT ? "checkpoint.not-found" : "checkpoint.open",
                "%s: %s", label, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(about.st_mode) || (uint64_t)about.st_size > max_bytes) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.config", "%s: not a regular file of at most %llu bytes",
                label, (unsigned long long)max_bytes);
        return NULL;
    }
    char *text = read_all(file, label, (size_t)about.st_size, error);
    if (!text)
        return NULL;
    json_error_t where;
    json_t *root = json_loadb(text, (size_t)about.st_size, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (!root) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.config", "%s:%d:%d: not valid JSON: %s", label,
                where.line, where.column, where.text);
    } else if (!json_is_object(root)) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.config", "%s: not a JSON object", label);
        json_decref(root);
        root = NULL;
    }
    return root;
}

json_t *ps_json_read(const char *path, uint64_t max_bytes, struct ps_error *error)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    json_t *root = read_object(file, ps_path_tail(path), max_bytes, error);
    if (file >= 0)
        close(file);
    return root;
}

enum ps_status ps_settings_open(struct ps_settings *settings, const char *path, struct ps_error *error)
{
    *settings = (struct ps_settings){.label = path ? ps_path_tail(path) : "the tensors", .error = error};
    if (path)
        settings->root = ps_json_read(path, MAX_CONFIG_BYTES, error);
    return error->status;
}

void ps_settings_close(struct ps_settings *settings)
{
    json_decref(settings->root);
    settings->root = NULL;
}

void ps_setting_fail(struct ps_settings *settings, const char *key, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ps_fail(settings->error, PS_ERR_CHECKPOINT, "checkpoint.config", "%s: %s: %s", settings->label, key,
            text);
}

const json_t *ps_setting(const struct ps_settings *settings, const char *key)
{
    const json_t *value = settings->error->status ? NULL : json_object_get(settings->root, key);
    return json_is_null(value) ? NULL : value;
}

static bool is_size(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= INT32_MAX;
}

bool ps_setting_u32(struct ps_settings *settings, const char *key, uint32_t *value)
{
    const json_t *found = ps_setting(settings, key);
    if (!found)
        return false;
    if (!is_size(found)) {
        ps_setting_fail(settings, key, "expected an integer from 1 to %d", INT32_MAX);
        return false;
    }
    *value = (uint32_t)json_integer_value(found);
    return true;
}

bool ps_setting_double(struct ps_settings *settings, const char *key, double *value)
{
    const json_t *found = ps_setting(settings, key);
    if (!found)
        return false;
    if (!json_is_number(found)) {
        ps_setting_fail(settings, key, "expected a number");
        return false;
    }
    *value = json_number_value(found);
    return true;
}

bool ps_setting_bool(struct ps_settings *settings, const char *key, bool *value)
{
    const json_t *found = ps_setting(settings, key);
    if (!found)
        return false;
    if (!json_is_boolean(found)) {
        ps_setting_fail(settings, key, "expected true or false");
        return false;
    }
    *value = json_is_true(found);
    return true;
}

bool ps_setting_text(struct ps_settings *settings, const char *key, const char **value)
{
    const json_t *found = ps_setting(settings, key);
    if (!found)
        return false;
    if (!json_is_string(found)) {
        ps_setting_fail(settings, key, "expected a text");
        return false;
    }
    *value = json_string_value(found);
    return true;
}

bool ps_setting_u32s(struct ps_settings *settings, const char *key, uint32_t *values, uint32_t capacity,
                     uint32_t *count)
{
    const json_t *found = ps_setting(settings, key);
    if (!found)
        return false;
    const uint32_t wanted = *count;
    const bool is_list = json_is_array(found);
    const size_t length = is_list ? json_array_size(found) : wanted;
    bool valid = length >= 1 && length <= capacity && (!wanted || length == wanted);
    for (size_t i = 0; valid && i < length; i++) {
        const json_t *item = is_list ? json_array_get(found, i) : found;
        valid = is_size(item);
        if (valid)
            values[i] = (uint32_t)json_integer_value(item);
    }
    if (!valid && wanted)
        ps_setting_fail(settings, key, "expected an integer from 1, or a list of %u of them", wanted);
    else if (!valid)
        ps_setting_fail(settings, key, "expected a list of 1 to %u integers from 1", capacity);
    *count = valid ? (uint32_t)length : wanted;
    return valid;
}

void ps_setting_size(struct ps_settings *settings, const char *key, uint32_t *size, const char *tensor)
{
    uint32_t value;
    if (!ps_setting_u32(settings, key, &value))
        return;
    if (*size && *size != value)
        ps_setting_fail(settings, key, "is %u, but the tensor %s says %u", value, tensor, *size);
    else
        *size = value;
}

void ps_setting_must_be_text(struct ps_settings *settings, const char *key, const char *expected)
{
    const char *value;
    if (ps_setting_text(settings, key, &value) && strcmp(value, expected))
        ps_setting_fail(settings, key, "is \"%.100s\"; packshot has only \"%s\"", value, expected);
}

void ps_setting_must_be_bool(struct ps_settings *settings, const char *key, bool expected)
{
    bool value;
    if (ps_setting_bool(settings, key, &value) && value != expected)
        ps_setting_fail(settings, key, "is %s; packshot has only %s", value ? "true" : "false",
                        expected ? "true" : "false");
}

void ps_setting_must_be_u32(struct ps_settings *settings, const char *key, uint32_t expected)
{
    uint32_t value;
    if (ps_setting_u32(settings, key, &value) && value != expected)
        ps_setting_fail(settings, key, "is %u; packshot has only %u", value, expected);
}

void ps_setting_must_be_absent(struct ps_settings *settings, const char *key)
{
    if (ps_setting(settings, key))
        ps_setting_fail(settings, key, "is set; packshot cannot honour it");
}
