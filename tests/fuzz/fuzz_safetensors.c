/* libFuzzer target: any bytes are a safetensors file whose every tensor can be read, or one clear error.
 * Seeds: tests/fuzz/corpus/safetensors. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "weights/convert.h"
#include "weights/layout.h"

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

/* Sorts the tensors into parts by name and takes the sizes from them. */
static void read_names(struct ps_safetensors *file)
{
    struct ps_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    struct ps_error error = {0}, unet = {0}, vae = {0}, vision = {0};
    if (!checkpoint)
        abort();
    for (int kind = 0; kind < PS_PARTS; kind++)
        ps_part_init(&checkpoint->parts[kind], "part");
    ps_family_of(&file, 1, checkpoint->family, sizeof checkpoint->family);
    if (ps_single_add(checkpoint, file, &error))
        abort();
    bool sealed = true;
    for (int kind = 0; kind < PS_PARTS; kind++)
        sealed = !ps_part_seal(&checkpoint->parts[kind], &error) && sealed;
    if (sealed) {
        ps_unet_config_read(&checkpoint->unet, &checkpoint->parts[PS_PART_UNET], NULL, &unet);
        ps_vae_config_read(&checkpoint->vae, &checkpoint->parts[PS_PART_VAE], NULL, &vae);
        ps_vision_config_read(&checkpoint->vision, &checkpoint->parts[PS_PART_VISION], NULL, NULL, &vision);
    }
    for (int kind = 0; kind < PS_PARTS; kind++)
        ps_part_clear(&checkpoint->parts[kind]);
    free(checkpoint);
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
    if (file)
        read_names(file);
    ps_safetensors_close(&file);
    return 0;
}
