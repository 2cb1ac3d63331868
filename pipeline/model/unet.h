/* diffusers UNetSpatioTemporalConditionModel: v(noisy latents, image latents; noise level, vision embedding,
 * ids). */
#ifndef PS_MODEL_UNET_H
#define PS_MODEL_UNET_H

#include "model/resnet.h"
#include "model/transformer.h"
#include "weights/config.h"

#define PS_MAX_LEVEL_BLOCKS (PS_MAX_LAYERS + 1)

struct ps_unet_level {
    uint32_t block_count;
    struct ps_video_resnet resnets[PS_MAX_LEVEL_BLOCKS];
    bool attends;
    struct ps_transformer *attentions; /* block_count of them where the level attends */
    struct ps_layer sampler;           /* the level's down- or upsampling convolution; null at the last one */
    struct ps_layer twice; /* the upsampling one where it doubles the size: in phases, with the same bias */
};

struct ps_unet {
    struct ps_unet_config config;
    struct ps_weight_set weights;
    struct ps_layer time1, time2, added1, added2; /* TimestepEmbeddings */
    struct ps_layer conv_in, conv_out;
    struct ps_norm norm_out;
    struct ps_unet_level down[PS_MAX_LEVELS], up[PS_MAX_LEVELS];
    struct ps_video_resnet mid[2];
    struct ps_transformer *mid_attention;
    struct ps_transformer *transformers; /* storage of all of them */
};

/* Declares every weight of the UNet to the binder and fills *unet but for its weights. False where memory is
 * out. Free with ps_unet_free. */
bool ps_unet_bind(struct ps_unet *unet, struct ps_binder *binder, const struct ps_unet_config *config);
void ps_unet_free(struct ps_unet *unet);

/* What stays the same over all steps of a clip: tensors of the scope that ps_unet_prepare was called in. */
struct ps_unet_clip {
    /* [transformers, frames, 1, most channels]: what ps_transformer_positions gives for each, from its beginning on */
    struct ps_tensor positions;
    struct ps_tensor added; /* [1, 1, 1, embedding], from fps - 1, motion bucket, augmentation */
};

/* `ids` are the three micro-conditions. */
struct ps_unet_clip ps_unet_prepare(struct ps_run *run, const struct ps_unet *unet, uint32_t frames,
                                    const float ids[3]);

/* What the photo's embedding is to a clip, context [1, 1, 1, cross_attention_dim]: a new tensor
 * [transformers, layers, 1, most channels] that holds what ps_transformer_context gives for each, from its beginning on. */
struct ps_tensor ps_unet_context(struct ps_run *run, const struct ps_unet *unet, struct ps_tensor context);

/* What both halves of the guidance share of a step: [1, 1, 1, embedding], from timestep 0.25 ln sigma. Uploads, so that it
 * belongs where the device is through with the step before. */
struct ps_tensor ps_unet_time(struct ps_run *run, const struct ps_unet *unet, const struct ps_unet_clip *clip,
                              float timestep);

/* x [frames, h, w, in_channels]: scaled noisy latents, then image latents; context from ps_unet_context;
 * time from ps_unet_time. Result [frames, h, w, out_channels]. */
struct ps_tensor ps_unet_forward(struct ps_run *run, const struct ps_unet *unet,
                                 const struct ps_unet_clip *clip, struct ps_tensor x,
                                 struct ps_tensor context, struct ps_tensor time);

#endif
