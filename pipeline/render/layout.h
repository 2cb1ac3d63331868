/* Phases, and where a phase's weights and scratch lie, found by running it on the plan interpreter. */
#ifndef PS_RENDER_LAYOUT_H
#define PS_RENDER_LAYOUT_H

#include "run/run.h"

/* A phase: its weights are uploaded, used and released before the next one begins. */
struct ps_phase {
    const char *name;
    const struct ps_weight_set *weights;
    const struct ps_store *store;
    enum ps_type type;
    bool quantised; /* large weights are PS_Q8 */
    uint32_t steps;
    /* Runs `steps` of the phase's steps, which all need the same memory: all of them, or one to find out how
     * much that is. On the plan interpreter host data is neither there nor wanted. */
    void (*body)(struct ps_run *run, void *subject, uint32_t steps);
    void *subject;
};

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

/* Lays the phase out for `backend` within `budget` bytes: the largest chunks with all weights resident; else smaller
 * chunks; else intermediates computed twice; else weights streamed, as few as possible. Status: PS_ERR_MEMORY
 * with the least that would do. Free with ps_layout_free. */
enum ps_status ps_layout_make(struct ps_layout_plan *plan, const struct ps_phase *phase,
                              const struct ps_backend *backend, uint64_t budget, struct ps_error *error);
void ps_layout_free(struct ps_layout_plan *plan);

/* Bytes of all memory together. */
uint64_t ps_layout_bytes(const struct ps_layout_plan *plan);

/* Reserves the memory, uploads the resident weights, runs the phase's body and releases the memory again.
 * `alive` is asked before every launch. */
enum ps_status ps_layout_run(const struct ps_layout_plan *plan, const struct ps_phase *phase,
                             struct ps_backend *backend, bool (*alive)(void *user, const struct ps_run *run),
                             void *user, struct ps_error *error);

#endif
