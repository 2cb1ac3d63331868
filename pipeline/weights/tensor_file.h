/* Named float32 tensors in a safetensors file: intermediate results out (taps), noise in. */
#ifndef PS_WEIGHTS_TENSOR_FILE_H
#define PS_WEIGHTS_TENSOR_FILE_H

#include "weights/safetensors.h"

/* A file being written. It appears under its name when it is finished; see base/output.h. */
struct ps_tensor_writer;

/* `path` must stay valid until the close; `max_tensors` (1 to 32768) sets the room kept for the header.
 * Status: PS_ERR_OUTPUT, PS_ERR_MEMORY. */
enum ps_status ps_tensor_writer_open(struct ps_tensor_writer **writer, const char *path, bool overwrite,
                                     uint32_t max_tensors, struct ps_error *error);

/* Adds a text to the header's __metadata__, which then stands first in it. Before the first tensor. Both are
 * UTF-8. Status: PS_ERR_MEMORY. */
enum ps_status ps_tensor_writer_note(struct ps_tensor_writer *writer, const char *key, const char *text,
                                     struct ps_error *error);

/* Writes one tensor at once; nothing of it is kept. Names of up to 63 bytes, each once. */
enum ps_status ps_tensor_writer_add(struct ps_tensor_writer *writer, const char *name, uint32_t rank,
                                    const uint64_t *shape, const float *values, struct ps_error *error);

/* Writes the header and gives the file its name. */
enum ps_status ps_tensor_writer_finish(struct ps_tensor_writer *writer, struct ps_error *error);

/* Always; drops what was not finished. */
void ps_tensor_writer_close(struct ps_tensor_writer **writer);

/* Opens a file to read tensors from: ps_safetensors_find, ps_tensor_file_read, ps_safetensors_close. Status:
 * PS_ERR_INPUT, with ids "tensors.*", PS_ERR_MEMORY. */
enum ps_status ps_tensor_file_open(struct ps_safetensors **file, const char *path, struct ps_error *error);

/* Reads all elements of a tensor of F32, F16 or BF16 as floats; NaN and infinities are errors. */
enum ps_status ps_tensor_file_read(const struct ps_safetensors *file, const struct ps_file_tensor *tensor,
                                   float *values, struct ps_error *error);

#endif
