/* What ops ask of their arguments before they launch. A failure is recorded on the run. */
#ifndef PS_OPS_CHECK_H
#define PS_OPS_CHECK_H

#include "run/run.h"

#define PS_INDEX_LIMIT (1ull << 31) /* the kernels' indices stay below it */

/* Records that `op` was given a tensor that does not fit; always false. */
static inline bool ps_reject(struct ps_run *run, const char *op, struct ps_tensor t)
{
    char shape[PS_SHAPE_TEXT];
    ps_run_fail(run, PS_ERR_INTERNAL, "ops.shape", "%s cannot take a tensor %s here", op,
                ps_shape_text(t, shape));
    return false;
}

/* Elements that a memory-bound kernel takes at a time: 4 where they divide the channels, else 1. By the
 * channels alone, so that a chunk or a slab is computed as the whole is. */
static inline uint32_t ps_width(uint32_t c)
{
    return c % 4 ? 1 : 4;
}

/* Whether no error is on the run and t is a tensor whose elements, in groups of `width`, can be indexed. */
static inline bool ps_accept(struct ps_run *run, const char *op, struct ps_tensor t, uint32_t width)
{
    if (!ps_run_ok(run))
        return false;
    if (ps_is_null(t) || t.pitch > UINT32_MAX || t.n * t.pitch / width >= PS_INDEX_LIMIT)
        return ps_reject(run, op, t);
    return true;
}

/* The same, and t is dense. */
static inline bool ps_accept_dense(struct ps_run *run, const char *op, struct ps_tensor t, uint32_t width)
{
    return ps_accept(run, op, t, width) && (ps_is_dense(t) || ps_reject(run, op, t));
}

static inline bool ps_same_shape(struct ps_tensor a, struct ps_tensor b)
{
    return a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}

/* Launches, and returns the result, or null after an error. */
static inline struct ps_tensor ps_launched(struct ps_run *run, const struct ps_launch *launch,
                                           struct ps_tensor result)
{
    ps_run_launch(run, launch);
    return ps_run_ok(run) ? result : (struct ps_tensor){0};
}

#endif
