#include "vk/check.h"

const char *ps_vk_result_name(VkResult result)
{
    switch (result) {
#define NAME(result)                                                                                         \
    case result:                                                                                             \
        return #result;
        NAME(VK_SUCCESS)
        NAME(VK_NOT_READY)
        NAME(VK_TIMEOUT)
        NAME(VK_INCOMPLETE)
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
        NAME(VK_ERROR_INITIALIZATION_FAILED)
        NAME(VK_ERROR_DEVICE_LOST)
        NAME(VK_ERROR_MEMORY_MAP_FAILED)
        NAME(VK_ERROR_LAYER_NOT_PRESENT)
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
        NAME(VK_ERROR_FEATURE_NOT_PRESENT)
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
        NAME(VK_ERROR_TOO_MANY_OBJECTS)
        NAME(VK_ERROR_FRAGMENTED_POOL)
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE)
        NAME(VK_ERROR_FRAGMENTATION)
        NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)
#undef NAME
    default:
        return "an error code that Vulkan 1.3 does not name";
    }
}

bool ps_vk_check(VkResult result, const char *call, struct ps_error *error)
{
    const char *name = ps_vk_result_name(result);
    switch (result) {
    case VK_SUCCESS:
        return true;
    case VK_ERROR_DEVICE_LOST:
        ps_fail(error, PS_ERR_DEVICE_LOST, "device.lost", "the device stopped answering: %s returned %s",
                call, name);
        ps_hint(error,
                "The driver's log (dmesg) may say why. Another program or a driver reset can be the cause.");
        return false;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        ps_fail(error, PS_ERR_MEMORY, "memory.device", "out of memory: %s returned %s", call, name);
        return false;
    case VK_ERROR_INITIALIZATION_FAILED:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
    case VK_ERROR_LAYER_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
        ps_fail(error, PS_ERR_DEVICE, "device.unusable", "%s returned %s", call, name);
        return false;
    default:
        ps_fail(error, PS_ERR_INTERNAL, "device.call", "%s returned %s (%d)", call, name, (int)result);
        return false;
    }
}
