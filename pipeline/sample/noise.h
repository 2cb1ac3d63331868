/* The random tensors of one clip. */
#ifndef PS_SAMPLE_NOISE_H
#define PS_SAMPLE_NOISE_H

#include <stddef.h>

#include "packshot.h"

/* Streams of the Philox generator (base/rng.h). */
enum ps_noise_stream { PS_STREAM_IMAGE = 0, PS_STREAM_LATENTS = 1 };

/* Writes unit normals in the layout and order in which diffusers draws them from one generator: first the
 * augmentation noise, image [1, 3, H, W], drawn even where its strength is 0, then latents [1, F, C, h, w].
 * The counts are elements. With Philox each tensor is a stream of its own, read from value 0. */
void ps_draw_noise(enum ps_rng rng, uint64_t seed, float *image, size_t image_count, float *latents,
                   size_t latent_count);

#endif
