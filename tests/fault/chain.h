/* What every Vulkan layer needs: its place in the chain from the loader to the driver. Linked into each of them. */
#ifndef TESTS_FAULT_CHAIN_H
#define TESTS_FAULT_CHAIN_H

#include <stdbool.h>
#include <vulkan/vulkan_core.h>
#include <vulkan/vk_layer.h>

#define CHAIN_INSTANCE_ROWS 3

/* An instance or a device: objects made from it begin with the same pointer as it does. */
struct chain_object {
    void *key;
    PFN_vkGetInstanceProcAddr instance_next;
    /* Of the first rows; asked for after vkCreateInstance the loader gives the first layer's. */
    PFN_vkVoidFunction functions_next[CHAIN_INSTANCE_ROWS];
    PFN_vkDestroyInstance destroy_instance;
    PFN_vkGetDeviceProcAddr device_next;
    VkInstance instance;
    VkDevice device;
    bool lost;         /* of layer.c: for good */
    struct card *card; /* of card.c */
};

/* The functions that a layer has for itself, defined by it: as many for physical devices, null where it needs fewer, then
 * those for devices, and a row without name. It names the two below too, or its own around them. */
struct chain_row {
    const char *name;
    PFN_vkVoidFunction function;
};
extern const struct chain_row chain_rows[];

/* The instance or device that a dispatchable object is made from. */
struct chain_object *chain_find(const void *handle);

/* Instances and devices that are not destroyed yet. */
unsigned long chain_count(void);

/* The function of a physical device or of a device in the next layer or the driver. */
PFN_vkVoidFunction chain_next_of_physical(VkPhysicalDevice physical, uint32_t row);
PFN_vkVoidFunction chain_next(const struct chain_object *device, const char *name);

VKAPI_ATTR VkResult VKAPI_CALL chain_create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator, VkDevice *device);
VKAPI_ATTR void VKAPI_CALL chain_destroy_device(VkDevice device, const VkAllocationCallbacks *allocator);

VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version);

#endif
