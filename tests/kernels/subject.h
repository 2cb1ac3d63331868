/* The interpreter that the kernel tests examine. */
#ifndef TESTS_KERNELS_SUBJECT_H
#define TESTS_KERNELS_SUBJECT_H

#include "run/backend.h"

/* Opens Vulkan on the device of that name (null: the first), under the validation layer if asked. Null where
 * there is none, with the reason in `error`. */
struct ps_backend *bed_subject_open(const char *device, bool validate, struct ps_error *error);

/* Closes it (null is allowed) and returns how many messages the validation layer gave. */
uint64_t bed_subject_close(struct ps_backend *subject);

#endif
