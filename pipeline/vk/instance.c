#include "vk/state.h"

#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity, (void)types;
    struct ps_vk *vk = user;
    atomic_fetch_add(&vk->messages, 1);
    ps_log(&vk->log, PS_LOG_ERROR, "validation: %s", data->pMessage);
    return VK_FALSE;
}

/* The version of Vulkan that a layer knows; 0 where it is not there. */
static uint32_t layer_version(struct ps_vk *vk, const char *name)
{
    VkLayerProperties layers[64];
    uint32_t count = sizeof layers / sizeof *layers;
    const VkResult result = vk->fn.EnumerateInstanceLayerProperties(&count, layers);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(layers[i].layerName, name))
            return layers[i].specVersion;
    return 0;
}

bool ps_vk_instance_open(struct ps_vk *vk, bool validate, struct ps_error *error)
{
    if (!ps_vk_load_entry(&vk->fn, error))
        return false;
    vk->known_version = validate ? layer_version(vk, VALIDATION_LAYER) : UINT32_MAX;
    if (!vk->known_version) {
        ps_fail(error, PS_ERR_DEVICE, "device.no-validation",
                "the layer " VALIDATION_LAYER " is not installed");
        ps_hint(error, "On Debian and Ubuntu: apt install vulkan-validationlayers");
        return false;
    }
    const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = vk,
    };
    const VkValidationFeatureEnableEXT enabled = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    const VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = &messenger,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = &enabled,
    };
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "packshot",
        .apiVersion = VK_API_VERSION_1_3,
    };
    const char *const layer = VALIDATION_LAYER;
    const char *const extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                      VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = validate ? &features : NULL,
        .pApplicationInfo = &application,
        .enabledLayerCount = validate,
        .ppEnabledLayerNames = &layer,
        .enabledExtensionCount = validate ? 2 : 0,
        .ppEnabledExtensionNames = extensions,
    };
    const VkResult result = vk->fn.CreateInstance(&info, NULL, &vk->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        ps_fail(error, PS_ERR_DEVICE, "device.no-driver", "the Vulkan loader finds no driver");
        ps_hint(error, PS_VK_INSTALL_HINT);
        return false;
    }
    if (!ps_vk_check(result, "vkCreateInstance", error))
        return false;
    if (!ps_vk_load_instance(vk, error))
        return false;
    return !validate ||
           PS_VK(vk, error, CreateDebugUtilsMessengerEXT, vk->instance, &messenger, NULL, &vk->messenger);
}

void ps_vk_instance_close(struct ps_vk *vk)
{
    if (vk->messenger)
        vk->fn.DestroyDebugUtilsMessengerEXT(vk->instance, vk->messenger, NULL);
    if (vk->instance && vk->fn.DestroyInstance)
        vk->fn.DestroyInstance(vk->instance, NULL);
    vk->messenger = VK_NULL_HANDLE;
    vk->instance = VK_NULL_HANDLE;
}
