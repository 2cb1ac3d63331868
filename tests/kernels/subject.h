/* The interpreter that the kernel tests examine. */
#ifndef TESTS_KERNELS_SUBJECT_H
#define TESTS_KERNELS_SUBJECT_H

#include "run/backend.h"

struct bed_subject_params {
    const char *device;  /* null: the first */
    const char *variant; /* null: what the device gains by */
    uint32_t tile;       /* as ps_vk_params.tile */
    bool validate;       /* under the validation layer; a variant without it where that is too old for it */
    bool emulate;        /* the products of coop2, by tests/kernels/emulation */
    bool bf16;           /* launches stored as bfloat16 are to be by the variant */
};

/* Opens Vulkan. Null where there is none or it cannot be had like this, with the reason in `error`. */
struct ps_backend *bed_subject_open(const struct bed_subject_params *params, struct ps_error *error);

/* Whether the device runs any variant of that kernel, of those that were asked for. */
bool bed_subject_offers(const struct ps_backend *subject, enum ps_kernel kernel);

/* Dispatches so far by other shaders than a kernel's own. */
uint64_t bed_subject_by_variant(const struct ps_backend *subject);

/* The shader of the last dispatch; empty where there was none. */
const char *bed_subject_shader(const struct ps_backend *subject);

/* Closes it (null is allowed) and returns how many messages the validation layer gave. */
uint64_t bed_subject_close(struct ps_backend *subject);

#endif
