/* The compiled kernels, built into the library by shaders/CMakeLists.txt. */
#ifndef PS_VK_SPIRV_H
#define PS_VK_SPIRV_H

#include <stddef.h>

#include "run/launch.h"

struct ps_vk_kernel {
    uint32_t group[3]; /* items that one work group covers */
    struct {
        const uint32_t *words;
        size_t bytes;
    } spirv[2]; /* by enum ps_type of the launch */
};

extern const struct ps_vk_kernel ps_vk_kernels[PS_KERNELS];

#endif
