/* What an interpreter of launches offers: memory, transfers, and running a launch. */
#ifndef PS_RUN_BACKEND_H
#define PS_RUN_BACKEND_H

#include "base/error.h"
#include "run/launch.h"

struct ps_backend;

/* Every call that can fail reports to `error` and returns false. Calls take effect in the order they are
 * made. */
struct ps_backend_ops {
    const char *name;
    void (*close)(struct ps_backend *backend);
    /* Replaces the memory of a space by `count` segments of so many bytes; none frees it. The content is
     * undefined. */
    bool (*reserve)(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes, uint32_t count,
                    struct ps_error *error);
    /* Host memory, where staging_needed or matrices_staged says so: at least as large as the largest single
     * transfer of that kind, and as what launch_bytes says of any launch. */
    bool (*reserve_staging)(struct ps_backend *backend, uint64_t bytes, struct ps_error *error);
    bool (*launch)(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error);
    /* Launches between these come time after time, mostly: an interpreter may keep what it makes of them. The end is
     * told whatever `error` says by then. Null where nothing is kept. */
    bool (*repeat_begin)(struct ps_backend *backend, struct ps_error *error);
    bool (*repeat_end)(struct ps_backend *backend, struct ps_error *error);
    /* Bytes of the staging memory that the launch, of which only the operands' places may be unknown, takes
     * while it runs. Null where none does. */
    uint64_t (*launch_bytes)(const struct ps_backend *backend, const struct ps_launch *launch);
    /* Memory for the bytes of the dense tensor `to`, to be filled and then handed over with upload_end; no
     * other call comes between. Null with error->status unset: nothing is wanted (a plan), and upload_end is
     * not called. */
    void *(*upload_begin)(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error);
    bool (*upload_end)(struct ps_backend *backend, struct ps_error *error);
    /* Copies a dense tensor's bytes to the host once everything before is done. */
    bool (*download)(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error);
    /* Waits until everything handed over is done. */
    bool (*finish)(struct ps_backend *backend, struct ps_error *error);
    /* Seconds by the device's own clock that it has worked on what is finished, waits of the host left out. Null or
     * negative: it has no clock. */
    double (*busy_seconds)(const struct ps_backend *backend);
};

struct ps_backend {
    const struct ps_backend_ops *ops;
    uint64_t segment_limit;   /* bytes; the largest segment that can be reserved */
    bool staging_needed;      /* device memory is not host-visible: transfers pass through staging memory */
    bool matrices_staged;     /* packed matrices do, to be put in another order */
    bool synchronous;         /* a launch is done when its call returns */
    bool plan_only;           /* nothing is computed: uploads and downloads carry no data */
    uint64_t allocated_bytes; /* reserved at this time, staging included */
    uint64_t peak_bytes;      /* the largest that allocated_bytes has been */

    /* Of a plan: what it plans for, and the most of the staging memory that a launch so far takes. */
    const struct ps_backend *like;
    uint64_t launch_bytes;
};

/* For interpreters: keeps allocated_bytes and peak_bytes when `bytes` are allocated (or, negative, freed). */
static inline void ps_backend_account(struct ps_backend *backend, int64_t bytes)
{
    backend->allocated_bytes += (uint64_t)bytes;
    if (backend->allocated_bytes > backend->peak_bytes)
        backend->peak_bytes = backend->allocated_bytes;
}

#endif
