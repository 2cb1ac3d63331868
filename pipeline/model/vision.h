/* transformers CLIPVisionModelWithProjection: pixels -> one embedding. */
#ifndef PS_MODEL_VISION_H
#define PS_MODEL_VISION_H

#include "ops/ops.h"
#include "weights/bind.h"
#include "weights/config.h"

struct ps_vision_layer {
    struct ps_norm norm1, norm2;
    struct ps_layer qkv, attention_out, fc1, fc2;
};

struct ps_vision {
    struct ps_vision_config config;
    struct ps_weight_set weights;
    const struct ps_weight *class_token, *positions; /* [1, hidden], [tokens, hidden] */
    struct ps_layer patch, projection;
    struct ps_norm norm_in, norm_out;
    struct ps_vision_layer *layers; /* config.layers of them */
};

/* Declares every weight to the binder and fills all but `weights`. False where memory is out. Free with
 * ps_vision_free. */
bool ps_vision_bind(struct ps_vision *vision, struct ps_binder *binder,
                    const struct ps_vision_config *config);
void ps_vision_free(struct ps_vision *vision);

/* pixels [1, image_size, image_size, 3], normalised -> embedding [1, 1, 1, projection_dim]. */
struct ps_tensor ps_vision_forward(struct ps_run *run, const struct ps_vision *vision,
                                   struct ps_tensor pixels);

#endif
