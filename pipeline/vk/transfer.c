/* Bytes between the host and the device. Weights go by the queue for uploads where there is one: copied while launches of
 * the weights before run. */
#include "vk/state.h"

#include <string.h>

#include "base/checked.h"

/* Bytes of a copy that the device begins at once, while the host makes what comes next. */
#define LONG_COPY (1u << 20)

static bool staging_holds(const struct ps_vk *vk, uint64_t bytes, struct ps_error *error)
{
    if (bytes <= vk->staging.bytes)
        return true;
    ps_fail(error, PS_ERR_INTERNAL, "memory.staging",
            "a transfer of %llu bytes exceeds the staging memory of %llu", (unsigned long long)bytes,
            (unsigned long long)vk->staging.bytes);
    return false;
}

void *ps_vk_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    const struct ps_vk_buffer *buffer;
    struct ps_range range;
    if (!ps_vk_locate(vk, to, &range, &buffer, error))
        return NULL;
    vk->upload = to;
    if (!backend->staging_needed)
        return ps_vk_wait(vk, &range, error) ? buffer->mapped + (range.begin - buffer->address) : NULL;

    const uint64_t bytes = ps_align_up(ps_span_bytes(to), PS_ALIGNMENT);
    if (!staging_holds(vk, bytes, error))
        return NULL;
    if (bytes > vk->staging.bytes - vk->staging_head)
        vk->staging_head = 0;
    range.begin = vk->staging.address + vk->staging_head;
    range.end = range.begin + bytes;
    return ps_vk_wait(vk, &range, error) ? vk->staging.mapped + vk->staging_head : NULL;
}

static bool copy(struct ps_vk *vk, struct ps_vk_queue *queue, const struct ps_vk_buffer *from,
                 struct ps_range read, const struct ps_vk_buffer *to, struct ps_range written,
                 struct ps_error *error)
{
    const struct ps_range ranges[2] = {read, {written.begin, written.end, true}};
    if (!ps_vk_repeat_leave(vk, error))
        return false;
    struct ps_vk_slot *slot = ps_vk_record(vk, queue, ranges, 2, error);
    if (!slot)
        return false;
    const VkBufferCopy region = {.srcOffset = read.begin - from->address,
                                 .dstOffset = written.begin - to->address,
                                 .size = read.end - read.begin};
    vk->fn.CmdCopyBuffer(slot->commands, from->buffer, to->buffer, 1, &region);
    return true;
}

bool ps_vk_upload_end(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    if (!backend->staging_needed)
        return true;
    const struct ps_vk_buffer *buffer;
    struct ps_range range;
    if (!ps_vk_locate(vk, vk->upload, &range, &buffer, error))
        return false;
    const bool apart = vk->upload.space == PS_WEIGHTS && vk->queue_count > 1;
    struct ps_vk_queue *queue = &vk->queues[apart ? PS_VK_UPLOAD : PS_VK_COMPUTE];
    const uint64_t bytes = range.end - range.begin, from = vk->staging.address + vk->staging_head;
    vk->staging_head += ps_align_up(bytes, PS_ALIGNMENT);
    vk->counts.uploads += apart;
    return copy(vk, queue, &vk->staging, (struct ps_range){from, from + bytes, false}, buffer, range,
                error) &&
           (bytes < LONG_COPY || ps_vk_submit(vk, queue, error));
}

/* Piece by piece where the staging memory holds less than the whole. */
static bool download_staged(struct ps_vk *vk, const struct ps_vk_buffer *buffer, struct ps_range range,
                            unsigned char *to, struct ps_error *error)
{
    if (!staging_holds(vk, 1, error))
        return false;
    while (range.begin < range.end) {
        const uint64_t bytes = ps_min_u64(range.end - range.begin, vk->staging.bytes);
        const struct ps_range piece = {range.begin, range.begin + bytes, false};
        const struct ps_range staged = {vk->staging.address, vk->staging.address + bytes, true};
        if (!copy(vk, &vk->queues[PS_VK_COMPUTE], buffer, piece, &vk->staging, staged, error) ||
            !ps_vk_wait(vk, &staged, error))
            return false;
        memcpy(to, vk->staging.mapped, bytes);
        to += bytes;
        range.begin += bytes;
    }
    return true;
}

bool ps_vk_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    const struct ps_vk_buffer *buffer;
    struct ps_range range;
    if (!ps_vk_locate(vk, from, &range, &buffer, error))
        return false;
    if (backend->staging_needed)
        return download_staged(vk, buffer, range, to, error);
    if (!ps_vk_wait(vk, &range, error))
        return false;
    memcpy(to, buffer->mapped + (range.begin - buffer->address), range.end - range.begin);
    return true;
}
