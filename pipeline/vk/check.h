/* Results of Vulkan calls as errors. */
#ifndef PS_VK_CHECK_H
#define PS_VK_CHECK_H

#include <vulkan/vulkan_core.h>

#include "base/error.h"

/* Calls vkNAME through the table of `vk`; true on success, otherwise the failure is in `error`. */
#define PS_VK(vk, error, name, ...) ps_vk_check((vk)->fn.name(__VA_ARGS__), "vk" #name, error)

bool ps_vk_check(VkResult result, const char *call, struct ps_error *error);

/* "VK_ERROR_DEVICE_LOST" and so on. */
const char *ps_vk_result_name(VkResult result);

#endif
