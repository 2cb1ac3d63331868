/* How the variants of attention are fitted to a device: for the table of variant.c. */
#ifndef PS_VK_FLASH_H
#define PS_VK_FLASH_H

#include <stdbool.h>

struct ps_launch;
struct ps_vk;
struct ps_vk_choice;

/* attention_coop2: matrices of any size, whose rows the device reduces. */
bool ps_vk_flash_coop2_can(const struct ps_vk *vk);
bool ps_vk_flash_coop2_fit(const struct ps_vk *vk, const struct ps_launch *launch,
                           struct ps_vk_choice *choice);

/* attention_coop: matrices of the device's size, scores through shared memory. */
bool ps_vk_flash_coop_can(const struct ps_vk *vk);
bool ps_vk_flash_coop_fit(const struct ps_vk *vk, const struct ps_launch *launch,
                          struct ps_vk_choice *choice);

/* attention_portable: multiply-adds. */
bool ps_vk_flash_portable_can(const struct ps_vk *vk);
bool ps_vk_flash_portable_fit(const struct ps_vk *vk, const struct ps_launch *launch,
                              struct ps_vk_choice *choice);

#endif
