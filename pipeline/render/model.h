/* Models inside the library: a checkpoint whose weights are bound to the parts of the architecture. */
#ifndef PS_RENDER_MODEL_H
#define PS_RENDER_MODEL_H

#include "model/unet.h"
#include "model/vae.h"
#include "model/vision.h"
#include "render/context.h"
#include "weights/checkpoint.h"

struct ps_model {
    struct ps_context *context;
    struct ps_checkpoint *checkpoint;
    struct ps_vision vision;
    struct ps_encoder encoder;
    struct ps_unet unet;
    struct ps_decoder decoder;
};

/* Pixels that one latent cell covers, an axis: 8 for SVD. */
uint32_t ps_model_latent_scale(const struct ps_model *model);

#endif
