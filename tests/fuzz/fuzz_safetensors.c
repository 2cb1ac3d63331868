/* libFuzzer target: any bytes are a safetensors file whose every tensor can be read, or one clear error.
 * Seeds: tests/fuzz/corpus/safetensors. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "weights/convert.h"
#include "weights/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of a tensor that packshot can convert is looked at; out of range it would be a fault of memory.
 */
static void read_tensor(const struct ps_safetensors *file, const struct ps_file_tensor *tensor)
{
    struct ps_error error = {0};
    uint8_t *bytes = malloc(tensor->bytes ? tensor->bytes : 1);
    if (!bytes || ps_safetensors_read(file, tensor->offset, tensor->bytes, bytes, &error))
        abort();
    if (ps_stored_readable(tensor->type))
        ps_convert_check(tensor->type, bytes, tensor->elements);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_safetensors *file = NULL;
    struct ps_error error = {0};
    const enum ps_status status = ps_safetensors_parse(&file, "fuzz", data, size, &error);
    if ((status == PS_OK) != (file != NULL) || status != error.status || (status && !error.message[0]))
        abort();
    for (uint32_t i = 0; file && i < file->count; i++) {
        if (ps_safetensors_find(file, file->tensors[i].name) != &file->tensors[i])
            abort();
        read_tensor(file, &file->tensors[i]);
    }
    ps_safetensors_close(&file);
    return 0;
}
