/* Runs model code on golden inputs and compares with what diffusers computed. */
#ifndef TESTS_MODEL_GOLDEN_H
#define TESTS_MODEL_GOLDEN_H

#include "ops/ops.h"
#include "weights/bind.h"

/* A golden file and its tensors as a part to bind from. */
struct golden {
    struct ps_safetensors *file;
    struct ps_part part;
};

/* Opens tests/golden/NAME.safetensors; fails the test if it cannot. */
struct golden golden_open(const char *name);
struct golden golden_open_path(const char *path);
void golden_close(struct golden *golden);

/* A tensor as float, in the file's layout, to be freed; its shape padded in front to [a, b, c, d]. Null, and
 * shape all 0, if there is none of that name. */
float *golden_floats(const struct golden *golden, const char *name, uint32_t shape[4]);

/* The same with [n, c, h, w] turned into [n, h, w, c]; shape becomes that too. */
float *golden_channels_last(const struct golden *golden, const char *name, uint32_t shape[4]);

/* What is run: model code on an interpreter, reading and writing `user`. */
typedef void golden_body(struct ps_run *run, void *user);

struct golden_run {
    const struct ps_weight_set *weights;
    const struct ps_store *store;
    golden_body *body;
    void *user;
    enum ps_type type;
    bool quantised;
    uint64_t chunk_bytes; /* 0 means the largest; 1 makes every chunk one frame or row */
    bool stream;          /* no weight is resident */
    bool frugal;
    uint64_t segment_limit; /* bytes of scratch in one allocation; 0 means what the interpreter allows */
};

/* Plans the body, reserves exactly that, runs it, and checks that nothing failed and the planned scratch was
 * enough. */
void golden_execute(struct ps_backend *backend, const struct golden_run *run);

/* The smallest segment_limit, in steps of a quarter, that the body can be planned with. */
uint64_t golden_least_segment(const struct ps_backend *backend, const struct golden_run *run);

/* The interpreters of this machine: ref, cpu where the processor will do, and vk where there is a device; where `variant` is
 * not null vk alone with that variant of its kernels, or none where the device cannot run it. Closed by
 * golden_backends_close, which returns non-zero where the validation layer gave a message. */
struct golden_backends {
    uint32_t count;
    struct ps_backend *items[3];
    struct ps_backend *cpu, *vk; /* of the items; or null */
};
struct golden_backends golden_backends_open(const char *variant);
int golden_backends_close(struct golden_backends *backends);

/* ||a - b|| / ||b||; infinite where a is not finite. */
double golden_distance(const float *a, const float *b, uint64_t count);

/* Fails the test unless the distance is within `tolerance`, naming `what`. */
void golden_expect(const char *what, const float *a, const float *b, uint64_t count, double tolerance);

#endif
