/* What a checkpoint's parts are made of: sizes read from the tensors and checked against config.json, and
 * what only config.json says. Without one, what the tensors do not say is Stable Video Diffusion's. */
#ifndef PS_WEIGHTS_CONFIG_H
#define PS_WEIGHTS_CONFIG_H

#include "weights/part.h"

#define PS_MAX_LEVELS 8
/* Of resnets in a block on the way down, and of transformer layers in an attention. */
#define PS_MAX_LAYERS 8
#define PS_MAX_TRANSFORMER_LAYERS 16

struct ps_unet_config {
    uint32_t in_channels, out_channels; /* 2 latent, latent */
    uint32_t levels;
    /* By level, the finest first, as the down blocks have them; the up blocks have them the other way round.
     */
    uint32_t block_out_channels[PS_MAX_LEVELS];
    uint32_t layers_per_block[PS_MAX_LEVELS]; /* resnets of the down block; the up block has one more */
    uint32_t transformer_layers_per_block[PS_MAX_LEVELS];
    uint32_t heads[PS_MAX_LEVELS];
    uint32_t cross_attention_dim[PS_MAX_LEVELS];
    /* By block in diffusers' order: up_attention[0] is up_blocks.0, the coarsest level. The mid block always
     * has it. */
    bool down_attention[PS_MAX_LEVELS], up_attention[PS_MAX_LEVELS];
    uint32_t addition_time_embed_dim; /* sinusoid of one of the three added ids */
    uint32_t projection_dim;          /* of the added embedding's input: 3 addition_time_embed_dim */
    uint32_t time_embed_dim;          /* of the time embedding: 1280 */
    uint32_t num_frames;              /* 0 where the checkpoint does not say */
    uint32_t sample_size;             /* latent cells, not used to render */
};

struct ps_vae_config {
    uint32_t levels;
    uint32_t block_out_channels[PS_MAX_LEVELS];
    uint32_t layers_per_block; /* resnets of an encoder block; a decoder block has one more */
    uint32_t latent_channels;
    float scaling_factor;
    bool force_upcast;
    bool temporal; /* decoder: AutoencoderKLTemporalDecoder, else AutoencoderKL */
    bool has_quant_conv, has_post_quant_conv;
    uint32_t sample_size;
};

enum ps_vision_act { PS_VISION_GELU, PS_VISION_QUICK_GELU };

struct ps_vision_config {
    uint32_t hidden_size, layers, heads, intermediate_size;
    uint32_t patch_size, image_size, projection_dim;
    enum ps_vision_act act;
    float eps;
    float mean[3], std[3]; /* of the pixel normalisation, red first */
};

struct ps_scheduler_config {
    double sigma_min, sigma_max;
};

/* What a model's folder wishes where the caller says nothing; 0 where it is silent. */
struct ps_defaults {
    uint32_t width, height; /* pixels */
    uint32_t frames, fps, steps;
    float motion;      /* bucket */
    float guidance[2]; /* scale of the first and of the last frame */
    bool shuns_bf16;   /* f32 takes bf16's place where that would be the default */
};

/* Reads packshot.json, which packshot alone knows; `path` may be null. Status: PS_ERR_CHECKPOINT where a key is
 * unknown or a value out of its range. `error` may not be null. */
enum ps_status ps_defaults_read(struct ps_defaults *defaults, const char *path, struct ps_error *error);

/* Each reads the tensors of a sealed part and then config_path, which may be null: then SVD's values are used
 * where the tensors do not tell. Status: PS_ERR_CHECKPOINT where they contradict each other or ask for what
 * packshot does not have. */
enum ps_status ps_unet_config_read(struct ps_unet_config *config, const struct ps_part *part,
                                   const char *config_path, struct ps_error *error);
enum ps_status ps_vae_config_read(struct ps_vae_config *config, const struct ps_part *part,
                                  const char *config_path, struct ps_error *error);
enum ps_status ps_vision_config_read(struct ps_vision_config *config, const struct ps_part *part,
                                     const char *config_path, const char *preprocessor_path,
                                     struct ps_error *error);
enum ps_status ps_scheduler_config_read(struct ps_scheduler_config *config, const char *config_path,
                                        struct ps_error *error);

#endif
