#include "fault/chain.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum { MAX_OBJECTS = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct chain_object objects[MAX_OBJECTS];

/* ---- objects ---- */

static void *key_of(const void *handle)
{
    void *key;
    memcpy(&key, handle, sizeof key);
    return key;
}

struct chain_object *chain_find(const void *handle)
{
    struct chain_object *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_OBJECTS && !found; i++)
        if (objects[i].key == key_of(handle))
            found = &objects[i];
    pthread_mutex_unlock(&lock);
    return found;
}

static bool keep(struct chain_object object)
{
    bool kept = false;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_OBJECTS && !kept; i++) {
        if (objects[i].key)
            continue;
        objects[i] = object;
        kept = true;
    }
    pthread_mutex_unlock(&lock);
    return kept;
}

static void drop(struct chain_object *object)
{
    pthread_mutex_lock(&lock);
    memset(object, 0, sizeof *object);
    pthread_mutex_unlock(&lock);
}

unsigned long chain_count(void)
{
    unsigned long count = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_OBJECTS; i++)
        count += objects[i].key != NULL;
    pthread_mutex_unlock(&lock);
    return count;
}

PFN_vkVoidFunction chain_next_of_physical(VkPhysicalDevice physical, uint32_t row)
{
    return chain_find(physical)->functions_next[row];
}

PFN_vkVoidFunction chain_next(const struct chain_object *device, const char *name)
{
    return device->device_next(device->device, name);
}

/* ---- instances and devices ---- */

/* The loader's link in the chain of a create call. */
static VkLayerInstanceCreateInfo *instance_link(const VkInstanceCreateInfo *info)
{
    VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)(uintptr_t)info->pNext;
    while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
                    link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerInstanceCreateInfo *)(uintptr_t)link->pNext;
    return link;
}

static VkLayerDeviceCreateInfo *device_link(const VkDeviceCreateInfo *info)
{
    VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)(uintptr_t)info->pNext;
    while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
                    link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerDeviceCreateInfo *)(uintptr_t)link->pNext;
    return link;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *instance)
{
    VkLayerInstanceCreateInfo *link = instance_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    const PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    const PFN_vkCreateInstance create = (PFN_vkCreateInstance)next(NULL, "vkCreateInstance");
    const VkResult result = create(info, allocator, instance);
    if (result != VK_SUCCESS)
        return result;
    struct chain_object object = {
        .key = key_of(*instance),
        .instance_next = next,
        .destroy_instance = (PFN_vkDestroyInstance)next(*instance, "vkDestroyInstance"),
        .instance = *instance,
    };
    for (int i = 0; i < CHAIN_INSTANCE_ROWS; i++)
        if (chain_rows[i].function)
            object.functions_next[i] = next(*instance, chain_rows[i].name);
    return keep(object) ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance,
                                                   const VkAllocationCallbacks *allocator)
{
    struct chain_object *object = chain_find(instance);
    const PFN_vkDestroyInstance destroy = object->destroy_instance;
    drop(object);
    destroy(instance, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL chain_create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator, VkDevice *device)
{
    VkLayerDeviceCreateInfo *link = device_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    const PFN_vkGetInstanceProcAddr instance_next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    const PFN_vkGetDeviceProcAddr next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    const PFN_vkCreateDevice create =
        (PFN_vkCreateDevice)instance_next(chain_find(physical)->instance, "vkCreateDevice");
    const VkResult result = create(physical, info, allocator, device);
    if (result == VK_SUCCESS &&
        !keep((struct chain_object){.key = key_of(*device), .device_next = next, .device = *device}))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    return result;
}

VKAPI_ATTR void VKAPI_CALL chain_destroy_device(VkDevice device, const VkAllocationCallbacks *allocator)
{
    struct chain_object *object = chain_find(device);
    const PFN_vkDestroyDevice destroy = (PFN_vkDestroyDevice)chain_next(object, "vkDestroyDevice");
    drop(object);
    destroy(device, allocator);
}

/* ---- what the loader asks for ---- */

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char *name);

static PFN_vkVoidFunction own(const char *name)
{
    static const struct chain_row always[] = {
        {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)instance_function},
        {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)device_function},
        {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
        {"vkDestroyInstance", (PFN_vkVoidFunction)destroy_instance},
    };
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!strcmp(always[i].name, name))
            return always[i].function;
    for (const struct chain_row *row = chain_rows; row->name; row++)
        if (row->function && !strcmp(row->name, name))
            return row->function;
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char *name)
{
    const PFN_vkVoidFunction function = own(name);
    return function ? function : chain_next(chain_find(device), name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char *name)
{
    const PFN_vkVoidFunction function = own(name);
    if (function || !instance)
        return function;
    return chain_find(instance)->instance_next(instance, name);
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version)
{
    version->loaderLayerInterfaceVersion = 2;
    version->pfnGetInstanceProcAddr = instance_function;
    version->pfnGetDeviceProcAddr = device_function;
    version->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
