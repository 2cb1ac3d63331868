/* Checkpoints made on the spot for the tests of pipeline/weights. */
#ifndef TESTS_WEIGHTS_SUPPORT_H
#define TESTS_WEIGHTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#define PATH_BYTES 1024
#define MAX_RANK 8

/* A folder that is removed with all in it by the teardown. */
extern char folder[PATH_BYTES];
int make_folder(void **state);
int remove_folder(void **state);

/* "FOLDER/NAME"; valid until the eighth later call. */
const char *in_folder(const char *format, ...) __attribute__((format(printf, 1, 2)));
void make_subfolder(const char *name);
void write_file(const char *path, const void *bytes, size_t size);
void write_text(const char *path, const char *text);

/* Asserts that `error` is of this kind and says `text`; with `text` null any message. */
void assert_fault(const struct ps_error *error, enum ps_status status, const char *id, const char *text);
#define assert_checkpoint_fault(error, id, text) assert_fault(error, PS_ERR_CHECKPOINT, id, text)

/* A tensor of a published list. */
struct listed {
    char part[64]; /* "unet", "first_stage_model." */
    char name[160];
    uint32_t rank;
    uint64_t shape[MAX_RANK];
};

/* tests/weights/data/NAME; to be freed. */
struct listed *read_list(const char *name, uint32_t *count);
uint64_t listed_elements(const struct listed *tensor);

/* A safetensors file in the making. */
struct maker {
    char *header;
    size_t used, capacity;
    uint64_t data_bytes;
    uint8_t *data; /* null: the file is sparse, all zeros */
};

/* `data` is given with every tensor, or with none. */
void maker_begin(struct maker *maker);
void maker_add(struct maker *maker, const char *name, const char *dtype, uint32_t rank, const uint64_t *shape,
               const void *data);
/* Writes the file and frees the maker's memory. */
void maker_write(struct maker *maker, const char *path);

/* A recipe of tests/golden as tensors without values. `keep` may be null; it is asked which to write, and may
 * write another name to `name`. */
void write_recipe(const char *recipe, const char *path, const char *dtype,
                  bool (*keep)(void *user, char name[256]), void *user);

/* FOLDER/NAME: the parts and configurations of tests/golden/pipelines/PIPELINE, without values. */
void write_pipeline(const char *name, const char *pipeline);

/* Sets a key of a JSON file; a null value deletes it. */
void edit_json(const char *path, const char *key, const char *value);

/* Tensor of float32 values. */
void maker_add_floats(struct maker *maker, const char *name, uint32_t rank, const uint64_t *shape,
                      const float *values);

#endif
