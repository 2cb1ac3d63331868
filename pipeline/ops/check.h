/* What ops ask of their arguments before they launch. A failure is recorded on the run. */
#ifndef PS_OPS_CHECK_H
#define PS_OPS_CHECK_H

#include "base/checked.h"
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
    const uint64_t frames = t.split ? t.split : t.n;
    if (ps_is_null(t) || t.pitch > UINT32_MAX || frames * t.pitch / width >= PS_INDEX_LIMIT)
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

/* Frames [first, first + count) of a result, a launch's share. */
struct ps_piece {
    uint32_t first, count;
};

/* How many frames of t from `first` on a launch can take; all where t is null. */
static inline uint32_t ps_takes(struct ps_tensor t, uint32_t first, bool pitched)
{
    return ps_is_null(t) ? UINT32_MAX : pitched || ps_is_dense(t) ? ps_frames_together(t, first) : 1;
}

/* Steps from piece to piece of y's frames: what a launch can take of y, p and q (null, or with a frame for each
 * of y's) at once, which is frames of one segment and, but for a kernel that knows pitches, single frames of a
 * slab. False behind the last piece and after an error. A piece that is all zero comes before the first. */
static inline bool ps_next_piece(const struct ps_run *run, struct ps_piece *piece, struct ps_tensor y,
                                 struct ps_tensor p, struct ps_tensor q, bool pitched)
{
    const uint32_t first = piece->first + piece->count;
    if (!ps_run_ok(run) || first >= y.n)
        return false;
    const uint64_t inputs = ps_min_u64(ps_takes(p, first, pitched), ps_takes(q, first, pitched));
    *piece = (struct ps_piece){first, (uint32_t)ps_min_u64(ps_takes(y, first, pitched), inputs)};
    return true;
}

/* A piece of a tensor that has a frame for each of the result's; one with one frame for all is used whole. */
static inline struct ps_tensor ps_cut(struct ps_tensor t, struct ps_piece piece)
{
    return t.n > 1 ? ps_frames(t, piece.first, piece.count) : t;
}

/* The result, or null after an error. */
static inline struct ps_tensor ps_result(const struct ps_run *run, struct ps_tensor y)
{
    return ps_run_ok(run) ? y : (struct ps_tensor){0};
}

#endif
