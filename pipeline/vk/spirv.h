/* The compiled kernels, built into the library by shaders/CMakeLists.txt. */
#ifndef PS_VK_SPIRV_H
#define PS_VK_SPIRV_H

#include <stddef.h>

#include "run/launch.h"

/* Every shader: first each kernel's own, by enum ps_kernel, then the rows of shaders/variants.def. */
enum ps_vk_shader {
    PS_VK_OWN_SHADERS = PS_KERNELS - 1,
#define PS_VARIANT(kernel, variant, types, extension) PS_SHADER_##kernel##_##variant,
#include "variants.def"
#undef PS_VARIANT
    PS_VK_SHADERS
};

struct ps_vk_spirv {
    const uint32_t *words; /* null where the shader is not for the type */
    size_t bytes;
};

/* For tests: what runs in place of linear_coop2 and conv_coop2, float16, on a device that lacks what those need. */
struct ps_vk_stand_in {
    struct ps_vk_spirv linear, conv;
};

struct ps_vk_code {
    const char *name;
    uint32_t group[3]; /* items that one work group covers; 0 for a variant, which is fitted to the device */
    struct ps_vk_spirv spirv[PS_TYPES]; /* by enum ps_type of the launch */
};

extern const struct ps_vk_code ps_vk_shaders[PS_VK_SHADERS];

#endif
