/* Models inside the library: a checkpoint whose weights are bound to the parts of the architecture. */
#ifndef PS_RENDER_MODEL_H
#define PS_RENDER_MODEL_H

#include "model/unet.h"
#include "model/vae.h"
#include "model/vision.h"
#include "provenance/origin.h"
#include "render/context.h"
#include "weights/checkpoint.h"

struct ps_model {
    struct ps_context *context;
    struct ps_checkpoint *checkpoint;
    struct ps_vision vision;
    struct ps_encoder encoder;
    struct ps_unet unet;
    struct ps_decoder decoder;
    char name[PS_ORIGIN_NAME], licence[160]; /* for provenance */
    struct ps_fingerprint *files;            /* as checkpoint->files, or null: see ps_model_identify */
};

/* Pixels that one latent cell covers, an axis: 8 for SVD. */
uint32_t ps_model_latent_scale(const struct ps_model *model);

#endif
