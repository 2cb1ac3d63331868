/* Weights of SVD-XT's sizes without a checkpoint: for measurements, whose time does not depend on values. */
#ifndef PS_WEIGHTS_RANDOM_H
#define PS_WEIGHTS_RANDOM_H

#include "weights/config.h"

/* The published sizes of Stable Video Diffusion XT. */
extern const struct ps_unet_config ps_svd_xt_unet;
extern const struct ps_vae_config ps_svd_xt_vae;
extern const struct ps_vision_config ps_svd_xt_vision;

/* Makes an empty part that has every tensor that a binder asks for. Its store fills weights with random
 * numbers, always the same, of a variance that keeps that of activations; scalars are 0. `name` must outlive
 * it. */
void ps_part_init_random(struct ps_part *part, const char *name);

#endif
