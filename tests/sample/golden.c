#include "sample/golden.h"

#include <stdio.h>

struct ps_safetensors *golden_open(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/%s", PACKSHOT_SOURCE_DIR, name);
    struct ps_safetensors *file = NULL;
    struct ps_error error = {0};
    if (ps_safetensors_open(&file, path, &error))
        fail_msg("%s", error.message);
    return file;
}

size_t golden_read(const struct ps_safetensors *file, float *out, size_t capacity, const char *format, ...)
{
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    const struct ps_file_tensor *const tensor = ps_safetensors_find(file, name);
    if (!tensor || tensor->type != PS_STORED_F32 || tensor->elements > capacity)
        fail_msg("%s: no such golden of at most %zu floats", name, capacity);
    struct ps_error error = {0};
    if (ps_safetensors_read(file, tensor->offset, tensor->bytes, out, &error))
        fail_msg("%s", error.message);
    return (size_t)tensor->elements;
}
