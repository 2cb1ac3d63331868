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
 * still works on is not pulled from under it; a wait that runs out there is one for what was never begun, and stays one. */
#include "fault/layer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fault/chain.h"

#define EXPORT __attribute__((visibility("default")))

enum { MAX_HITS = 4, KINDS = 4 };

static const char *const kinds[KINDS] = {"submit", "wait", "allocate", "pipeline"};
enum { SUBMIT, WAIT, ALLOCATE, PIPELINE };

/* What one kind of call does. */
struct plan {
    unsigned long hits[MAX_HITS], from; /* 0 for none */
    unsigned long calls;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plan plans[KINDS];

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

EXPORT unsigned long fault_open(void)
{
    return chain_count();
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

/* ---- calls that fail ---- */

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                                   VkFence fence)
{
    struct chain_object *device = chain_find(queue);
    device->lost = struck(SUBMIT) || device->lost;
    if (device->lost)
        return VK_ERROR_DEVICE_LOST;
    const PFN_vkQueueSubmit submit = (PFN_vkQueueSubmit)chain_next(device, "vkQueueSubmit");
    return submit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice handle, uint32_t count, const VkFence *fences,
                                                      VkBool32 all, uint64_t timeout)
{
    const struct chain_object *device = chain_find(handle);
    if (struck(WAIT))
        return VK_TIMEOUT;
    const PFN_vkWaitForFences wait = (PFN_vkWaitForFences)chain_next(device, "vkWaitForFences");
    const VkResult result = wait(handle, count, fences, all, timeout);
    return device->lost && result != VK_TIMEOUT ? VK_ERROR_DEVICE_LOST : result;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice handle, const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    if (struck(ALLOCATE))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const PFN_vkAllocateMemory allocate =
        (PFN_vkAllocateMemory)chain_next(chain_find(handle), "vkAllocateMemory");
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
        (PFN_vkCreateComputePipelines)chain_next(chain_find(handle), "vkCreateComputePipelines");
    return create(handle, cache, count, infos, allocator, pipelines);
}

const struct chain_row chain_rows[] = {
    {"", NULL},
    {"", NULL},
    {"", NULL},
    {"vkCreateDevice", (PFN_vkVoidFunction)chain_create_device},
    {"vkDestroyDevice", (PFN_vkVoidFunction)chain_destroy_device},
    {"vkQueueSubmit", (PFN_vkVoidFunction)queue_submit},
    {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
    {"vkAllocateMemory", (PFN_vkVoidFunction)allocate_memory},
    {"vkCreateComputePipelines", (PFN_vkVoidFunction)create_pipelines},
    {NULL, NULL},
};
