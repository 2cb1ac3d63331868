/* Commands are recorded into a ring of submissions for each queue. The device works on some while the next is recorded;
 * the host waits for a slot of the ring or for bytes that it is to touch alone, and a queue for the other one where they
 * touch the same bytes. Whatever a submission waits for has been handed over before it. */
#include <stdlib.h>

#include "base/checked.h"
#include "vk/state.h"

static const VkPipelineStageFlags stages_of[PS_VK_QUEUES] = {
    [PS_VK_COMPUTE] = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
    [PS_VK_UPLOAD] = VK_PIPELINE_STAGE_TRANSFER_BIT,
};

static VkAccessFlags writes_of(const struct ps_vk_queue *queue)
{
    const bool computes = queue->stages & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    return VK_ACCESS_TRANSFER_WRITE_BIT | (computes ? VK_ACCESS_SHADER_WRITE_BIT : 0);
}

static VkAccessFlags reads_of(const struct ps_vk_queue *queue)
{
    const bool computes = queue->stages & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    return VK_ACCESS_TRANSFER_READ_BIT | (computes ? VK_ACCESS_SHADER_READ_BIT : 0);
}

/* Whether there is a clock on the device: timestamps around each submission. */
static void look_for_clock(struct ps_vk *vk)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = sizeof families / sizeof *families;
    VkPhysicalDeviceProperties properties;
    vk->fn.GetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
    vk->fn.GetPhysicalDeviceProperties(vk->physical, &properties);
    const uint32_t family = vk->families[PS_VK_COMPUTE];
    const uint32_t bits = family < count ? families[family].timestampValidBits : 0;
    vk->clock_mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    vk->tick_seconds = (double)properties.limits.timestampPeriod * 1e-9;
}

/* Adds what the device needed for a submission that is done. */
static bool read_clock(struct ps_vk *vk, const struct ps_vk_slot *slot, struct ps_error *error)
{
    uint64_t stamps[2];
    if (!PS_VK(vk, error, GetQueryPoolResults, vk->device, slot->clock, 0, 2, sizeof stamps, stamps,
               sizeof *stamps, VK_QUERY_RESULT_64_BIT))
        return false;
    vk->busy_seconds += (double)((stamps[1] - stamps[0]) & vk->clock_mask) * vk->tick_seconds;
    return true;
}

static bool make_slot(struct ps_vk *vk, const struct ps_vk_queue *queue, struct ps_vk_slot *slot,
                      struct ps_error *error)
{
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = queue->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    const VkQueryPoolCreateInfo clock = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2,
    };
    const bool timed = vk->clock_mask && queue == &vk->queues[PS_VK_COMPUTE];
    return PS_VK(vk, error, CreateFence, vk->device, &fence, NULL, &slot->fence) &&
           PS_VK(vk, error, AllocateCommandBuffers, vk->device, &commands, &slot->commands) &&
           (!timed || PS_VK(vk, error, CreateQueryPool, vk->device, &clock, NULL, &slot->clock));
}

static void unmake_slot(struct ps_vk *vk, const struct ps_vk_queue *queue, struct ps_vk_slot *slot)
{
    if (slot->clock)
        vk->fn.DestroyQueryPool(vk->device, slot->clock, NULL);
    if (slot->commands)
        vk->fn.FreeCommandBuffers(vk->device, queue->pool, 1, &slot->commands);
    if (slot->fence)
        vk->fn.DestroyFence(vk->device, slot->fence, NULL);
}

struct ps_vk_slot *ps_vk_slot_new(struct ps_vk *vk, struct ps_error *error)
{
    struct ps_vk_slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return NULL;
    }
    if (make_slot(vk, &vk->queues[PS_VK_COMPUTE], slot, error))
        return slot;
    ps_vk_slot_free(vk, slot);
    return NULL;
}

void ps_vk_slot_free(struct ps_vk *vk, struct ps_vk_slot *slot)
{
    struct ps_vk_queue *queue = &vk->queues[PS_VK_COMPUTE];
    /* It stands in the ring still where its recording or submission failed. */
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (queue->ring[i] == slot)
            queue->ring[i] = &queue->slots[i];
    unmake_slot(vk, queue, slot);
    free(slot);
}

static bool open_queue(struct ps_vk *vk, uint32_t index, struct ps_error *error)
{
    struct ps_vk_queue *queue = &vk->queues[index];
    queue->stages = stages_of[index];
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = vk->families[index],
    };
    const VkSemaphoreTypeCreateInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    const VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                             .pNext = &timeline};
    if (!PS_VK(vk, error, CreateCommandPool, vk->device, &pool, NULL, &queue->pool) ||
        (vk->queue_count > 1 &&
         !PS_VK(vk, error, CreateSemaphore, vk->device, &semaphore, NULL, &queue->reached)))
        return false;
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++) {
        queue->ring[i] = &queue->slots[i];
        if (!make_slot(vk, queue, &queue->slots[i], error))
            return false;
    }
    return true;
}

bool ps_vk_recorder_open(struct ps_vk *vk, struct ps_error *error)
{
    look_for_clock(vk);
    for (uint32_t i = 0; i < vk->queue_count; i++)
        if (!open_queue(vk, i, error))
            return false;
    return true;
}

static void close_queue(struct ps_vk *vk, struct ps_vk_queue *queue)
{
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        unmake_slot(vk, queue, &queue->slots[i]);
    if (queue->reached)
        vk->fn.DestroySemaphore(vk->device, queue->reached, NULL);
    if (queue->pool)
        vk->fn.DestroyCommandPool(vk->device, queue->pool, NULL);
}

void ps_vk_recorder_close(struct ps_vk *vk)
{
    for (uint32_t i = 0; i < vk->queue_count; i++)
        close_queue(vk, &vk->queues[i]);
}

/* A lost device stays lost; to ask it again might take as long each time. */
static bool is_lost(const struct ps_vk *vk, struct ps_error *error)
{
    if (vk->lost)
        ps_fail(error, PS_ERR_DEVICE_LOST, "device.lost", "%s stopped answering", vk->info.name);
    return vk->lost;
}

/* Waits for what stands at a place of the ring, which is its own slot's again. */
static bool wait_place(struct ps_vk *vk, struct ps_vk_queue *queue, uint32_t place, struct ps_error *error)
{
    struct ps_vk_slot *slot = queue->ring[place];
    if (is_lost(vk, error))
        return false;
    const VkResult result = vk->fn.WaitForFences(vk->device, 1, &slot->fence, VK_TRUE, vk->timeout_ns);
    vk->lost = result == VK_TIMEOUT || result == VK_ERROR_DEVICE_LOST;
    if (result == VK_TIMEOUT) {
        ps_fail(error, PS_ERR_DEVICE_LOST, "device.timeout",
                "%s did not finish %u launches within %.3g seconds", vk->info.name, slot->launches,
                (double)vk->timeout_ns * 1e-9);
        ps_hint(error,
                "Another program may be using the device, or the driver has failed; see its log (dmesg).");
        return false;
    }
    if (!ps_vk_check(result, "vkWaitForFences", error))
        return false;
    slot->stage = PS_VK_IDLE;
    queue->ring[place] = &queue->slots[place];
    queue->retired = slot->number;
    return PS_VK(vk, error, ResetFences, vk->device, 1, &slot->fence) &&
           (!slot->clock || read_clock(vk, slot, error));
}

/* The slot that is to be recorded at a place of the ring. */
static struct ps_vk_slot *free_place(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    if (queue->ring[queue->at]->stage == PS_VK_PENDING && !wait_place(vk, queue, queue->at, error))
        return NULL;
    struct ps_vk_slot *kept = ps_vk_repeat_slot(vk, queue, error);
    if (kept)
        queue->ring[queue->at] = kept;
    return error->status ? NULL : queue->ring[queue->at];
}

/* The slot of the ring that is being recorded; begins one where there is none. */
static struct ps_vk_slot *open_slot(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    if (queue->ring[queue->at]->stage == PS_VK_RECORDING)
        return queue->ring[queue->at];
    struct ps_vk_slot *slot = free_place(vk, queue, error);
    if (!slot)
        return NULL;
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = slot == &queue->slots[queue->at] ? VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT : 0,
    };
    if (!PS_VK(vk, error, BeginCommandBuffer, slot->commands, &begin))
        return NULL;
    if (slot->clock) {
        vk->fn.CmdResetQueryPool(slot->commands, slot->clock, 0, 2);
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, slot->clock, 0);
    }
    slot->stage = PS_VK_RECORDING;
    slot->launches = 0;
    slot->awaited = 0;
    slot->work = 0;
    slot->bound = VK_NULL_HANDLE;
    slot->range_count = 0;
    return slot;
}

static void barrier(struct ps_vk *vk, const struct ps_vk_queue *queue, const struct ps_vk_slot *slot,
                    VkPipelineStageFlags stages, VkAccessFlags access)
{
    const VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = writes_of(queue),
        .dstAccessMask = access,
    };
    vk->fn.CmdPipelineBarrier(slot->commands, queue->stages, stages, 0, 1, &memory, 0, NULL, 0, NULL);
}

static bool slot_is_full(const struct ps_vk *vk, const struct ps_vk_slot *slot, uint32_t count)
{
    return slot->launches == PS_VK_SLOT_LAUNCHES || slot->range_count + count > PS_VK_SLOT_RANGES ||
           slot->work >= vk->dispatch_flops;
}

static bool slot_clashes(const struct ps_vk_slot *slot, const struct ps_range *ranges, uint32_t count)
{
    for (uint32_t i = 0; i < slot->range_count; i++)
        for (uint32_t j = 0; j < count; j++)
            if ((slot->ranges[i].write || ranges[j].write) && ps_ranges_overlap(&slot->ranges[i], &ranges[j]))
                return true;
    return false;
}

/* Finds the other queue's submission that these accesses must wait for, having handed it over. What the host has waited
 * for is done, but only a wait of the queue itself makes it see what was written there. */
static bool find_awaited(struct ps_vk *vk, const struct ps_vk_queue *queue, struct ps_vk_queue *other,
                         const struct ps_range *ranges, uint32_t count, uint64_t *awaited,
                         struct ps_error *error)
{
    *awaited = other->retired;
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++) {
        const struct ps_vk_slot *slot = other->ring[i];
        if (slot->stage == PS_VK_IDLE || (slot->stage == PS_VK_PENDING && slot->number <= queue->awaited) ||
            !slot_clashes(slot, ranges, count))
            continue;
        if (slot->stage == PS_VK_RECORDING && !ps_vk_submit(vk, other, error))
            return false;
        *awaited = ps_max_u64(*awaited, slot->number);
    }
    return true;
}

/* As open_slot, with the slot behind what these accesses wait for in the other queue; what has been recorded before does
 * not wait with them. */
static struct ps_vk_slot *open_behind(struct ps_vk *vk, struct ps_vk_queue *queue,
                                      const struct ps_range *ranges, uint32_t count, struct ps_error *error)
{
    struct ps_vk_queue *other = &vk->queues[queue == vk->queues ? PS_VK_UPLOAD : PS_VK_COMPUTE];
    uint64_t awaited;
    if (!find_awaited(vk, queue, other, ranges, count, &awaited, error))
        return NULL;
    if (awaited > ps_max_u64(queue->awaited, other->retired) && !ps_vk_submit(vk, queue, error))
        return NULL;
    struct ps_vk_slot *slot = open_slot(vk, queue, error);
    if (slot && awaited > queue->awaited)
        slot->awaited = queue->awaited = awaited;
    return slot;
}

struct ps_vk_slot *ps_vk_record(struct ps_vk *vk, struct ps_vk_queue *queue, const struct ps_range *ranges,
                                uint32_t count, struct ps_error *error)
{
    const struct ps_vk_slot *open = queue->ring[queue->at];
    if (open->stage == PS_VK_RECORDING && slot_is_full(vk, open, count) && !ps_vk_submit(vk, queue, error))
        return NULL;
    struct ps_vk_slot *slot =
        vk->queue_count > 1 ? open_behind(vk, queue, ranges, count, error) : open_slot(vk, queue, error);
    if (!slot)
        return NULL;
    if (queue->behind)
        queue->hazards.count = 0;
    if (ps_hazards_note(&queue->hazards, ranges, count) || queue->behind) {
        barrier(vk, queue, slot, queue->stages, reads_of(queue) | writes_of(queue));
        vk->counts.barriers++;
    }
    queue->behind = false;
    for (uint32_t i = 0; i < count; i++)
        slot->ranges[slot->range_count++] = ranges[i];
    slot->launches++;
    return slot;
}

/* Hands a slot's commands over, behind what they wait for; two queues count what is done. */
static VkResult hand_over(const struct ps_vk *vk, const struct ps_vk_queue *queue,
                          const struct ps_vk_slot *slot)
{
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const bool counted = vk->queue_count > 1, waits = slot->awaited;
    const VkTimelineSemaphoreSubmitInfo values = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = waits,
        .pWaitSemaphoreValues = &slot->awaited,
        .signalSemaphoreValueCount = counted,
        .pSignalSemaphoreValues = &slot->number,
    };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = counted ? &values : NULL,
        .waitSemaphoreCount = waits,
        .pWaitSemaphores = &vk->queues[queue == vk->queues ? PS_VK_UPLOAD : PS_VK_COMPUTE].reached,
        .pWaitDstStageMask = &stages,
        .commandBufferCount = 1,
        .pCommandBuffers = &slot->commands,
        .signalSemaphoreCount = counted,
        .pSignalSemaphores = &queue->reached,
    };
    return vk->fn.QueueSubmit(queue->handle, 1, &submit, slot->fence);
}

/* Hands over what stands at the place of the ring that is the next. */
static bool send(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    struct ps_vk_slot *slot = queue->ring[queue->at];
    if (is_lost(vk, error))
        return false;
    slot->number = queue->submitted + 1;
    const VkResult result = hand_over(vk, queue, slot);
    vk->lost = result == VK_ERROR_DEVICE_LOST;
    if (!ps_vk_check(result, "vkQueueSubmit", error))
        return false;
    slot->stage = PS_VK_PENDING;
    queue->submitted++;
    vk->counts.submissions++;
    queue->at = (queue->at + 1) % PS_VK_SLOTS;
    return true;
}

bool ps_vk_submit(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    struct ps_vk_slot *slot = queue->ring[queue->at];
    if (slot->stage != PS_VK_RECORDING)
        return true;
    /* The host may read what was written as soon as the fence is signalled. */
    barrier(vk, queue, slot, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    if (slot->clock)
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, slot->clock, 1);
    slot->stage = PS_VK_IDLE;
    return PS_VK(vk, error, EndCommandBuffer, slot->commands) && send(vk, queue, error);
}

bool ps_vk_resubmit(struct ps_vk *vk, struct ps_vk_slot *slot, struct ps_error *error)
{
    struct ps_vk_queue *queue = &vk->queues[PS_VK_COMPUTE], *other = &vk->queues[PS_VK_UPLOAD];
    /* Its last submission may be under way still, at another place. */
    for (uint32_t i = 0; i < PS_VK_SLOTS && (!i || slot->stage == PS_VK_PENDING); i++) {
        const uint32_t place = (queue->at + i) % PS_VK_SLOTS;
        if (queue->ring[place]->stage == PS_VK_PENDING && !wait_place(vk, queue, place, error))
            return false;
    }
    uint64_t awaited = 0;
    if (vk->queue_count > 1 &&
        !find_awaited(vk, queue, other, slot->ranges, slot->range_count, &awaited, error))
        return false;
    slot->awaited = awaited > queue->awaited ? awaited : 0;
    queue->awaited = ps_max_u64(queue->awaited, awaited);
    queue->ring[queue->at] = slot;
    if (!send(vk, queue, error))
        return false;
    vk->counts.dispatches += slot->launches;
    vk->counts.replays++;
    return true;
}

static bool slot_touches(const struct ps_vk_slot *slot, const struct ps_range *range)
{
    if (!range)
        return true;
    for (uint32_t i = 0; i < slot->range_count; i++)
        if (ps_ranges_overlap(&slot->ranges[i], range))
            return true;
    return false;
}

/* Whether it had to wait is in `waited`. */
static bool wait_queue(struct ps_vk *vk, struct ps_vk_queue *queue, const struct ps_range *range,
                       bool *waited, struct ps_error *error)
{
    const struct ps_vk_slot *open = queue->ring[queue->at];
    if (open->stage == PS_VK_RECORDING && slot_touches(open, range) && !ps_vk_submit(vk, queue, error))
        return false;
    /* From the oldest on: what was submitted before is done with what is waited for. */
    uint32_t count = 0;
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++) {
        const struct ps_vk_slot *slot = queue->ring[(queue->at + i) % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING && slot_touches(slot, range))
            count = i + 1;
    }
    *waited = *waited || count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = (queue->at + i) % PS_VK_SLOTS;
        if (queue->ring[place]->stage == PS_VK_PENDING && !wait_place(vk, queue, place, error))
            return false;
    }
    return true;
}

bool ps_vk_wait(struct ps_vk *vk, const struct ps_range *range, struct ps_error *error)
{
    bool waited = false, done = ps_vk_repeat_leave(vk, error);
    for (uint32_t i = 0; i < vk->queue_count && done; i++)
        done = wait_queue(vk, &vk->queues[i], range, &waited, error);
    vk->counts.round_trips += waited;
    return done;
}

bool ps_vk_drain(struct ps_vk *vk)
{
    const uint64_t least = 60000000000;
    const uint64_t ns = vk->lost ? least : ps_max_u64(vk->timeout_ns, least);
    for (uint32_t i = 0; i < vk->queue_count * PS_VK_SLOTS; i++) {
        /* Null where the open failed before there were queues. */
        const struct ps_vk_slot *slot = vk->queues[i / PS_VK_SLOTS].ring[i % PS_VK_SLOTS];
        if (slot && slot->stage == PS_VK_PENDING &&
            vk->fn.WaitForFences(vk->device, 1, &slot->fence, VK_TRUE, ns) == VK_TIMEOUT)
            return false;
    }
    return true;
}
