/* One part of a model that forwards can be run of: a model's own, or SVD-XT's with random weights. */
#ifndef PS_RENDER_BENCH_PART_H
#define PS_RENDER_BENCH_PART_H

#include "render/model.h"

struct ps_bench_subject {
    enum ps_bench_part part;
    union {
        struct ps_unet unet;
        struct ps_decoder decoder;
        struct ps_encoder encoder;
        struct ps_vision vision;
    };
    const char *name; /* "unet" */
    const struct ps_weight_set *weights;
    const struct ps_store *store;
    uint32_t latent_scale, latent_channels;
    bool random;
    struct ps_part source; /* of random weights */
};

/* Takes the part of `model`, or where that is null makes one. Status: PS_ERR_MEMORY. Close it in any case,
 * before the model. */
enum ps_status ps_bench_subject_open(struct ps_bench_subject *subject, enum ps_bench_part part,
                                     const struct ps_model *model, struct ps_error *error);
void ps_bench_subject_close(struct ps_bench_subject *subject);

/* What forwards start from: tensors of the scope around. */
struct ps_bench_inputs {
    struct ps_tensor x, context;
    struct ps_unet_clip clip; /* of the UNet */
};

/* Noise of the sizes that the parameters, which are resolved, ask for. */
struct ps_bench_inputs ps_bench_inputs(struct ps_run *run, const struct ps_bench_subject *subject,
                                       const struct ps_bench_params *params);

/* One forward; its result belongs to the scope around. */
struct ps_tensor ps_bench_forward(struct ps_run *run, const struct ps_bench_subject *subject,
                                  const struct ps_bench_inputs *inputs);

#endif
