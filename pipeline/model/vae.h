/* The variational autoencoder: image -> latent, and latents -> frames with the temporal or the per-frame
 * decoder. */
#ifndef PS_MODEL_VAE_H
#define PS_MODEL_VAE_H

#include "model/resnet.h"
#include "weights/config.h"

#define PS_MAX_VAE_BLOCKS (PS_MAX_LAYERS + 1)

/* One head over the pixels of each frame, with its own norm, biases and residual. */
struct ps_vae_attention {
    struct ps_norm norm;
    struct ps_layer qkv, out;
};

struct ps_encoder_level {
    uint32_t block_count;
    struct ps_resnet resnets[PS_MAX_VAE_BLOCKS];
    struct ps_layer down; /* null at the last level */
};

struct ps_encoder {
    struct ps_vae_config config;
    struct ps_weight_set weights;
    struct ps_layer conv_in, conv_out;
    struct ps_layer quant; /* the rows of quant_conv that make the mean; null where the checkpoint has none */
    struct ps_encoder_level levels[PS_MAX_LEVELS];
    struct ps_resnet mid[2];
    struct ps_vae_attention attention;
    struct ps_norm norm_out;
};

struct ps_decoder_level {
    uint32_t block_count;
    struct ps_video_resnet resnets[PS_MAX_VAE_BLOCKS]; /* the image decoder uses their spatial halves alone */
    struct ps_layer up;                                /* null at the last level */
};

struct ps_decoder {
    struct ps_vae_config config;
    struct ps_weight_set weights;
    struct ps_layer post_quant; /* 1x1; image decoder only */
    struct ps_layer conv_in, conv_out;
    struct ps_layer time_out; /* 3x1x1 over the frames' colours; temporal decoder only */
    uint32_t mid_count;
    struct ps_video_resnet mid[PS_MAX_VAE_BLOCKS];
    struct ps_vae_attention attention;
    struct ps_decoder_level levels[PS_MAX_LEVELS];
    struct ps_norm norm_out;
};

/* Declare every weight to the binder and fill all but `weights`. */
void ps_encoder_bind(struct ps_encoder *encoder, struct ps_binder *binder,
                     const struct ps_vae_config *config);
void ps_decoder_bind(struct ps_decoder *decoder, struct ps_binder *binder,
                     const struct ps_vae_config *config);

struct ps_vae_attention ps_vae_attention_bind(struct ps_binder *binder, uint32_t channels);

/* x + out(attention(norm(x))), x [n, h, w, c] overwritten and returned; worked off in chunks of frames. */
struct ps_tensor ps_vae_attention_forward(struct ps_run *run, struct ps_tensor x,
                                          const struct ps_vae_attention *attention);

/* image [1, H, W, 3] in [-1, 1] -> the posterior's mean, unscaled: [1, h, w, latent_channels]. */
struct ps_tensor ps_encoder_forward(struct ps_run *run, const struct ps_encoder *encoder,
                                    struct ps_tensor image);

/* latents [n, h, w, latent_channels], already divided by the scaling factor -> frames [n, H, W, 3], about
 * [-1, 1], not clamped. The temporal decoder's result depends on all n frames. */
struct ps_tensor ps_decoder_forward(struct ps_run *run, const struct ps_decoder *decoder,
                                    struct ps_tensor latents);

#endif
