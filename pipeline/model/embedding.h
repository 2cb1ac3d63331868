/* Sinusoidal embeddings of times, added ids and frame positions. */
#ifndef PS_MODEL_EMBEDDING_H
#define PS_MODEL_EMBEDDING_H

#include <stdint.h>

/* Row i of out [count, dim] is cos(values[i] f_k) for k = 0..dim/2 - 1, then sin of the same, then a 0 where
 * dim is odd; f_k = 10000^(-k / (dim/2)). This is diffusers' get_timestep_embedding(flip_sin_to_cos=True,
 * downscale_freq_shift=0) with its float rounding of f_k and of the product. PyTorch's exp is not correctly
 * rounded (one f_k in a hundred is one unit in the last place off, which ones depends on the build), so
 * results agree within (1 + 2 |value|) 2^-23.
 *
 * SVD's three: values {time} at the width of the time projection; {fps - 1, motion, augmentation} at
 * addition_time_embed_dim, the three rows being one vector; frame numbers from 0 at the width of the level.
 */
void ps_sinusoids(const float *values, uint32_t count, uint32_t dim, float *out);

/* ps_sinusoids of 0, 1, ..., frames - 1: out [frames, dim]. */
void ps_frame_positions(uint32_t frames, uint32_t dim, float *out);

#endif
