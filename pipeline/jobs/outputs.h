/* The outputs of a whole batch, held against each other and against its photos before anything is rendered. Takes about 100
 * bytes a row beside the paths. */
#ifndef PS_JOBS_OUTPUTS_H
#define PS_JOBS_OUTPUTS_H

#include "base/error.h"

struct ps_outputs;

struct ps_outputs *ps_outputs_new(void); /* null when out of memory */
void ps_outputs_free(struct ps_outputs **outputs);

/* Takes an output up for a row. *other is the earlier row that has the same output, or 0: the same also where only upper
 * and lower case differ, for file systems that do not tell those apart. Status: PS_ERR_MEMORY. */
enum ps_status ps_outputs_add(struct ps_outputs *outputs, const char *path, uint64_t row, uint64_t *other,
                              struct ps_error *error);

/* Takes up the photo of a row, open at `fd`. Status: PS_ERR_INPUT, PS_ERR_MEMORY. */
enum ps_status ps_outputs_add_photo(struct ps_outputs *outputs, int fd, uint64_t row, struct ps_error *error);

/* Calls `clash` for every output that is there already and is the very file of a photo, under whatever name: `row` is the
 * output's, `photo_row` the photo's. */
void ps_outputs_find_clashes(const struct ps_outputs *outputs,
                             void (*clash)(void *user, uint64_t row, uint64_t photo_row, const char *path),
                             void *user);

#endif
