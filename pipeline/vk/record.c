/* Commands are recorded into a ring of submissions. The device works on some while the next is recorded;
 * nothing waits but for a slot of the ring or for bytes that the host is to touch. */
#include "base/checked.h"
#include "vk/state.h"

static const VkPipelineStageFlags device_stages =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
static const VkAccessFlags device_writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags device_reads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

/* A clock on the device: timestamps around each submission, where the queue has them. */
static bool open_clock(struct ps_vk *vk, struct ps_error *error)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = sizeof families / sizeof *families;
    VkPhysicalDeviceProperties properties;
    vk->fn.GetPhysicalDeviceQueueFamilyProperties(vk->physical, &count, families);
    vk->fn.GetPhysicalDeviceProperties(vk->physical, &properties);
    const uint32_t bits = vk->family < count ? families[vk->family].timestampValidBits : 0;
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
    return 2 * (uint32_t)(slot - vk->slots);
}

/* Adds what the device needed for a submission that is done. */
static bool read_clock(struct ps_vk *vk, const struct ps_vk_slot *slot, struct ps_error *error)
{
    uint64_t stamps[2];
    if (!vk->clock)
        return true;
    if (!PS_VK(vk, error, GetQueryPoolResults, vk->device, vk->clock, first_stamp(vk, slot), 2, sizeof stamps,
               stamps, sizeof *stamps, VK_QUERY_RESULT_64_BIT))
        return false;
    vk->busy_seconds += (double)((stamps[1] - stamps[0]) & vk->clock_mask) * vk->tick_seconds;
    return true;
}

bool ps_vk_recorder_open(struct ps_vk *vk, struct ps_error *error)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = vk->family,
    };
    if (!PS_VK(vk, error, CreateCommandPool, vk->device, &pool, NULL, &vk->pool) || !open_clock(vk, error))
        return false;
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = vk->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (!PS_VK(vk, error, CreateFence, vk->device, &fence, NULL, &vk->slots[i].fence) ||
            !PS_VK(vk, error, AllocateCommandBuffers, vk->device, &commands, &vk->slots[i].commands))
            return false;
    return true;
}

void ps_vk_recorder_close(struct ps_vk *vk)
{
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (vk->slots[i].fence)
            vk->fn.DestroyFence(vk->device, vk->slots[i].fence, NULL);
    if (vk->clock)
        vk->fn.DestroyQueryPool(vk->device, vk->clock, NULL);
    if (vk->pool)
        vk->fn.DestroyCommandPool(vk->device, vk->pool, NULL);
}

/* A lost device stays lost; to ask it again might take as long each time. */
static bool is_lost(const struct ps_vk *vk, struct ps_error *error)
{
    if (vk->lost)
        ps_fail(error, PS_ERR_DEVICE_LOST, "device.lost", "%s stopped answering", vk->info.name);
    return vk->lost;
}

static bool wait_slot(struct ps_vk *vk, struct ps_vk_slot *slot, struct ps_error *error)
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
    return PS_VK(vk, error, ResetFences, vk->device, 1, &slot->fence) && read_clock(vk, slot, error);
}

/* The slot of the ring that is being recorded; begins one where there is none. */
static struct ps_vk_slot *open_slot(struct ps_vk *vk, struct ps_error *error)
{
    struct ps_vk_slot *slot = &vk->slots[vk->slot];
    if (slot->stage == PS_VK_RECORDING)
        return slot;
    if (slot->stage == PS_VK_PENDING && !wait_slot(vk, slot, error))
        return NULL;
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    if (!PS_VK(vk, error, BeginCommandBuffer, slot->commands, &begin))
        return NULL;
    if (vk->clock) {
        vk->fn.CmdResetQueryPool(slot->commands, vk->clock, first_stamp(vk, slot), 2);
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, vk->clock,
                                 first_stamp(vk, slot));
    }
    slot->stage = PS_VK_RECORDING;
    slot->launches = 0;
    slot->work = 0;
    slot->bound = VK_NULL_HANDLE;
    slot->range_count = 0;
    return slot;
}

static void barrier(struct ps_vk *vk, const struct ps_vk_slot *slot, VkPipelineStageFlags stages,
                    VkAccessFlags access)
{
    const VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = device_writes,
        .dstAccessMask = access,
    };
    vk->fn.CmdPipelineBarrier(slot->commands, device_stages, stages, 0, 1, &memory, 0, NULL, 0, NULL);
}

static bool slot_is_full(const struct ps_vk *vk, const struct ps_vk_slot *slot, uint32_t count)
{
    return slot->launches == PS_VK_SLOT_LAUNCHES || slot->range_count + count > PS_VK_SLOT_RANGES ||
           slot->work >= vk->dispatch_flops;
}

struct ps_vk_slot *ps_vk_record(struct ps_vk *vk, const struct ps_range *ranges, uint32_t count,
                                struct ps_error *error)
{
    if (vk->slots[vk->slot].stage == PS_VK_RECORDING && slot_is_full(vk, &vk->slots[vk->slot], count) &&
        !ps_vk_submit(vk, error))
        return NULL;
    struct ps_vk_slot *slot = open_slot(vk, error);
    if (!slot)
        return NULL;
    if (ps_hazards_note(&vk->hazards, ranges, count)) {
        barrier(vk, slot, device_stages, device_reads | device_writes);
        vk->counts.barriers++;
    }
    for (uint32_t i = 0; i < count; i++)
        slot->ranges[slot->range_count++] = ranges[i];
    slot->launches++;
    return slot;
}

bool ps_vk_submit(struct ps_vk *vk, struct ps_error *error)
{
    struct ps_vk_slot *slot = &vk->slots[vk->slot];
    if (slot->stage != PS_VK_RECORDING)
        return true;
    /* The host may read what was written as soon as the fence is signalled. */
    barrier(vk, slot, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    if (vk->clock)
        vk->fn.CmdWriteTimestamp(slot->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, vk->clock,
                                 first_stamp(vk, slot) + 1);
    slot->stage = PS_VK_IDLE;
    if (!PS_VK(vk, error, EndCommandBuffer, slot->commands))
        return false;
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &slot->commands,
    };
    if (is_lost(vk, error))
        return false;
    const VkResult result = vk->fn.QueueSubmit(vk->queue, 1, &submit, slot->fence);
    vk->lost = result == VK_ERROR_DEVICE_LOST;
    if (!ps_vk_check(result, "vkQueueSubmit", error))
        return false;
    slot->stage = PS_VK_PENDING;
    vk->counts.submissions++;
    vk->slot = (vk->slot + 1) % PS_VK_SLOTS;
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

bool ps_vk_wait(struct ps_vk *vk, const struct ps_range *range, struct ps_error *error)
{
    const struct ps_vk_slot *open = &vk->slots[vk->slot];
    if (open->stage == PS_VK_RECORDING && slot_touches(open, range) && !ps_vk_submit(vk, error))
        return false;
    /* From the oldest on: what was submitted before is done with what is waited for. */
    uint32_t count = 0;
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++) {
        const struct ps_vk_slot *slot = &vk->slots[(vk->slot + i) % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING && slot_touches(slot, range))
            count = i + 1;
    }
    vk->counts.round_trips += count > 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ps_vk_slot *slot = &vk->slots[(vk->slot + i) % PS_VK_SLOTS];
        if (slot->stage == PS_VK_PENDING && !wait_slot(vk, slot, error))
            return false;
    }
    return true;
}

bool ps_vk_drain(struct ps_vk *vk)
{
    const uint64_t least = 60000000000;
    const uint64_t ns = vk->lost ? least : ps_max_u64(vk->timeout_ns, least);
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (vk->slots[i].stage == PS_VK_PENDING &&
            vk->fn.WaitForFences(vk->device, 1, &vk->slots[i].fence, VK_TRUE, ns) == VK_TIMEOUT)
            return false;
    return true;
}
