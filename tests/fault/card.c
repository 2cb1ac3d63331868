/* A Vulkan layer that makes a card of a software device, for tests alone: the device's one queue family gets a second one
 * beside it, for transfers alone, and its memory becomes two heaps, the device's own, which the host cannot map, and the
 * host's. Both families' commands run on the driver's one queue.
 *
 * There, submissions would run in the order in which they are made, which no card promises of two queues. So one queue can be
 * late: what is submitted to it is held back until the other one or the host waits for it. If a wait is missing, bits differ.
 * CARD says whose: "launches" or "uploads"; card_delay does so too. */
#include "fault/card.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fault/chain.h"

#define EXPORT __attribute__((visibility("default")))

enum { COMPUTE, UPLOAD, FAMILIES, MAX_HELD = 16 };

/* A submission that is held back, as far as packshot makes use of one. */
struct held {
    VkCommandBuffer commands;
    VkSemaphore awaited, reached;
    uint64_t awaited_value, reached_value;
    VkFence fence;
};

struct card {
    void *
        loader; /* a queue begins with the loader's pointer, and so does this one, which is the second family's */
    VkQueue queue;
    PFN_vkQueueSubmit submit;
    bool lost; /* a submission failed: what is held back never runs */
    uint32_t held_count;
    struct held held[MAX_HELD];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long submits[FAMILIES];
static int late; /* the family; FAMILIES for none */

EXPORT void card_delay(const char *text)
{
    pthread_mutex_lock(&lock);
    late = !text                       ? FAMILIES
           : !strcmp(text, "launches") ? COMPUTE
           : !strcmp(text, "uploads")  ? UPLOAD
                                       : FAMILIES;
    pthread_mutex_unlock(&lock);
}

EXPORT unsigned long card_submits(unsigned int family)
{
    pthread_mutex_lock(&lock);
    const unsigned long count = submits[family];
    pthread_mutex_unlock(&lock);
    return count;
}

__attribute__((constructor)) static void begin(void)
{
    card_delay(getenv("CARD"));
}

/* What this layer is not made for. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- what the device seems to have ---- */

enum { FAMILIES_ROW, MEMORY_ROW, MEMORY2_ROW };

static VKAPI_ATTR void VKAPI_CALL get_families(VkPhysicalDevice physical, uint32_t *count,
                                               VkQueueFamilyProperties *families)
{
    const PFN_vkGetPhysicalDeviceQueueFamilyProperties get =
        (PFN_vkGetPhysicalDeviceQueueFamilyProperties)chain_next_of_physical(physical, FAMILIES_ROW);
    VkQueueFamilyProperties both[FAMILIES] = {
        [UPLOAD] = {.queueFlags = VK_QUEUE_TRANSFER_BIT,
                    .queueCount = 1,
                    .minImageTransferGranularity = {1, 1, 1}},
    };
    uint32_t real = 1;
    get(physical, &real, both);
    if (families && *count < FAMILIES)
        real = *count;
    else
        real = *count = FAMILIES;
    if (families)
        memcpy(families, both, real * sizeof *both);
}

static void make_heaps(VkPhysicalDeviceMemoryProperties *memory)
{
    const VkDeviceSize size = memory->memoryHeaps[0].size;
    *memory = (VkPhysicalDeviceMemoryProperties){
        .memoryTypeCount = 2,
        .memoryTypes = {{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
                        {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                             VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                         1}},
        .memoryHeapCount = 2,
        .memoryHeaps = {{size, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {size, 0}},
    };
}

static VKAPI_ATTR void VKAPI_CALL get_memory(VkPhysicalDevice physical,
                                             VkPhysicalDeviceMemoryProperties *memory)
{
    const PFN_vkGetPhysicalDeviceMemoryProperties get =
        (PFN_vkGetPhysicalDeviceMemoryProperties)chain_next_of_physical(physical, MEMORY_ROW);
    get(physical, memory);
    make_heaps(memory);
}

static VKAPI_ATTR void VKAPI_CALL get_memory2(VkPhysicalDevice physical,
                                              VkPhysicalDeviceMemoryProperties2 *memory)
{
    const PFN_vkGetPhysicalDeviceMemoryProperties2 get =
        (PFN_vkGetPhysicalDeviceMemoryProperties2)chain_next_of_physical(physical, MEMORY2_ROW);
    get(physical, memory);
    make_heaps(&memory->memoryProperties);
}

static VKAPI_ATTR void VKAPI_CALL get_requirements(VkDevice handle, VkBuffer buffer,
                                                   VkMemoryRequirements *requirements)
{
    const PFN_vkGetBufferMemoryRequirements get =
        (PFN_vkGetBufferMemoryRequirements)chain_next(chain_find(handle), "vkGetBufferMemoryRequirements");
    get(handle, buffer, requirements);
    requirements->memoryTypeBits = 3;
}

/* ---- what the driver is given instead ---- */

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator, VkDevice *device)
{
    VkDeviceQueueCreateInfo queues[FAMILIES];
    VkDeviceCreateInfo real = *info;
    real.queueCreateInfoCount = 0;
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++)
        if (info->pQueueCreateInfos[i].queueFamilyIndex == COMPUTE)
            queues[real.queueCreateInfoCount++] = info->pQueueCreateInfos[i];
    real.pQueueCreateInfos = queues;
    struct card *card = calloc(1, sizeof *card);
    if (!card)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const VkResult result = chain_create_device(physical, &real, allocator, device);
    if (result != VK_SUCCESS) {
        free(card);
        return result;
    }
    struct chain_object *object = chain_find(*device);
    const PFN_vkGetDeviceQueue get = (PFN_vkGetDeviceQueue)chain_next(object, "vkGetDeviceQueue");
    memcpy(&card->loader, *device, sizeof card->loader);
    get(*device, COMPUTE, 0, &card->queue);
    card->submit = (PFN_vkQueueSubmit)chain_next(object, "vkQueueSubmit");
    object->card = card;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks *allocator)
{
    struct card *card = chain_find(device)->card;
    must(!card->held_count || card->lost);
    chain_destroy_device(device, allocator);
    free(card);
}

static VKAPI_ATTR void VKAPI_CALL get_queue(VkDevice device, uint32_t family, uint32_t index, VkQueue *queue)
{
    struct card *card = chain_find(device)->card;
    must(!index);
    *queue = family == UPLOAD ? (VkQueue)(void *)card : card->queue;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_pool(VkDevice handle, const VkCommandPoolCreateInfo *info,
                                                  const VkAllocationCallbacks *allocator, VkCommandPool *pool)
{
    const PFN_vkCreateCommandPool create =
        (PFN_vkCreateCommandPool)chain_next(chain_find(handle), "vkCreateCommandPool");
    VkCommandPoolCreateInfo real = *info;
    real.queueFamilyIndex = COMPUTE;
    return create(handle, &real, allocator, pool);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice handle, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator, VkBuffer *buffer)
{
    const PFN_vkCreateBuffer create = (PFN_vkCreateBuffer)chain_next(chain_find(handle), "vkCreateBuffer");
    VkBufferCreateInfo real = *info;
    real.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
    real.queueFamilyIndexCount = 0;
    return create(handle, &real, allocator, buffer);
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle, const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    const PFN_vkAllocateMemory allocate =
        (PFN_vkAllocateMemory)chain_next(chain_find(handle), "vkAllocateMemory");
    VkMemoryAllocateInfo real = *info;
    real.memoryTypeIndex = 0;
    return allocate(handle, &real, allocator, memory);
}

/* ---- submissions ---- */

/* After one that failed none is handed over: what a lost device still holds ends with VK_ERROR_DEVICE_LOST at once, as
 * drivers end it, instead of a wait for what was never begun. */
static VkResult hand_over(struct card *card, const struct held *held)
{
    if (card->lost)
        return VK_ERROR_DEVICE_LOST;
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkTimelineSemaphoreSubmitInfo values = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = held->awaited != VK_NULL_HANDLE,
        .pWaitSemaphoreValues = &held->awaited_value,
        .signalSemaphoreValueCount = held->reached != VK_NULL_HANDLE,
        .pSignalSemaphoreValues = &held->reached_value,
    };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &values,
        .waitSemaphoreCount = held->awaited != VK_NULL_HANDLE,
        .pWaitSemaphores = &held->awaited,
        .pWaitDstStageMask = &stages,
        .commandBufferCount = 1,
        .pCommandBuffers = &held->commands,
        .signalSemaphoreCount = held->reached != VK_NULL_HANDLE,
        .pSignalSemaphores = &held->reached,
    };
    const VkResult result = card->submit(card->queue, 1, &submit, held->fence);
    card->lost = result != VK_SUCCESS;
    return result;
}

/* Hands over the first `count` that are held back; from one that fails on they stay. */
static VkResult release(struct card *card, uint32_t count)
{
    VkResult result = VK_SUCCESS;
    uint32_t released = 0;
    while (released < count && (result = hand_over(card, &card->held[released])) == VK_SUCCESS)
        released++;
    card->held_count -= released;
    memmove(card->held, card->held + released, card->held_count * sizeof *card->held);
    return result;
}

static struct held take(const VkSubmitInfo *submit, VkFence fence)
{
    const VkTimelineSemaphoreSubmitInfo *values = submit->pNext;
    struct held held = {.commands = *submit->pCommandBuffers, .fence = fence};
    must(submit->commandBufferCount == 1 && submit->waitSemaphoreCount <= 1 &&
         submit->signalSemaphoreCount <= 1);
    if (submit->waitSemaphoreCount) {
        held.awaited = *submit->pWaitSemaphores;
        held.awaited_value = *values->pWaitSemaphoreValues;
    }
    if (submit->signalSemaphoreCount) {
        held.reached = *submit->pSignalSemaphores;
        held.reached_value = *values->pSignalSemaphoreValues;
    }
    return held;
}

/* How many of those that are held back must run for the semaphore to reach the value. */
static uint32_t needed(const struct card *card, VkSemaphore semaphore, uint64_t value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < card->held_count && semaphore; i++)
        if (card->held[i].reached == semaphore && (!i || card->held[i - 1].reached_value < value))
            count = i + 1;
    return count;
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count,
                                                   const VkSubmitInfo *submits_made, VkFence fence)
{
    struct card *card = chain_find(queue)->card;
    const int family = queue == card->queue ? COMPUTE : UPLOAD;
    must(count == 1);
    const struct held made = take(submits_made, fence);
    pthread_mutex_lock(&lock);
    submits[family]++;
    VkResult result = release(card, needed(card, made.awaited, made.awaited_value));
    if (result == VK_SUCCESS && family != late) {
        result = hand_over(card, &made);
    } else if (result == VK_SUCCESS) {
        if (card->held_count == MAX_HELD)
            result = release(card, MAX_HELD);
        if (result == VK_SUCCESS)
            card->held[card->held_count++] = made;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice handle, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout)
{
    const struct chain_object *device = chain_find(handle);
    struct card *card = device->card;
    must(count == 1);
    pthread_mutex_lock(&lock);
    uint32_t until = 0;
    for (uint32_t i = 0; i < card->held_count; i++)
        if (card->held[i].fence == *fences)
            until = i + 1;
    const VkResult released = release(card, until);
    pthread_mutex_unlock(&lock);
    const PFN_vkWaitForFences wait = (PFN_vkWaitForFences)chain_next(device, "vkWaitForFences");
    return released == VK_SUCCESS ? wait(handle, count, fences, all, timeout) : released;
}

const struct chain_row chain_rows[] = {
    [FAMILIES_ROW] = {"vkGetPhysicalDeviceQueueFamilyProperties", (PFN_vkVoidFunction)get_families},
    [MEMORY_ROW] = {"vkGetPhysicalDeviceMemoryProperties", (PFN_vkVoidFunction)get_memory},
    [MEMORY2_ROW] = {"vkGetPhysicalDeviceMemoryProperties2", (PFN_vkVoidFunction)get_memory2},
    {"vkGetBufferMemoryRequirements", (PFN_vkVoidFunction)get_requirements},
    {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
    {"vkDestroyDevice", (PFN_vkVoidFunction)destroy_device},
    {"vkGetDeviceQueue", (PFN_vkVoidFunction)get_queue},
    {"vkCreateCommandPool", (PFN_vkVoidFunction)create_pool},
    {"vkCreateBuffer", (PFN_vkVoidFunction)create_buffer},
    {"vkAllocateMemory", (PFN_vkVoidFunction)allocate_memory},
    {"vkQueueSubmit", (PFN_vkVoidFunction)queue_submit},
    {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
    {NULL, NULL},
};
