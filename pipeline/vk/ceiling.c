#include "vk/ceiling.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "vk/state.h"

static const uint32_t code_f32[] =
#include "ceiling.inc"
    ;
static const uint32_t code_f16[] =
#include "ceiling_f16.inc"
    ;

/* As in ceiling.comp. */
#define CHAINS 10
#define STEPS 16
#define LANES 64
#define ROUNDS 2000

/* Groups are added, four times as many each time, until the loop takes so long, which is enough to fill any device
 * and to be timed. Every device takes 65535 of them. */
#define LEAST_GROUPS 48
#define MOST_GROUPS (48u << 10)
#define LEAST_SECONDS 0.02

#define COPY_BYTES (128ull << 20)
#define COPIES 4
#define COPY_TIMES 3

/* Commands that are recorded once and submitted often. */
struct script {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
};

struct ps_vk_ceiling {
    struct ps_vk *vk;
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct script script;
    struct ps_vk_buffer result;
    enum ps_type type;
    uint32_t groups;
};

struct push {
    uint64_t y;
    uint32_t rounds;
    float factor;
};

static void script_close(struct ps_vk *vk, struct script *script)
{
    if (script->fence)
        vk->fn.DestroyFence(vk->device, script->fence, NULL);
    if (script->pool)
        vk->fn.DestroyCommandPool(vk->device, script->pool, NULL);
    *script = (struct script){0};
}

static bool script_begin(struct ps_vk *vk, struct script *script, struct ps_error *error)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = vk->families[PS_VK_COMPUTE]};
    if (!PS_VK(vk, error, CreateCommandPool, vk->device, &pool, NULL, &script->pool))
        return false;
    const VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                  .commandPool = script->pool,
                                                  .commandBufferCount = 1};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    return PS_VK(vk, error, AllocateCommandBuffers, vk->device, &allocate, &script->commands) &&
           PS_VK(vk, error, CreateFence, vk->device, &fence, NULL, &script->fence) &&
           PS_VK(vk, error, BeginCommandBuffer, script->commands, &begin);
}

/* Seconds that the commands take; 0 on failure. */
static double script_seconds(struct ps_vk *vk, const struct script *script, struct ps_error *error)
{
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &script->commands};
    const double begin = ps_seconds();
    if (!PS_VK(vk, error, QueueSubmit, vk->queues[PS_VK_COMPUTE].handle, 1, &submit, script->fence) ||
        !PS_VK(vk, error, WaitForFences, vk->device, 1, &script->fence, VK_TRUE, vk->timeout_ns) ||
        !PS_VK(vk, error, ResetFences, vk->device, 1, &script->fence))
        return 0;
    return ps_seconds() - begin;
}

static bool create_pipeline(struct ps_vk_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk *vk = ceiling->vk;
    const bool half = ceiling->type == PS_F16;
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = half ? sizeof code_f16 : sizeof code_f32,
                                             .pCode = half ? code_f16 : code_f32};
    if (!PS_VK(vk, error, CreateShaderModule, vk->device, &module, NULL, &ceiling->module))
        return false;
    const VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                       .size = sizeof(struct push)};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &range};
    if (!PS_VK(vk, error, CreatePipelineLayout, vk->device, &layout, NULL, &ceiling->layout))
        return false;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = ceiling->module,
                  .pName = "main"},
        .layout = ceiling->layout};
    return PS_VK(vk, error, CreateComputePipelines, vk->device, VK_NULL_HANDLE, 1, &info, NULL,
                 &ceiling->pipeline);
}

static bool record(struct ps_vk_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk *vk = ceiling->vk;
    ps_vk_buffer_destroy(vk, &ceiling->result);
    script_close(vk, &ceiling->script);
    if (!ps_vk_buffer_create(vk, (uint64_t)ceiling->groups * LANES * sizeof(float), false, &ceiling->result,
                             error) ||
        !script_begin(vk, &ceiling->script, error))
        return false;
    const VkCommandBuffer commands = ceiling->script.commands;
    const struct push push = {ceiling->result.address, ROUNDS, 0.5f};
    vk->fn.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, ceiling->pipeline);
    vk->fn.CmdPushConstants(commands, ceiling->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
    vk->fn.CmdDispatch(commands, ceiling->groups, 1, 1);
    return PS_VK(vk, error, EndCommandBuffer, commands);
}

struct ps_vk_ceiling *ps_vk_ceiling_open(struct ps_backend *backend, enum ps_type type,
                                         struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    if (type == PS_F16 && !vk->half_arithmetic) {
        ps_fail(error, PS_ERR_DEVICE, "device.no-float16", "%s has no arithmetic in float16", vk->info.name);
        return NULL;
    }
    struct ps_vk_ceiling *ceiling = calloc(1, sizeof *ceiling);
    if (!ceiling) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return NULL;
    }
    ceiling->vk = vk;
    ceiling->type = type;
    bool ready = create_pipeline(ceiling, error);
    for (ceiling->groups = LEAST_GROUPS; ready; ceiling->groups *= 4) {
        ready = record(ceiling, error) && script_seconds(ceiling->vk, &ceiling->script, error) > 0;
        if (!ready)
            break;
        /* The first time compiles; the second counts. */
        if (script_seconds(ceiling->vk, &ceiling->script, error) > LEAST_SECONDS ||
            ceiling->groups == MOST_GROUPS)
            return ceiling;
    }
    ps_vk_ceiling_close(ceiling);
    return NULL;
}

void ps_vk_ceiling_close(struct ps_vk_ceiling *ceiling)
{
    if (!ceiling)
        return;
    struct ps_vk *vk = ceiling->vk;
    ps_vk_buffer_destroy(vk, &ceiling->result);
    script_close(vk, &ceiling->script);
    if (ceiling->pipeline)
        vk->fn.DestroyPipeline(vk->device, ceiling->pipeline, NULL);
    if (ceiling->layout)
        vk->fn.DestroyPipelineLayout(vk->device, ceiling->layout, NULL);
    if (ceiling->module)
        vk->fn.DestroyShaderModule(vk->device, ceiling->module, NULL);
    free(ceiling);
}

double ps_vk_ceiling_measure(struct ps_vk_ceiling *ceiling, struct ps_error *error)
{
    const double seconds = script_seconds(ceiling->vk, &ceiling->script, error);
    return seconds > 0 ? ps_vk_ceiling_flops(ceiling) / seconds : 0;
}

double ps_vk_ceiling_flops(const struct ps_vk_ceiling *ceiling)
{
    const double numbers = ceiling->type == PS_F16 ? 2 : 1; /* of a chain */
    return 2.0 * numbers * CHAINS * STEPS * ROUNDS * LANES * ceiling->groups;
}

double ps_vk_copy_rate(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    struct ps_vk_buffer buffers[2] = {0};
    struct script script = {0};
    const VkBufferCopy region = {.size = COPY_BYTES};
    const VkMemoryBarrier in_turn = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                     .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                     .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT};
    double rate = 0;
    if (ps_vk_buffer_create(vk, COPY_BYTES, false, &buffers[0], error) &&
        ps_vk_buffer_create(vk, COPY_BYTES, false, &buffers[1], error) && script_begin(vk, &script, error)) {
        for (int i = 0; i < COPIES; i++) {
            vk->fn.CmdCopyBuffer(script.commands, buffers[0].buffer, buffers[1].buffer, 1, &region);
            vk->fn.CmdPipelineBarrier(script.commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                      VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &in_turn, 0, NULL, 0, NULL);
        }
        bool done = PS_VK(vk, error, EndCommandBuffer, script.commands);
        for (int i = 0; done && i < COPY_TIMES; i++) {
            const double seconds = script_seconds(vk, &script, error);
            done = seconds > 0;
            if (done && 2.0 * COPIES * COPY_BYTES / seconds > rate)
                rate = 2.0 * COPIES * COPY_BYTES / seconds;
        }
    }
    script_close(vk, &script);
    for (int i = 0; i < 2; i++)
        ps_vk_buffer_destroy(vk, &buffers[i]);
    return rate;
}
