#include "bench/vk_ceiling.h"

#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "vk/state.h"

static const uint32_t code[] =
#include "vk_ceiling.inc"
    ;

/* As in vk_ceiling.comp. */
#define CHAINS 10
#define STEPS 16
#define LANES 64
#define GROUPS 64
#define ROUNDS 2000

struct bench_vk_ceiling {
    struct ps_vk *vk;
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    struct ps_vk_buffer result;
};

struct push {
    uint64_t y;
    uint32_t rounds;
    float factor;
};

static bool create_pipeline(struct bench_vk_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk *vk = ceiling->vk;
    const VkShaderModuleCreateInfo module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = sizeof code, .pCode = code};
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

static bool record(struct bench_vk_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk *vk = ceiling->vk;
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = vk->family};
    if (!PS_VK(vk, error, CreateCommandPool, vk->device, &pool, NULL, &ceiling->pool))
        return false;
    const VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                  .commandPool = ceiling->pool,
                                                  .commandBufferCount = 1};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    if (!PS_VK(vk, error, AllocateCommandBuffers, vk->device, &allocate, &ceiling->commands) ||
        !PS_VK(vk, error, CreateFence, vk->device, &fence, NULL, &ceiling->fence) ||
        !PS_VK(vk, error, BeginCommandBuffer, ceiling->commands, &begin))
        return false;
    const struct push push = {ceiling->result.address, ROUNDS, 0.5f};
    vk->fn.CmdBindPipeline(ceiling->commands, VK_PIPELINE_BIND_POINT_COMPUTE, ceiling->pipeline);
    vk->fn.CmdPushConstants(ceiling->commands, ceiling->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push,
                            &push);
    vk->fn.CmdDispatch(ceiling->commands, GROUPS, 1, 1);
    return PS_VK(vk, error, EndCommandBuffer, ceiling->commands);
}

struct bench_vk_ceiling *bench_vk_ceiling_open(struct ps_backend *backend, struct ps_error *error)
{
    struct bench_vk_ceiling *ceiling = calloc(1, sizeof *ceiling);
    if (!ceiling)
        return NULL;
    ceiling->vk = (struct ps_vk *)backend;
    if (create_pipeline(ceiling, error) &&
        ps_vk_buffer_create(ceiling->vk, GROUPS * LANES * 4, false, &ceiling->result, error) &&
        record(ceiling, error) && bench_vk_ceiling_measure(ceiling, error) > 0)
        return ceiling;
    bench_vk_ceiling_close(ceiling);
    return NULL;
}

void bench_vk_ceiling_close(struct bench_vk_ceiling *ceiling)
{
    if (!ceiling)
        return;
    struct ps_vk *vk = ceiling->vk;
    ps_vk_buffer_destroy(vk, &ceiling->result);
    if (ceiling->fence)
        vk->fn.DestroyFence(vk->device, ceiling->fence, NULL);
    if (ceiling->pool)
        vk->fn.DestroyCommandPool(vk->device, ceiling->pool, NULL);
    if (ceiling->pipeline)
        vk->fn.DestroyPipeline(vk->device, ceiling->pipeline, NULL);
    if (ceiling->layout)
        vk->fn.DestroyPipelineLayout(vk->device, ceiling->layout, NULL);
    if (ceiling->module)
        vk->fn.DestroyShaderModule(vk->device, ceiling->module, NULL);
    free(ceiling);
}

double bench_vk_ceiling_measure(struct bench_vk_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk *vk = ceiling->vk;
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &ceiling->commands};
    const double begin = bench_seconds();
    if (!PS_VK(vk, error, QueueSubmit, vk->queue, 1, &submit, ceiling->fence) ||
        !PS_VK(vk, error, WaitForFences, vk->device, 1, &ceiling->fence, VK_TRUE, vk->timeout_ns) ||
        !PS_VK(vk, error, ResetFences, vk->device, 1, &ceiling->fence))
        return 0;
    return bench_vk_ceiling_flops() / (bench_seconds() - begin);
}

double bench_vk_ceiling_flops(void)
{
    return 2.0 * CHAINS * STEPS * ROUNDS * LANES * GROUPS;
}
