/* A run: the state that ops and model code share while a phase is executed or planned.
 *
 * Errors are sticky: the first failure is kept, every later op does nothing and returns the null tensor, and
 * the caller asks once, with ps_run_ok, at the end. Scopes name the work and free everything but the result.
 */
#ifndef PS_RUN_RUN_H
#define PS_RUN_RUN_H

#include "run/arena.h"
#include "run/backend.h"
#include "run/weight.h"

#define PS_MAX_SCOPES 24
#define PS_MAX_LIVE 256
#define PS_MAX_RING 128

/* No launch sees a chunk above this many bytes, so that kernels can count elements in 31 bits. */
#define PS_MAX_CHUNK (2ull << 30)

struct ps_run {
    struct ps_error *error;
    struct ps_backend *backend;
    enum ps_type type;    /* storage of the phase's activations and weights */
    bool quantised;       /* large matrices are PS_Q8: ps_weight_type */
    uint64_t chunk_bytes; /* what one chunk of a chunked chain may take; a result of planning, at most
                             PS_MAX_CHUNK */
    bool frugal; /* compute a clip-long intermediate twice rather than hold it; a result of planning */
    struct ps_arena scratch;

    const struct ps_store *store;
    struct ps_tensor *resident; /* by weight index; null where the weight is streamed */
    bool *asked;                /* by weight index: set once the weight is asked for; or null */
    uint64_t ring_offset;       /* bytes of PS_WEIGHTS that streamed weights pass through */
    uint64_t ring_bytes;
    uint64_t ring_head;  /* bytes into the ring where the next one goes */
    uint32_t ring_count; /* weights that lie in the ring, oldest first */
    struct {
        uint32_t index;
        uint64_t begin, end; /* bytes into the ring */
    } ring[PS_MAX_RING];

    uint64_t flops;            /* of the launches so far */
    uint64_t largest_transfer; /* bytes of the largest upload or download of a tensor so far, weights aside */
    uint64_t streamed_bytes;   /* of the weights uploaded by ps_run_weight so far */

    /* Asked before every launch when set; false cancels the run. */
    bool (*alive)(void *user, const struct ps_run *run);
    void *user;

    uint32_t depth;
    struct {
        const char *name;
        uint32_t live; /* tensors that were live when the scope was entered */
    } scopes[PS_MAX_SCOPES];
    uint32_t live_count;
    uint64_t live[PS_MAX_LIVE]; /* offsets taken from scratch, oldest first */
};

/* A run over `backend` that reports to `error`. The backend's spaces must be reserved before the first launch
 * unless it is plan_only. Free with ps_run_end. */
void ps_run_begin(struct ps_run *run, struct ps_backend *backend, enum ps_type type, struct ps_error *error);
void ps_run_end(struct ps_run *run);

static inline bool ps_run_ok(const struct ps_run *run)
{
    return !run->error->status;
}

/* Records a failure as "phase/scope/scope: text". */
void ps_run_fail(struct ps_run *run, enum ps_status status, const char *id, const char *format, ...)
    PS_PRINTF(4, 5);

/* Records that the device's largest allocation does not hold t, or too few of its frames; returns the status.
 * Where t is part of a chunk, smaller chunks may do. */
#define PS_TOO_LARGE "memory.tensor-too-large"
enum ps_status ps_run_too_large(struct ps_run *run, struct ps_tensor t);

/* A new scratch tensor, owned by the innermost scope, split where it exceeds a segment; null after an error.
 */
struct ps_tensor ps_new(struct ps_run *run, enum ps_type type, uint32_t n, uint32_t h, uint32_t w,
                        uint32_t c);

/* The same, not for the elements of one tensor but as room for several that ps_in_room places there, one after the other.
 */
struct ps_tensor ps_new_room(struct ps_run *run, enum ps_type type, uint32_t n, uint32_t h, uint32_t w,
                             uint32_t c);

/* Frees a scratch tensor before its scope ends and makes *t null. A null tensor is left alone. */
void ps_drop(struct ps_run *run, struct ps_tensor *t);

/* Begins a scope; `name` must outlive it. */
void ps_enter(struct ps_run *run, const char *name);

/* Ends the scope: frees its tensors except the one that begins where `result` begins, which passes to the
 * scope around. Returns `result`, or the null tensor after an error. */
struct ps_tensor ps_leave(struct ps_run *run, struct ps_tensor result);

/* How many of `count` pieces of `bytes_each` a chunk may hold: at least 1, at most count. */
uint32_t ps_chunk(const struct ps_run *run, uint32_t count, uint64_t bytes_each);

/* The packed weight on the device: where it resides, where it still lies in the ring, or uploaded now into
 * the ring. Valid until the ring has passed over it: hold at most the weights of one launch. Null for a null
 * pointer. */
struct ps_tensor ps_run_weight(struct ps_run *run, const struct ps_weight *weight);

/* Uploads the packed weight to t, a tensor of its packed shape in the type of ps_weight_type. False after an error. */
bool ps_run_load(struct ps_run *run, const struct ps_weight *weight, struct ps_tensor t);

/* Checks a launch against its kernel's row and hands it to the interpreter. */
void ps_run_launch(struct ps_run *run, const struct ps_launch *launch);

/* Around launches that come time after time, all with the operands and push constants that they had before: what differs
 * is in the tensors. They do not nest. Launches that differ are run all the same, and nothing is saved. */
void ps_repeat_begin(struct ps_run *run);
void ps_repeat_end(struct ps_run *run);

/* Copies host elements, already in t's type, to the dense tensor t; or t's elements to the host. */
void ps_upload(struct ps_run *run, struct ps_tensor t, const void *from);
void ps_download(struct ps_run *run, struct ps_tensor t, void *to);

/* The same with conversion from and to float. */
void ps_upload_floats(struct ps_run *run, struct ps_tensor t, const float *from);
void ps_download_floats(struct ps_run *run, struct ps_tensor t, float *to);

#endif
