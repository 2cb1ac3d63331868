#include "sample/noise.h"

#include "base/rng.h"

void ps_draw_noise(enum ps_rng rng, uint64_t seed, float *image, size_t image_count, float *latents,
                   size_t latent_count)
{
    if (rng == PS_RNG_TORCH_CPU) {
        struct ps_torch_rng torch;
        ps_torch_seed(&torch, seed);
        ps_torch_normals(&torch, image, image_count);
        ps_torch_normals(&torch, latents, latent_count);
    } else {
        ps_philox_normals(seed, PS_STREAM_IMAGE, 0, image, image_count);
        ps_philox_normals(seed, PS_STREAM_LATENTS, 0, latents, latent_count);
    }
}
