/* Command buffers that are recorded once and handed over again. A sampling step launches what the one before did, at the same
 * places; only what its tensors hold differs. The host still walks through its launches, which are held against those that
 * were kept: as soon as all of a submission have come, it goes off as it was recorded. At the first that differs the rest is
 * recorded, as anything else is. */
#include <stdlib.h>
#include <string.h>

#include "vk/state.h"

static bool grow(void **items, uint32_t count, uint32_t *capacity, size_t bytes, struct ps_error *error)
{
    if (count < *capacity)
        return true;
    const uint32_t wanted = *capacity ? 2 * *capacity : 64;
    void *more = realloc(*items, wanted * bytes);
    if (!more) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return false;
    }
    *items = more;
    *capacity = wanted;
    return true;
}

void ps_vk_repeat_forget(struct ps_vk *vk)
{
    struct ps_vk_repeat *repeat = &vk->repeat;
    for (uint32_t i = 0; i < repeat->slot_count; i++)
        ps_vk_slot_free(vk, repeat->slots[i]);
    free(repeat->slots);
    free(repeat->launches);
    *repeat = (struct ps_vk_repeat){0};
}

bool ps_vk_repeat_begin(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    struct ps_vk_repeat *repeat = &vk->repeat;
    struct ps_vk_queue *queue = &vk->queues[PS_VK_COMPUTE];
    if (!ps_vk_submit(vk, queue, error))
        return false;
    if (!repeat->is_kept) {
        if (repeat->slot_count && !ps_vk_wait(vk, NULL, error))
            return false;
        ps_vk_repeat_forget(vk);
    }
    /* Kept barriers know what was launched here alone. What is recorded after a replay, or in place of its rest, comes behind
     * one too. */
    queue->behind = true;
    repeat->stage = repeat->is_kept ? PS_VK_REPLAYING : PS_VK_KEEPING;
    repeat->is_kept = false;
    repeat->at = repeat->handed = 0;
    return true;
}

struct ps_vk_slot *ps_vk_repeat_slot(struct ps_vk *vk, const struct ps_vk_queue *queue,
                                     struct ps_error *error)
{
    struct ps_vk_repeat *repeat = &vk->repeat;
    if (repeat->stage != PS_VK_KEEPING || queue != &vk->queues[PS_VK_COMPUTE] ||
        !grow((void **)&repeat->slots, repeat->slot_count, &repeat->slot_capacity, sizeof *repeat->slots,
              error))
        return NULL;
    struct ps_vk_slot *slot = ps_vk_slot_new(vk, error);
    if (slot)
        repeat->slots[repeat->slot_count++] = slot;
    return slot;
}

static bool same_tensor(const struct ps_tensor *a, const struct ps_tensor *b)
{
    return a->type == b->type && a->space == b->space && a->packed == b->packed && a->n == b->n &&
           a->h == b->h && a->w == b->w && a->c == b->c && a->pitch == b->pitch && a->offset == b->offset &&
           a->split == b->split && a->skip == b->skip;
}

static bool same_launch(const struct ps_launch *a, const struct ps_launch *b)
{
    for (int i = 0; i < PS_MAX_OPERANDS; i++)
        if (!same_tensor(&a->operands[i], &b->operands[i]))
            return false;
    return a->kernel == b->kernel && a->type == b->type && a->flops == b->flops &&
           !memcmp(a->spec, b->spec, sizeof a->spec) && !memcmp(a->push, b->push, sizeof a->push) &&
           !memcmp(a->items, b->items, sizeof a->items);
}

/* Records the launches so far that no slot handed over has, from the piece on where the last one ends. */
static bool catch_up(struct ps_vk *vk, struct ps_error *error)
{
    const struct ps_vk_repeat *repeat = &vk->repeat;
    const struct ps_vk_slot *last = repeat->handed ? repeat->slots[repeat->handed - 1] : NULL;
    uint32_t i = last ? last->upto - 1 : 0, skipped = last ? last->pieces : 0;
    for (; i < repeat->at; i++, skipped = 0)
        if (!ps_vk_dispatch(vk, &repeat->launches[i], skipped, error))
            return false;
    return true;
}

bool ps_vk_repeat_leave(struct ps_vk *vk, struct ps_error *error)
{
    const bool replays = vk->repeat.stage == PS_VK_REPLAYING;
    vk->repeat.stage = PS_VK_APART;
    return !replays || catch_up(vk, error);
}

static bool keep(struct ps_vk_repeat *repeat, const struct ps_launch *launch, struct ps_error *error)
{
    if (!grow((void **)&repeat->launches, repeat->launch_count, &repeat->launch_capacity,
              sizeof *repeat->launches, error))
        return false;
    repeat->launches[repeat->launch_count++] = *launch;
    repeat->at++;
    return true;
}

static bool hand_over_complete(struct ps_vk *vk, struct ps_error *error)
{
    struct ps_vk_repeat *repeat = &vk->repeat;
    while (repeat->handed < repeat->slot_count && repeat->slots[repeat->handed]->upto <= repeat->at)
        if (!ps_vk_resubmit(vk, repeat->slots[repeat->handed++], error))
            return false;
    return true;
}

bool ps_vk_repeat_covers(struct ps_vk *vk, const struct ps_launch *launch, struct ps_error *error)
{
    struct ps_vk_repeat *repeat = &vk->repeat;
    if (repeat->stage == PS_VK_APART)
        return false;
    if (repeat->stage == PS_VK_KEEPING) {
        keep(repeat, launch, error);
        return false;
    }
    if (repeat->at < repeat->launch_count && same_launch(launch, &repeat->launches[repeat->at])) {
        repeat->at++;
        return hand_over_complete(vk, error);
    }
    ps_vk_repeat_leave(vk, error);
    return false;
}

bool ps_vk_repeat_end(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    struct ps_vk_repeat *repeat = &vk->repeat;
    struct ps_vk_queue *queue = &vk->queues[PS_VK_COMPUTE];
    const bool is_whole =
        !error->status && (repeat->stage == PS_VK_KEEPING ||
                           (repeat->stage == PS_VK_REPLAYING && repeat->at == repeat->launch_count));
    const bool done =
        is_whole ? ps_vk_submit(vk, queue, error) : !error->status && ps_vk_repeat_leave(vk, error);
    repeat->stage = PS_VK_APART;
    repeat->is_kept = is_whole && done;
    queue->behind = true;
    return done;
}
