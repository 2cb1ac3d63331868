/* Launches become dispatches. */
#include "vk/state.h"

#include <string.h>

#include "base/checked.h"
#include "vk/cut.h"

struct call {
    struct ps_vk_choice choice;
    VkPipeline pipeline;
    uint32_t range_count;
    struct ps_range ranges[PS_MAX_OPERANDS];
    uint32_t push_words; /* operand addresses, push constants, then the first work group of the piece */
    uint32_t push[128 / 4];
    uint64_t piece_work;
};

static bool prepare(struct ps_vk *vk, const struct ps_launch *launch, struct call *call,
                    struct ps_error *error)
{
    const struct ps_kernel_row *row = ps_kernel_row(launch->kernel);
    const size_t reads = strlen(row->reads), operands = reads + strlen(row->writes);
    call->range_count = 0;
    for (size_t i = 0; i < operands; i++) {
        uint64_t address = 0;
        if (!ps_is_null(launch->operands[i])) {
            struct ps_range *range = &call->ranges[call->range_count++];
            if (!ps_vk_locate(vk, launch->operands[i], range, NULL, error))
                return false;
            range->write = i >= reads;
            address = range->begin;
        }
        memcpy(call->push + 2 * i, &address, sizeof address);
    }
    memcpy(call->push + 2 * operands, launch->push, row->push_bytes);
    call->push_words = (uint32_t)(2 * operands + row->push_bytes / 4 + 3);
    call->choice = ps_vk_choose(vk, launch);
    call->pipeline = ps_vk_pipeline(vk, &call->choice, launch->type, error);
    return call->pipeline;
}

/* How much a launch adds to the length of a submission: a device does some eight operations in the time that
 * it takes to move a byte. */
static uint64_t work(const struct ps_launch *launch, const struct call *call)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < call->range_count; i++)
        bytes += call->ranges[i].end - call->ranges[i].begin;
    return launch->flops + 8 * bytes;
}

static bool dispatch(struct ps_vk *vk, struct call *call, const uint32_t first[3], const uint32_t count[3],
                     uint32_t pieces, struct ps_error *error)
{
    struct ps_vk_slot *slot =
        ps_vk_record(vk, &vk->queues[PS_VK_COMPUTE], call->ranges, call->range_count, error);
    if (!slot)
        return false;
    if (slot->bound != call->pipeline)
        vk->fn.CmdBindPipeline(slot->commands, VK_PIPELINE_BIND_POINT_COMPUTE, call->pipeline);
    slot->bound = call->pipeline;
    slot->upto = vk->repeat.at;
    slot->pieces = pieces;
    slot->work += call->piece_work;
    memcpy(call->push + call->push_words - 3, first, 3 * sizeof *first);
    vk->fn.CmdPushConstants(slot->commands, vk->pipelines.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                            call->push_words * 4, call->push);
    vk->fn.CmdDispatch(slot->commands, count[0], count[1], count[2]);
    vk->counts.dispatches++;
    vk->counts.by_variant += call->choice.shader >= PS_KERNELS;
    vk->counts.shader = ps_vk_shaders[call->choice.shader].name;
    return true;
}

bool ps_vk_dispatch(struct ps_vk *vk, const struct ps_launch *launch, uint32_t skipped,
                    struct ps_error *error)
{
    struct call call;
    if (!prepare(vk, launch, &call, error))
        return false;
    uint32_t groups[3], step[3], first[3], count[3];
    for (int axis = 0; axis < 3; axis++)
        groups[axis] = ps_div_up(call.choice.items[axis], call.choice.group[axis]);
    if (!groups[0] || !groups[1] || !groups[2])
        return true;
    ps_vk_cut(groups, vk->max_groups, launch->flops, vk->dispatch_flops, step);
    const uint64_t pieces = (uint64_t)ps_div_up(groups[0], step[0]) * ps_div_up(groups[1], step[1]) *
                            ps_div_up(groups[2], step[2]);
    call.piece_work = work(launch, &call) / pieces;
    uint32_t piece = 0;
    for (first[2] = 0; first[2] < groups[2]; first[2] += step[2])
        for (first[1] = 0; first[1] < groups[1]; first[1] += step[1])
            for (first[0] = 0; first[0] < groups[0]; first[0] += step[0]) {
                for (int axis = 0; axis < 3; axis++)
                    count[axis] = (uint32_t)ps_min_u64(step[axis], groups[axis] - first[axis]);
                if (++piece > skipped && !dispatch(vk, &call, first, count, piece, error))
                    return false;
            }
    return true;
}

bool ps_vk_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    return ps_vk_repeat_covers(vk, launch, error) || (!error->status && ps_vk_dispatch(vk, launch, 0, error));
}
