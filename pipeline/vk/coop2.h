/* Matrices of a whole work group (VK_NV_cooperative_matrix2), and how the variants built on them are fitted to a device. */
#ifndef PS_VK_COOP2_H
#define PS_VK_COOP2_H

#include "vk/flexible.h"

#define PS_VK_COOP2_TILES 4

/* For the table of variant.c: linear and conv by lib/coop2.glsl. */
bool ps_vk_coop2_can(const struct ps_vk *vk);
bool ps_vk_coop2_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice);
struct ps_vk_area ps_vk_coop2_area(const struct ps_vk *vk, uint32_t number);

#endif
