#include "provenance/origins.h"

#include <stdio.h>
#include <string.h>

static void fill(struct ps_fingerprint *file, const char *name, char digit)
{
    snprintf(file->name, sizeof file->name, "%s", name);
    file->bytes = 1000u + (uint64_t)digit;
    memset(file->sha256, digit, PS_SHA256_TEXT - 1);
}

struct ps_origin *origin_new(uint32_t sigma_count)
{
    struct ps_error error = {0};
    struct ps_origin *origin = ps_origin_new(2, &error);
    float levels[PS_MAX_STEPS + 1];
    assert_non_null(origin);
    fill(&origin->photo, "shoe.png", 'a');
    fill(&origin->files[0], "unet/one.safetensors", 'b');
    fill(&origin->files[1], "vae/two.safetensors", 'c');
    origin->photo_width = 640;
    origin->photo_height = 481;
    snprintf(origin->model, sizeof origin->model, "svd-xt");
    snprintf(origin->layout, sizeof origin->layout, "diffusers folder");
    snprintf(origin->family, sizeof origin->family, "Stable Video Diffusion");
    snprintf(origin->licence, sizeof origin->licence, "LICENSE.md");
    snprintf(origin->device, sizeof origin->device, "A device");
    snprintf(origin->driver, sizeof origin->driver, "its driver");
    origin->params = (struct ps_render_params){.width = 1024,
                                               .height = 576,
                                               .fit = PS_FIT_PAD,
                                               .focus = PS_FOCUS_POINT,
                                               .focus_x = 0.25f,
                                               .focus_y = 0.7f,
                                               .pad_colour = 0x0a0b0c,
                                               .frames = 14,
                                               .fps = 24,
                                               .motion = 60.5f,
                                               .noise_augmentation = 0.02f,
                                               .steps = 25,
                                               .schedule = PS_SCHEDULE_AYS,
                                               .guidance_min = 1.1f,
                                               .guidance_max = 3.3f,
                                               .seed = UINT64_MAX,
                                               .rng = PS_RNG_TORCH_CPU,
                                               .dtype = PS_DTYPE_F16,
                                               .weights = PS_WEIGHTS_Q8,
                                               .decode_chunk = 8};
    for (uint32_t i = 0; i < sigma_count; i++)
        levels[i] = 700.1f / (float)(i + 1) * (i + 1 < sigma_count);
    if (sigma_count)
        assert_ok(ps_origin_set_sigmas(origin, levels, sigma_count, &error), error);
    return origin;
}
