#include "weights/tensor_file.h"

#include "base/checked.h"
#include "base/output.h"
#include "weights/convert.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one tensor in the header: name, eight dimensions and two offsets of up to twenty digits. */
#define NAME_BYTES 64
#define HEADER_BYTES_EACH (NAME_BYTES + 6 + 10 * 21 + 56)
#define PIECE_ELEMENTS ((size_t)1 << 16)

struct ps_tensor_writer {
    struct ps_output *output;
    json_t *header;
    uint64_t header_bytes; /* kept free at the start, the length included; the rest is padded with spaces */
    uint64_t data_bytes;
    uint32_t max_tensors;
};

enum ps_status ps_tensor_writer_open(struct ps_tensor_writer **writer, const char *path, bool overwrite,
                                     uint32_t max_tensors, struct ps_error *error)
{
    *writer = calloc(1, sizeof **writer);
    if (!*writer)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to write tensors");
    (*writer)->max_tensors = max_tensors;
    (*writer)->header_bytes = ps_align_up(8 + 64 + (uint64_t)max_tensors * HEADER_BYTES_EACH, 64);
    (*writer)->header = json_object();
    enum ps_status status;
    if (max_tensors < 1 || (*writer)->header_bytes - 8 > PS_MAX_HEADER_BYTES)
        status = ps_fail(error, PS_ERR_INTERNAL, "tensors.count", "a file of %u tensors", max_tensors);
    else if (!(*writer)->header)
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to write tensors");
    else
        status = ps_output_open(&(*writer)->output, path, overwrite, error);
    if (status)
        ps_tensor_writer_close(writer);
    return status;
}

enum ps_status ps_tensor_writer_note(struct ps_tensor_writer *writer, const char *key, const char *text,
                                     struct ps_error *error)
{
    json_t *metadata = json_object_get(writer->header, "__metadata__");
    if (writer->data_bytes)
        return ps_fail(error, PS_ERR_INTERNAL, "tensors.note", "the note %.100s comes after a tensor", key);
    if (!metadata) {
        json_object_set_new(writer->header, "__metadata__", json_object());
        metadata = json_object_get(writer->header, "__metadata__");
    }
    if (json_object_set_new(metadata, key, json_string(text)))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to write tensors");
    /* An escaped byte takes six. */
    writer->header_bytes = ps_align_up(writer->header_bytes + 6 * (strlen(key) + strlen(text)) + 32, 64);
    return PS_OK;
}

/* Describes the tensor in the header; false when out of memory. */
static bool describe(struct ps_tensor_writer *writer, const char *name, uint32_t rank, const uint64_t *shape,
                     uint64_t bytes)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; dims && i < rank; i++) {
        if (json_array_append_new(dims, json_integer((json_int_t)shape[i])))
            goto fail;
    }
    json_t *tensor = json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", dims, "data_offsets",
                               (json_int_t)writer->data_bytes, (json_int_t)(writer->data_bytes + bytes));
    return tensor && !json_object_set_new(writer->header, name, tensor);
fail:
    json_decref(dims);
    return false;
}

enum ps_status ps_tensor_writer_add(struct ps_tensor_writer *writer, const char *name, uint32_t rank,
                                    const uint64_t *shape, const float *values, struct ps_error *error)
{
    uint64_t bytes = sizeof *values;
    const size_t noted = json_object_get(writer->header, "__metadata__") != NULL;
    bool valid = rank <= PS_MAX_RANK && strlen(name) < NAME_BYTES && !json_object_get(writer->header, name) &&
                 json_object_size(writer->header) < writer->max_tensors + noted;
    for (uint32_t i = 0; valid && i < rank; i++)
        valid = shape[i] >= 1 && ps_mul_u64(bytes, shape[i], &bytes) && bytes < UINT64_C(1) << 48;
    if (!valid)
        return ps_fail(error, PS_ERR_INTERNAL, "tensors.add", "tensor %.100s cannot be added to the file",
                       name);
    if (!describe(writer, name, rank, shape, bytes))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to write tensors");
    const uint64_t offset = writer->header_bytes + writer->data_bytes;
    writer->data_bytes += bytes;
    return ps_output_write(writer->output, values, (size_t)bytes, offset, error);
}

enum ps_status ps_tensor_writer_finish(struct ps_tensor_writer *writer, struct ps_error *error)
{
    enum ps_status status = PS_ERR_MEMORY;
    uint8_t *header = malloc((size_t)writer->header_bytes);
    char *text = json_dumps(writer->header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    const size_t length = text ? strlen(text) : 0;
    if (!header || !text) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to write tensors");
    } else if (length > writer->header_bytes - 8) {
        status = ps_fail(error, PS_ERR_INTERNAL, "tensors.header", "the header of %zu bytes exceeds %" PRIu64,
                         length, writer->header_bytes);
    } else {
        memset(header, ' ', (size_t)writer->header_bytes);
        for (int i = 0; i < 8; i++)
            header[i] = (uint8_t)((writer->header_bytes - 8) >> 8 * i);
        memcpy(header + 8, text, length);
        status = ps_output_write(writer->output, header, (size_t)writer->header_bytes, 0, error);
        if (!status)
            status = ps_output_commit(writer->output, NULL, NULL, error);
    }
    free(text);
    free(header);
    return status;
}

void ps_tensor_writer_close(struct ps_tensor_writer **writer)
{
    if (!*writer)
        return;
    ps_output_close(&(*writer)->output);
    json_decref((*writer)->header);
    free(*writer);
    *writer = NULL;
}

/* What the reader of checkpoints found is here a fault of an input file. */
static enum ps_status as_input(const struct ps_error *fault, struct ps_error *error)
{
    const char *dot = strchr(fault->id, '.');
    char id[sizeof fault->id + 8];
    if (fault->status != PS_ERR_CHECKPOINT || !dot)
        return ps_fail(error, fault->status, fault->id, "%s", fault->message);
    snprintf(id, sizeof id, "tensors%s", dot);
    const enum ps_status status = ps_fail(error, PS_ERR_INPUT, id, "%s", fault->message);
    ps_hint(error, "%s", fault->hint);
    return status;
}

enum ps_status ps_tensor_file_open(struct ps_safetensors **file, const char *path, struct ps_error *error)
{
    struct ps_error fault = {0};
    return ps_safetensors_open(file, path, &fault) ? as_input(&fault, error) : PS_OK;
}

enum ps_status ps_tensor_file_read(const struct ps_safetensors *file, const struct ps_file_tensor *tensor,
                                   float *values, struct ps_error *error)
{
    if (!ps_stored_readable(tensor->type))
        return ps_fail(error, PS_ERR_INPUT, "tensors.dtype",
                       "%s: tensor %.150s is stored as %s, expected F32", file->label, tensor->name,
                       ps_stored_name(tensor->type));
    struct ps_error fault = {0};
    const uint64_t size = ps_stored_bits(tensor->type) / 8;
    void *piece = malloc(PIECE_ELEMENTS * 4);
    if (!piece)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read tensors");
    struct ps_convert_faults faults = {0};
    for (uint64_t first = 0; first < tensor->elements && !fault.status && !faults.not_finite;
         first += PIECE_ELEMENTS) {
        const size_t count = (size_t)ps_min_u64(PIECE_ELEMENTS, tensor->elements - first);
        if (!ps_safetensors_read(file, tensor->offset + first * size, count * size, piece, &fault))
            faults = ps_convert(tensor->type, piece, PS_F32, values + first, count);
    }
    free(piece);
    if (fault.status)
        return as_input(&fault, error);
    if (faults.not_finite)
        return ps_fail(error, PS_ERR_INPUT, "tensors.not-finite", "%s: tensor %.150s holds NaN or infinity",
                       file->label, tensor->name);
    return PS_OK;
}
