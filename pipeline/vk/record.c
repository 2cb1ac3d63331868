/* Commands are recorded into a ring of submissions for each queue. The device works on some while the next is recorded;
 * the host waits for a slot of the ring or for bytes that it is to touch alone, and a queue for the other one where they
 * touch the same bytes. Whatever a submission waits for has been handed over before it. */
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

/* A clock on the device: timestamps around each submission, where the queue has them. */
static bool open_clock(struct ps_vk *vk, struct ps_error *error)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = sizeof families / sizeof *families;
    VkPhysicalDeviceProperties properties;
    vk->fn.GetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
    vk->fn.GetPhysicalDeviceProperties(vk->physical, &properties);
    const uint32_t family = vk->families[PS_VK_COMPUTE];
    const uint32_t bits = family < count ? families[family].timestampValidBits : 0;
    if (!bits)
        return true;
    vk->clock_mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    vk->tick_seconds = (double)properties.limits.timestampPeriod * 1e-9;
    const VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2 * PS_VK_SLOTS,
    };
    return PS_VK(vk, error, CreateQueryPool, vk->device, &info, NULL, &vk->clock);
}

static uint32_t first_stamp(const struct ps_vk *vk, const struct ps_vk_slot *slot)
{
    return 2 * (uint32_t)(slot - vk->queues[PS_VK_COMPUTE].slots);
}

static bool has_clock(const struct ps_vk *vk, const struct ps_vk_queue *queue)
{
    return vk->clock && queue == &vk->queues[PS_VK_COMPUTE];
}

/* Adds what the device needed for a submission that is done. */
static bool read_clock(struct ps_vk *vk, const struct ps_vk_slot *slot, struct ps_error *error)
{
    uint64_t stamps[2];
    if (!PS_VK(vk, error, GetQueryPoolResults, vk->device, vk->clock, first_stamp(vk, slot), 2, sizeof stamps,
               stamps, sizeof *stamps, VK_QUERY_RESULT_64_BIT))
        return false;
    vk->busy_seconds += (double)((stamps[1] - stamps[0]) & vk->clock_mask) * vk->tick_seconds;
    return true;
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
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = queue->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (!PS_VK(vk, error, CreateFence, vk->device, &fence, NULL, &queue->slots[i].fence) ||
            !PS_VK(vk, error, AllocateCommandBuffers, vk->device, &commands, &queue->slots[i].commands))
            return false;
    return true;
}

bool ps_vk_recorder_open(struct ps_vk *vk, struct ps_error *error)
{
    for (uint32_t i = 0; i < vk->queue_count; i++)
        if (!open_queue(vk, i, error))
            return false;
    return open_clock(vk, error);
}

static void close_queue(struct ps_vk *vk, struct ps_vk_queue *queue)
{
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (queue->slots[i].fence)
            vk->fn.DestroyFence(vk->device, queue->slots[i].fence, NULL);
    if (queue->reached)
        vk->fn.DestroySemaphore(vk->device, queue->reached, NULL);
    if (queue->pool)
        vk->fn.DestroyCommandPool(vk->device, queue->pool, NULL);
}

void ps_vk_recorder_close(struct ps_vk *vk)
{
    for (uint32_t i = 0; i < vk->queue_count; i++)
        close_queue(vk, &vk->queues[i]);
    if (vk->clock)
        vk->fn.DestroyQueryPool(vk->device, vk->clock, NULL);
}

/* A lost device stays lost; to ask it again might take as long each time. */
static bool is_lost(const struct ps_vk *vk, struct ps_error *error)
{
    if (vk->lost)
        ps_fail(error, PS_ERR_DEVICE_LOST, "device.lost", "%s stopped answering", vk->info.name);
    return vk->lost;
}

static bool wait_slot(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_vk_slot *slot,
                      struct ps_error *error)
{
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
    queue->retired = slot->number;
    return PS_VK(vk, error, ResetFences, vk->device, 1, &slot->fence) &&
           (!has_clock(vk, queue) || read_clock(vk, slot, error));
}

/* The slot of the ring that is being recorded; begins one where there is none. */
static struct ps_vk_slot *open_slot(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    struct ps_vk_slot *slot = &queue->slots[queue->slot];
    if (slot->stage == PS_VK_RECORDING)
        return slot;
    if (slot->stage == PS_VK_PENDING && !wait_slot(vk, queue, slot, error))
        return NULL;
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    if (!PS_VK(vk, error, BeginCommandBuffer, slot->commands, &begin))
        return NULL;
    if (has_clock(vk, queue)) {
        vk->fn.CmdResetQueryPool(slot->commands, vk->clock, first_stamp(vk, slot), 2);
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, vk->clock,
                                 first_stamp(vk, slot));
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
        const struct ps_vk_slot *slot = &other->slots[i];
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
    const struct ps_vk_slot *open = &queue->slots[queue->slot];
    if (open->stage == PS_VK_RECORDING && slot_is_full(vk, open, count) && !ps_vk_submit(vk, queue, error))
        return NULL;
    struct ps_vk_slot *slot =
        vk->queue_count > 1 ? open_behind(vk, queue, ranges, count, error) : open_slot(vk, queue, error);
    if (!slot)
        return NULL;
    if (ps_hazards_note(&queue->hazards, ranges, count)) {
        barrier(vk, queue, slot, queue->stages, reads_of(queue) | writes_of(queue));
        vk->counts.barriers++;
    }
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

bool ps_vk_submit(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error)
{
    struct ps_vk_slot *slot = &queue->slots[queue->slot];
    if (slot->stage != PS_VK_RECORDING)
        return true;
    /* The host may read what was written as soon as the fence is signalled. */
    barrier(vk, queue, slot, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    if (has_clock(vk, queue))
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, vk->clock,
                                 first_stamp(vk, slot) + 1);
    slot->stage = PS_VK_IDLE;
    if (!PS_VK(vk, error, EndCommandBuffer, slot->commands))
        return false;
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
    queue->slot = (queue->slot + 1) % PS_VK_SLOTS;
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
    const struct ps_vk_slot *open = &queue->slots[queue->slot];
    if (open->stage == PS_VK_RECORDING && slot_touches(open, range) && !ps_vk_submit(vk, queue, error))
        return false;
    /* From the oldest on: what was submitted before is done with what is waited for. */
    uint32_t count = 0;
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++) {
        const struct ps_vk_slot *slot = &queue->slots[(queue->slot + i) % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING && slot_touches(slot, range))
            count = i + 1;
    }
    *waited = *waited || count;
    for (uint32_t i = 0; i < count; i++) {
        struct ps_vk_slot *slot = &queue->slots[(queue->slot + i) % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING && !wait_slot(vk, queue, slot, error))
            return false;
    }
    return true;
}

bool ps_vk_wait(struct ps_vk *vk, const struct ps_range *range, struct ps_error *error)
{
    bool waited = false, done = true;
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
        const struct ps_vk_slot *slot = &vk->queues[i / PS_VK_SLOTS].slots[i % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING &&
            vk->fn.WaitForFences(vk->device, 1, &slot->fence, VK_TRUE, ns) == VK_TIMEOUT)
            return false;
    }
    return true;
}
