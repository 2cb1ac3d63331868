#include "weights/random.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"
#include "weights/pack.h"

const struct ps_unet_config ps_svd_xt_unet = {
    .in_channels = 8,
    .out_channels = 4,
    .levels = 4,
    .block_out_channels = {320, 640, 1280, 1280},
    .layers_per_block = {2, 2, 2, 2},
    .transformer_layers_per_block = {1, 1, 1, 1},
    .heads = {5, 10, 20, 20},
    .cross_attention_dim = {1024, 1024, 1024, 1024},
    .down_attention = {true, true, true, false},
    .up_attention = {false, true, true, true},
    .addition_time_embed_dim = 256,
    .projection_dim = 768,
    .time_embed_dim = 1280,
    .num_frames = 25,
    .sample_size = 96,
};

const struct ps_vae_config ps_svd_xt_vae = {
    .levels = 4,
    .block_out_channels = {128, 256, 512, 512},
    .layers_per_block = 2,
    .latent_channels = 4,
    .scaling_factor = 0.18215f,
    .force_upcast = true,
    .temporal = true,
    .has_quant_conv = true,
    .sample_size = 768,
};

const struct ps_vision_config ps_svd_xt_vision = {
    .hidden_size = 1280,
    .layers = 32,
    .heads = 16,
    .intermediate_size = 5120,
    .patch_size = 14,
    .image_size = 224,
    .projection_dim = 1024,
    .act = PS_VISION_GELU,
    .eps = 1e-5f,
    .mean = {0.48145466f, 0.4578275f, 0.40821073f}, /* of CLIP's image processor, red first */
    .std = {0.26862954f, 0.26130258f, 0.27577711f},
};

/* From -1 to 1: the finaliser of MurmurHash3 over a counter, which compilers turn into vector code. */
static inline float number(uint32_t i)
{
    uint32_t x = i;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    x ^= x >> 16;
    return (float)(int32_t)x * 0x1p-31f;
}

static void fill_floats(float *to, uint64_t count, uint32_t seed, float scale)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = scale * number((uint32_t)i + seed);
}

static void fill_halves(uint16_t *to, uint64_t count, uint32_t seed, float scale)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = ps_half_from_float(scale * number((uint32_t)i + seed));
}

static void fill_bf16(uint16_t *to, uint64_t count, uint32_t seed, float scale)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = ps_bf16_from_float(scale * number((uint32_t)i + seed));
}

/* Every whole number from -127 to 127, with scales that make `scale` the largest. */
static void fill_q8(void *to, struct ps_tensor shape, uint32_t seed, float scale)
{
    float *scales = to;
    int8_t *elements = (int8_t *)(scales + shape.w);
    for (uint32_t i = 0; i < shape.w; i++)
        scales[i] = scale / 127;
    for (uint64_t i = 0; i < ps_elements(shape); i++)
        elements[i] = (int8_t)(127 * number((uint32_t)i + seed));
}

/* Padding is zero, as kernels expect. `to` is where the elements begin. */
static void clear_padding(const struct ps_weight *weight, struct ps_tensor shape, char *to)
{
    const struct ps_packed packed = {.to = to,
                                     .element_bytes = (uint32_t)ps_type_bytes(shape.type),
                                     .taps = weight->taps,
                                     .quads = shape.h,
                                     .columns_padded = shape.w};
    const uint32_t element = packed.element_bytes;
    ps_pack_padding(&packed, weight->columns);
    for (uint32_t row = weight->rows; row < 4 * shape.h; row++)
        for (uint32_t tap = 0; tap < weight->taps; tap++)
            for (uint32_t column = 0; column < shape.w; column++)
                memset(to + ps_packed_index(shape.h, shape.w, tap, row, column) * element, 0, element);
}

static bool fill_random(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type,
                        void *to, struct ps_error *error)
{
    (void)store, (void)error;
    const struct ps_tensor shape = ps_packed_shape(weight, type);
    const uint64_t count = ps_elements(shape);
    const uint32_t seed = weight->index * 0x9e3779b9u;
    const bool matrix = weight->pack == PS_PACK_MATRIX;
    /* Of a uniform distribution with the variance 1 / inputs. */
    const float scale = matrix ? sqrtf(3.0f / ((float)weight->rows * (float)weight->taps)) : 1.0f;
    if (type == PS_Q8)
        fill_q8(to, shape, seed, scale);
    else if (type == PS_F32)
        fill_floats(to, count, seed, scale);
    else
        (type == PS_F16 ? fill_halves : fill_bf16)(to, count, seed, scale);
    if (matrix)
        clear_padding(weight, shape, (char *)to + ps_scale_bytes(shape));
    return true;
}

void ps_part_init_random(struct ps_part *part, const char *name)
{
    *part = (struct ps_part){.store = {.fill = fill_random}, .name = name, .complete = true};
}
