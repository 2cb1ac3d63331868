/* Contexts inside the library: a device opened as an interpreter of launches. */
#ifndef PS_RENDER_CONTEXT_H
#define PS_RENDER_CONTEXT_H

#include "base/log.h"
#include "run/backend.h"

struct ps_context {
    struct ps_device device;
    struct ps_backend *backend;
    enum { PS_ON_VULKAN, PS_ON_CPU, PS_ON_REF } interpreter;
    struct ps_log log;
    bool validate;
    char *cache, *kernels; /* as ps_context_params; null where not given */
    uint64_t messages; /* of the validation layer, from devices that were lost */
};

/* Opens the device again in place of one that was lost, which is closed. Where that fails all stays as it is. Status:
 * PS_ERR_DEVICE where there is no such device any more, PS_ERR_DEVICE_LOST, PS_ERR_MEMORY. */
enum ps_status ps_context_reopen(struct ps_context *context, struct ps_error *error);

/* Bytes that a render may use when it is not told. */
uint64_t ps_context_free_bytes(const struct ps_context *context);

/* What the device reaches at best, measured now, with products of a storage type: see ps_bench. False after an
 * error. */
struct ps_ceiling {
    double flops, copy_bytes; /* a second; 0 where it has none */
};
bool ps_context_ceiling(const struct ps_context *context, enum ps_type type, struct ps_ceiling *ceiling,
                        struct ps_error *error);

/* Threads of "cpu"; else 0. */
uint32_t ps_context_threads(const struct ps_context *context);

/* The storage type to use where the caller names none. */
enum ps_dtype ps_context_dtype(const struct ps_context *context);

#endif
