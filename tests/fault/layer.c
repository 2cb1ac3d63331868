/* A Vulkan layer that makes calls fail as asked, for tests alone. It counts calls of four kinds over all devices of the
 * process, from 1:
 *
 *   submit    vkQueueSubmit returns VK_ERROR_DEVICE_LOST, and the device is lost for good
 *   wait      vkWaitForFences returns VK_TIMEOUT, once
 *   allocate  vkAllocateMemory returns VK_ERROR_OUT_OF_DEVICE_MEMORY
 *   pipeline  vkCreateComputePipelines returns VK_ERROR_UNKNOWN
 *
 * "submit=3,9 allocate=2+" fails the third and the ninth submission and every allocation from the second on. The text
 * comes from the variable FAULT or from fault_arm. Calls of a lost device are passed on where they wait, so that what it
 * still works on is not pulled from under it. */
#include "fault/layer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#define EXPORT __attribute__((visibility("default")))

enum { MAX_OBJECTS = 16, MAX_HITS = 4, KINDS = 4 };

static const char *const kinds[KINDS] = {"submit", "wait", "allocate", "pipeline"};
enum { SUBMIT, WAIT, ALLOCATE, PIPELINE };

/* What one kind of call does. */
struct plan {
    unsigned long hits[MAX_HITS], from; /* 0 for none */
    unsigned long calls;
};

/* An instance or a device: objects made from it begin with the same pointer as it does. */
struct object {
    void *key;
    PFN_vkGetInstanceProcAddr instance_next;
    PFN_vkDestroyInstance destroy_instance; /* asked for later the loader gives the first layer's */
    PFN_vkGetDeviceProcAddr device_next;
    VkInstance instance;
    VkDevice device;
    bool lost;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plan plans[KINDS];
static struct object objects[MAX_OBJECTS];

/* ---- plans ---- */

static void arm_kind(struct plan *plan, const char *numbers)
{
    for (int i = 0; i < MAX_HITS; i++) {
        char *end;
        const unsigned long number = strtoul(numbers, &end, 10);
        if (*end == '+')
            plan->from = number;
        else
            plan->hits[i] = number;
        if (*end != ',')
            break;
        numbers = end + 1;
    }
}

EXPORT void fault_arm(const char *text)
{
    pthread_mutex_lock(&lock);
    memset(plans, 0, sizeof plans);
    for (int i = 0; text && i < KINDS; i++) {
        const char *at = strstr(text, kinds[i]);
        if (at && at[strlen(kinds[i])] == '=')
            arm_kind(&plans[i], at + strlen(kinds[i]) + 1);
    }
    pthread_mutex_unlock(&lock);
}

EXPORT unsigned long fault_calls(const char *kind)
{
    unsigned long calls = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kind, kinds[i]))
            calls = plans[i].calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

__attribute__((constructor)) static void begin(void)
{
    fault_arm(getenv("FAULT"));
}

/* Counts a call; whether it is to fail. With the lock held. */
static bool strikes(int kind)
{
    struct plan *plan = &plans[kind];
    const unsigned long call = ++plan->calls;
    bool hit = plan->from && call >= plan->from;
    for (int i = 0; i < MAX_HITS; i++)
        hit = hit || plan->hits[i] == call;
    return hit;
}

static bool struck(int kind)
{
    pthread_mutex_lock(&lock);
    const bool hit = strikes(kind);
    pthread_mutex_unlock(&lock);
    return hit;
}

/* ---- objects ---- */

static void *key_of(const void *handle)
{
    void *key;
    memcpy(&key, handle, sizeof key);
    return key;
}

static struct object *find(const void *handle)
{
    struct object *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_OBJECTS && !found; i++)
        if (objects[i].key == key_of(handle))
            found = &objects[i];
    pthread_mutex_unlock(&lock);
    return found;
}

static bool keep(struct object object)
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

static void drop(struct object *object)
{
    pthread_mutex_lock(&lock);
    memset(object, 0, sizeof *object);
    pthread_mutex_unlock(&lock);
}

static PFN_vkVoidFunction next_of_device(const struct object *device, const char *name)
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
    const struct object object = {
        .key = key_of(*instance),
        .instance_next = next,
        .destroy_instance = (PFN_vkDestroyInstance)next(*instance, "vkDestroyInstance"),
        .instance = *instance,
    };
    return keep(object) ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance,
                                                   const VkAllocationCallbacks *allocator)
{
    struct object *object = find(instance);
    const PFN_vkDestroyInstance destroy = object->destroy_instance;
    drop(object);
    destroy(instance, allocator);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator, VkDevice *device)
{
    VkLayerDeviceCreateInfo *link = device_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    const PFN_vkGetInstanceProcAddr instance_next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    const PFN_vkGetDeviceProcAddr next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    const PFN_vkCreateDevice create =
        (PFN_vkCreateDevice)instance_next(find(physical)->instance, "vkCreateDevice");
    const VkResult result = create(physical, info, allocator, device);
    if (result == VK_SUCCESS &&
        !keep((struct object){.key = key_of(*device), .device_next = next, .device = *device}))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    return result;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks *allocator)
{
    struct object *object = find(device);
    const PFN_vkDestroyDevice destroy = (PFN_vkDestroyDevice)next_of_device(object, "vkDestroyDevice");
    drop(object);
    destroy(device, allocator);
}

/* ---- calls that fail ---- */

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                                   VkFence fence)
{
    struct object *device = find(queue);
    device->lost = struck(SUBMIT) || device->lost;
    if (device->lost)
        return VK_ERROR_DEVICE_LOST;
    const PFN_vkQueueSubmit submit = (PFN_vkQueueSubmit)next_of_device(device, "vkQueueSubmit");
    return submit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice handle, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout)
{
    const struct object *device = find(handle);
    if (struck(WAIT))
        return VK_TIMEOUT;
    const PFN_vkWaitForFences wait = (PFN_vkWaitForFences)next_of_device(device, "vkWaitForFences");
    const VkResult result = wait(handle, count, fences, all, timeout);
    return device->lost ? VK_ERROR_DEVICE_LOST : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle, const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    if (struck(ALLOCATE))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const PFN_vkAllocateMemory allocate =
        (PFN_vkAllocateMemory)next_of_device(find(handle), "vkAllocateMemory");
    return allocate(handle, info, allocator, memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_pipelines(VkDevice handle, VkPipelineCache cache, uint32_t count,
                                                       const VkComputePipelineCreateInfo *infos,
                                                       const VkAllocationCallbacks *allocator,
                                                       VkPipeline *pipelines)
{
    if (struck(PIPELINE)) {
        memset(pipelines, 0, count * sizeof *pipelines);
        return VK_ERROR_UNKNOWN;
    }
    const PFN_vkCreateComputePipelines create =
        (PFN_vkCreateComputePipelines)next_of_device(find(handle), "vkCreateComputePipelines");
    return create(handle, cache, count, infos, allocator, pipelines);
}

/* ---- what the loader asks for ---- */

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char *name);

static PFN_vkVoidFunction own(const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } rows[] = {
        {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)instance_function},
        {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)device_function},
        {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
        {"vkDestroyInstance", (PFN_vkVoidFunction)destroy_instance},
        {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
        {"vkDestroyDevice", (PFN_vkVoidFunction)destroy_device},
        {"vkQueueSubmit", (PFN_vkVoidFunction)queue_submit},
        {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
        {"vkAllocateMemory", (PFN_vkVoidFunction)allocate_memory},
        {"vkCreateComputePipelines", (PFN_vkVoidFunction)create_pipelines},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].function;
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char *name)
{
    const PFN_vkVoidFunction function = own(name);
    return function ? function : next_of_device(find(device), name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char *name)
{
    const PFN_vkVoidFunction function = own(name);
    if (function || !instance)
        return function;
    return find(instance)->instance_next(instance, name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version)
{
    version->loaderLayerInterfaceVersion = 2;
    version->pfnGetInstanceProcAddr = instance_function;
    version->pfnGetDeviceProcAddr = device_function;
    version->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
