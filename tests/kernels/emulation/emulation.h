/* linear_coop2 and conv_coop2 with lib/tensor.glsl of this folder, to run them on devices without VK_NV_cooperative_matrix2. */
#ifndef TESTS_KERNELS_EMULATION_H
#define TESTS_KERNELS_EMULATION_H

#include "vk/spirv.h"

extern const struct ps_vk_stand_in coop2_emulation;

#endif
