#include "runroom/spy.h"

#include "blend.h"
#include "runroom/suite.h"

struct spy spy;

static uint32_t queue_of(VkCommandBuffer commands)
{
    for (uint32_t i = 0; i < PS_VK_SLOTS; i++)
        if (spy.vk->queues[PS_VK_UPLOAD].slots[i].commands == commands)
            return PS_VK_UPLOAD;
    return PS_VK_COMPUTE;
}

static struct spy_command *note(VkCommandBuffer commands)
{
    assert_true(spy.command_count < SPY_COMMANDS);
    struct spy_command *command = &spy.commands[spy.command_count++];
    *command = (struct spy_command){.submission = UINT32_MAX, .owner = commands, .queue = queue_of(commands)};
    return command;
}

static VKAPI_ATTR void VKAPI_CALL spy_push(VkCommandBuffer commands, VkPipelineLayout layout,
                                           VkShaderStageFlags stages, uint32_t offset, uint32_t size,
                                           const void *values)
{
    assert_int_equal(offset, 0);
    assert_true(size <= sizeof spy.push);
    memcpy(spy.push, values, size);
    spy.real.CmdPushConstants(commands, layout, stages, offset, size, values);
}

/* Every launch of these tests is a blend: addresses of p, q, vector and y, then its push constants. */
static VKAPI_ATTR void VKAPI_CALL spy_dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z)
{
    uint64_t addresses[4];
    struct ps_blend_push push;
    memcpy(addresses, spy.push, sizeof addresses);
    memcpy(&push, (const char *)spy.push + sizeof addresses, sizeof push);
    struct spy_command *command = note(commands);
    for (uint32_t i = 0; i < 4; i++)
        if (addresses[i])
            command->ranges[command->count++] =
                (struct ps_range){addresses[i], addresses[i] + push.elements * sizeof(float), i == 3};
    spy.groups += (uint64_t)x * y * z;
    spy.real.CmdDispatch(commands, x, y, z);
}

static const struct ps_vk_buffer *buffer_of(VkBuffer buffer)
{
    for (int space = 0; space < PS_SPACES; space++)
        for (uint32_t i = 0; i < spy.vk->spaces[space].count; i++)
            if (spy.vk->spaces[space].segments[i].buffer == buffer)
                return &spy.vk->spaces[space].segments[i];
    assert_true(spy.vk->staging.buffer == buffer);
    return &spy.vk->staging;
}

static VKAPI_ATTR void VKAPI_CALL spy_copy(VkCommandBuffer commands, VkBuffer from, VkBuffer to,
                                           uint32_t count, const VkBufferCopy *regions)
{
    assert_int_equal(count, 1);
    const uint64_t read = buffer_of(from)->address + regions->srcOffset;
    const uint64_t written = buffer_of(to)->address + regions->dstOffset;
    struct spy_command *command = note(commands);
    command->count = 2;
    command->ranges[0] = (struct ps_range){read, read + regions->size, false};
    command->ranges[1] = (struct ps_range){written, written + regions->size, true};
    spy.real.CmdCopyBuffer(commands, from, to, count, regions);
}

static VKAPI_ATTR void VKAPI_CALL spy_barrier(VkCommandBuffer commands, VkPipelineStageFlags from,
                                              VkPipelineStageFlags to, VkDependencyFlags flags,
                                              uint32_t count, const VkMemoryBarrier *memory,
                                              uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
                                              uint32_t image_count, const VkImageMemoryBarrier *images)
{
    const bool computes = queue_of(commands) == PS_VK_COMPUTE;
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_TRANSFER_BIT | (computes ? VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT : 0);
    const VkAccessFlags writes = VK_ACCESS_TRANSFER_WRITE_BIT | (computes ? VK_ACCESS_SHADER_WRITE_BIT : 0);
    const VkAccessFlags all =
        writes | VK_ACCESS_TRANSFER_READ_BIT | (computes ? VK_ACCESS_SHADER_READ_BIT : 0);
    assert_int_equal(count, 1);
    if ((from & stages) == stages && (memory->srcAccessMask & writes) == writes) {
        if ((to & stages) == stages && (memory->dstAccessMask & all) == all)
            note(commands)->barrier = true;
        if ((to & VK_PIPELINE_STAGE_HOST_BIT) && (memory->dstAccessMask & VK_ACCESS_HOST_READ_BIT))
            spy.host_barrier[queue_of(commands)] = true;
    }
    spy.real.CmdPipelineBarrier(commands, from, to, flags, count, memory, buffer_count, buffers, image_count,
                                images);
}

/* Of a buffer that is handed over once more the commands come once more. */
static void note_again(VkCommandBuffer commands)
{
    uint32_t before = spy.submission_count;
    while (spy.submissions[--before].commands != commands)
        assert_true(before > 0);
    assert_true(spy.submissions[before].waited);
    const uint32_t end = spy.command_count;
    for (uint32_t i = 0; i < end; i++)
        if (spy.commands[i].submission == before) {
            struct spy_command *command = note(commands);
            *command = spy.commands[i];
            command->again = true;
            command->submission = spy.submission_count;
        }
    spy.host_barrier[queue_of(commands)] = spy.submissions[before].host_barrier;
}

static void note_submission(VkCommandBuffer commands)
{
    bool is_new = false;
    for (uint32_t i = 0; i < spy.command_count; i++)
        if (spy.commands[i].owner == commands && spy.commands[i].submission == UINT32_MAX) {
            spy.commands[i].submission = spy.submission_count;
            is_new = true;
        }
    if (!is_new)
        note_again(commands);
}

static VKAPI_ATTR VkResult VKAPI_CALL spy_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                                 VkFence fence)
{
    assert_true(spy.submission_count < SPY_SUBMISSIONS);
    const uint32_t own = queue_of(*submits->pCommandBuffers);
    assert_ptr_equal(queue, spy.vk->queues[own].handle);
    note_submission(*submits->pCommandBuffers);
    const VkTimelineSemaphoreSubmitInfo *values = submits->pNext;
    if (submits->waitSemaphoreCount) {
        assert_ptr_equal(*submits->pWaitSemaphores, spy.vk->queues[!own].reached);
        assert_true(*values->pWaitSemaphoreValues > spy.awaited[own]);
        assert_true(*values->pWaitSemaphoreValues <= spy.vk->queues[!own].submitted);
        spy.awaited[own] = *values->pWaitSemaphoreValues;
    }
    spy.submissions[spy.submission_count].fence = fence;
    spy.submissions[spy.submission_count].commands = *submits->pCommandBuffers;
    spy.submissions[spy.submission_count].waited = false;
    spy.submissions[spy.submission_count].number = values ? *values->pSignalSemaphoreValues : 0;
    spy.submissions[spy.submission_count].awaited = spy.awaited[own];
    spy.submissions[spy.submission_count++].host_barrier = spy.host_barrier[own];
    spy.host_barrier[own] = false;
    return spy.real.QueueSubmit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL spy_wait(VkDevice device, uint32_t count, const VkFence *fences,
                                               VkBool32 all, uint64_t timeout)
{
    assert_int_equal(count, 1);
    const VkResult result = spy.real.WaitForFences(device, count, fences, all, timeout);
    uint32_t i = spy.submission_count;
    while (i-- > 0)
        if (spy.submissions[i].fence == *fences)
            break;
    if (result == VK_SUCCESS)
        spy.submissions[i].waited = true;
    return result;
}

void spy_install(struct ps_backend *backend)
{
    memset(&spy, 0, sizeof spy);
    spy.vk = (struct ps_vk *)backend;
    spy.real = spy.vk->fn;
    spy.vk->fn.CmdPushConstants = spy_push;
    spy.vk->fn.CmdDispatch = spy_dispatch;
    spy.vk->fn.CmdCopyBuffer = spy_copy;
    spy.vk->fn.CmdPipelineBarrier = spy_barrier;
    spy.vk->fn.QueueSubmit = spy_submit;
    spy.vk->fn.WaitForFences = spy_wait;
}

static bool clash(const struct ps_range *a, const struct ps_range *b)
{
    const uint64_t begin = a->begin > b->begin ? a->begin : b->begin;
    const uint64_t end = a->end < b->end ? a->end : b->end;
    return begin < end && (a->write || b->write);
}

static bool commands_clash(const struct spy_command *a, const struct spy_command *b)
{
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t j = 0; j < b->count; j++)
            if (clash(&a->ranges[i], &b->ranges[j]))
                return true;
    return false;
}

/* Of the commands after i: none clashes in its queue before the next barrier, none in the other but behind a wait. */
static void check_followers(uint32_t i)
{
    const struct spy_command *first = &spy.commands[i];
    bool ordered = false;
    for (uint32_t j = i + 1; j < spy.command_count && !(ordered && spy.vk->queue_count == 1); j++) {
        const struct spy_command *second = &spy.commands[j];
        const bool together = first->queue == second->queue;
        ordered = ordered || (together && second->barrier);
        if ((together && ordered) || !commands_clash(first, second))
            continue;
        if (together)
            fail_msg("commands %u and %u clash with no barrier between", i, j);
        if (spy.submissions[second->submission].awaited < spy.submissions[first->submission].number)
            fail_msg("commands %u and %u of two queues clash, and the second does not wait", i, j);
    }
}

uint32_t spy_check_commands(uint32_t repeats)
{
    uint32_t barriers = 0, again = 0, needed = 0, since[PS_VK_QUEUES] = {0};
    for (uint32_t i = 0; i < spy.command_count; i++) {
        const uint32_t queue = spy.commands[i].queue;
        barriers += spy.commands[i].barrier;
        again += spy.commands[i].barrier && spy.commands[i].again;
        check_followers(i);
        for (uint32_t j = since[queue]; j < i; j++)
            if (spy.commands[j].queue == queue && commands_clash(&spy.commands[j], &spy.commands[i])) {
                needed++;
                since[queue] = i;
                break;
            }
    }
    assert_in_range(barriers, needed, needed + spy.command_count * 3 / PS_HAZARD_RANGES + 1 + repeats);
    return barriers - again;
}

void spy_check_host_access(struct ps_range range)
{
    for (uint32_t i = 0; i < spy.command_count; i++) {
        const struct spy_command *command = &spy.commands[i];
        for (uint32_t j = 0; j < command->count; j++) {
            if (!clash(&command->ranges[j], &range))
                continue;
            if (command->submission == UINT32_MAX || !spy.submissions[command->submission].waited)
                fail_msg("the host touches what command %u of %u may still touch", i, spy.command_count);
            assert_true(spy.submissions[command->submission].host_barrier);
        }
    }
}

struct ps_range spy_host_range(const void *at, uint64_t bytes, bool write)
{
    const struct ps_vk_buffer *buffer = &spy.vk->staging;
    for (int space = 0; space < PS_SPACES && !spy.vk->base.staging_needed; space++)
        for (uint32_t i = 0; i < spy.vk->spaces[space].count; i++) {
            const struct ps_vk_buffer *segment = &spy.vk->spaces[space].segments[i];
            if ((const unsigned char *)at >= segment->mapped &&
                (const unsigned char *)at < segment->mapped + segment->bytes)
                buffer = segment;
        }
    const uint64_t begin = buffer->address + (uint64_t)((const unsigned char *)at - buffer->mapped);
    assert_true(begin + bytes <= buffer->address + buffer->bytes);
    return (struct ps_range){begin, begin + bytes, write};
}
