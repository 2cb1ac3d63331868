/* Where a phase's weights and scratch lie, found by running it on the plan interpreter. */
#ifndef PS_RENDER_LAYOUT_H
#define PS_RENDER_LAYOUT_H

#include "render/session.h"

struct ps_layout_plan {
    uint64_t chunk_bytes;
    bool frugal;
    uint64_t ring_bytes, ring_offset;
    struct ps_tensor *resident; /* by weight index; null for a streamed weight */
    bool streamed;
    uint64_t weight_segments[PS_MAX_SEGMENTS], scratch_segments[PS_MAX_SEGMENTS];
    uint32_t weight_segment_count, scratch_segment_count;
    uint64_t weights_bytes, scratch_bytes, staging_bytes;
    uint64_t flops;
};

/* Lays the phase out within `budget` bytes: the largest chunks with all weights resident; else smaller
 * chunks; else intermediates computed twice; else weights streamed, as few as possible. Status: PS_ERR_MEMORY
 * with the least that would do. Free with ps_layout_free. */
enum ps_status ps_layout_make(struct ps_layout_plan *plan, const struct ps_phase *phase,
                              const struct ps_session *session, uint64_t budget, struct ps_error *error);
void ps_layout_free(struct ps_layout_plan *plan);

/* Reserves the memory, uploads the resident weights, runs the phase's body and releases the memory again.
 * `alive` is asked before every launch. */
enum ps_status ps_layout_run(const struct ps_layout_plan *plan, const struct ps_phase *phase,
                             struct ps_session *session, bool (*alive)(void *user, const struct ps_run *run),
                             void *user, struct ps_error *error);

#endif
