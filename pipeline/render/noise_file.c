#include "render/taps.h"

#include <stdlib.h>
#include <string.h>

#include "weights/tensor_file.h"

static bool shape_is(const struct ps_file_tensor *tensor, const struct ps_file_tensor *wanted)
{
    return tensor->rank == wanted->rank &&
           !memcmp(tensor->shape, wanted->shape, wanted->rank * sizeof *wanted->shape);
}

/* Reads one tensor, channels first, into `to`, channels last. */
static enum ps_status read_noise(const struct ps_safetensors *file, const struct ps_file_tensor *tensor,
                                 const struct ps_file_tensor *wanted, uint64_t frames, uint64_t channels,
                                 float *to, struct ps_error *error)
{
    char found[PS_DIMS_TEXT], expected[PS_DIMS_TEXT];
    if (!shape_is(tensor, wanted))
        return ps_fail(error, PS_ERR_INPUT, "taps.shape", "%s: %s is %s; this render needs %s", file->label,
                       tensor->name, ps_dims_text(tensor->rank, tensor->shape, found),
                       ps_dims_text(wanted->rank, wanted->shape, expected));
    float *values = malloc((size_t)tensor->elements * sizeof *values);
    if (!values)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!ps_tensor_file_read(file, tensor, values, error))
        ps_channels_last(to, values, frames, tensor->elements / frames / channels, channels);
    free(values);
    return error->status;
}

enum ps_status ps_taps_read_noise(const struct ps_request *request, float *image, float *latents,
                                  struct ps_error *error)
{
    const struct ps_render_params *params = &request->params;
    const uint32_t c = request->latent_channels;
    const struct ps_file_tensor wanted_image = {.rank = 4, .shape = {1, 3, params->height, params->width}};
    const struct ps_file_tensor wanted_latents = {
        .rank = 5, .shape = {1, params->frames, c, request->latent_h, request->latent_w}};
    struct ps_safetensors *file = NULL;
    if (!params->taps_in)
        return PS_OK;
    if (ps_tensor_file_open(&file, params->taps_in, error))
        return error->status;
    for (uint32_t i = 0; i < file->count && !error->status; i++) {
        const struct ps_file_tensor *tensor = &file->tensors[i];
        if (!strcmp(tensor->name, "noise.image"))
            read_noise(file, tensor, &wanted_image, 1, 3, image, error);
        else if (!strcmp(tensor->name, "noise.latents"))
            read_noise(file, tensor, &wanted_latents, params->frames, c, latents, error);
        else
            ps_fail(error, PS_ERR_INPUT, "taps.name", "%s: %s cannot be replaced", file->label, tensor->name);
    }
    if (error->status == PS_ERR_INPUT)
        ps_hint(error, "a taps-in file may hold noise.image and noise.latents");
    ps_safetensors_close(&file);
    return error->status;
}
