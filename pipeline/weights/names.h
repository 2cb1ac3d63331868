/* The names of the single-file layout (sgm, open_clip) as diffusers and transformers have them.
 *
 * Each function takes a name without its part's prefix, writes the other name to `to` and returns true; false
 * where the layout has no such tensor. A UNet or VAE of any number of levels and layers is renamed; what
 * depends on these is counted first, over all names. */
#ifndef PS_WEIGHTS_NAMES_H
#define PS_WEIGHTS_NAMES_H

#include "weights/part.h"

#define PS_MAX_SGM_BLOCKS 256

/* Where input block N and output block N of the sgm UNet stand in diffusers' levels. Zero it, show it every
 * name with ps_sgm_unet_note, then count with ps_sgm_unet_count. */
struct ps_sgm_unet {
    bool input_ends[PS_MAX_SGM_BLOCKS];  /* the block is a downsampler */
    bool output_ends[PS_MAX_SGM_BLOCKS]; /* the block ends with an upsampler */
    uint32_t input_level[PS_MAX_SGM_BLOCKS], input_layer[PS_MAX_SGM_BLOCKS];
    uint32_t output_level[PS_MAX_SGM_BLOCKS], output_layer[PS_MAX_SGM_BLOCKS];
};
void ps_sgm_unet_note(struct ps_sgm_unet *unet, const char *name);
void ps_sgm_unet_count(struct ps_sgm_unet *unet);
bool ps_sgm_unet_name(const struct ps_sgm_unet *unet, const char *name, char to[PS_NAME_BYTES]);

/* Zero it, then show it every name. */
struct ps_sgm_vae {
    uint32_t up_levels; /* of the decoder */
    bool temporal;      /* the decoder has temporal blocks */
};
void ps_sgm_vae_note(struct ps_sgm_vae *vae, const char *name);
bool ps_sgm_vae_name(const struct ps_sgm_vae *vae, const char *name, char to[PS_NAME_BYTES]);

/* "visual." removed. Sets *pieces to 3 for a fused query, key and value, that are renamed one by one with
 * `piece`, else to 1; and *transposed. */
bool ps_open_clip_name(const char *name, uint32_t piece, char to[PS_NAME_BYTES], uint32_t *pieces,
                       bool *transposed);

/* diffusers' names of before 0.15 for the VAE's attention (query, key, value, proj_attn) as today's. False
 * where the name is none of them. */
bool ps_old_attention_name(const char *name, char to[PS_NAME_BYTES]);

#endif
