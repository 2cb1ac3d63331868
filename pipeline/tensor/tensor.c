#include "tensor/tensor.h"

#include <assert.h>
#include <stdio.h>

struct ps_tensor ps_frames(struct ps_tensor t, uint32_t first, uint32_t count)
{
    if (ps_is_null(t))
        return t;
    assert(count && first + count <= t.n);
    const uint64_t frame = t.pitch * ps_type_bytes(t.type);
    t.n = count;
    if (!t.split) {
        t.offset += first * frame;
        return t;
    }
    const uint64_t at = (uint64_t)t.skip + first, begin = t.offset - t.skip * frame;
    t.offset = begin + (at / t.split << PS_SEGMENT_SHIFT) + at % t.split * frame;
    t.skip = (uint32_t)(at % t.split);
    if (count <= t.split - t.skip)
        t.split = t.skip = 0;
    return t;
}

uint32_t ps_frames_together(struct ps_tensor t, uint32_t first)
{
    assert(first < t.n);
    const uint32_t rest = t.n - first;
    if (!t.split)
        return rest;
    const uint32_t held = t.split - (uint32_t)(((uint64_t)t.skip + first) % t.split);
    return rest < held ? rest : held;
}

struct ps_tensor ps_slab(struct ps_tensor t, uint32_t first, uint32_t count)
{
    if (ps_is_null(t))
        return t;
    assert(count && first + count <= t.h);
    t.offset += (uint64_t)first * t.w * t.c * ps_type_bytes(t.type);
    t.h = count;
    return t;
}

struct ps_tensor ps_in_room(struct ps_tensor room, uint32_t h, uint32_t w, uint32_t c)
{
    if (ps_is_null(room))
        return room;
    struct ps_tensor t = room;
    t.h = h, t.w = w, t.c = c;
    t.pitch = ps_frame_elements(t);
    assert(ps_is_dense(room) && !room.skip && t.pitch <= room.pitch);
    /* Of two such tensors frame f begins f frame sizes after offsets that lie one frame less than a segment holds
     * apart: what is written up to the end of the larger one's frame f ends where the smaller one's frame f + 1
     * begins, or before. */
    const uint32_t held = room.split ? room.split : room.n;
    t.offset += (held - 1) * (room.pitch - t.pitch) * ps_type_bytes(t.type);
    return t;
}

struct ps_tensor ps_reshape(struct ps_tensor t, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    if (ps_is_null(t))
        return t;
    assert(ps_is_dense(t) && !t.split && (uint64_t)n * h * w * c == ps_elements(t));
    t.n = n, t.h = h, t.w = w, t.c = c;
    t.pitch = ps_frame_elements(t);
    return t;
}

const char *ps_type_name(enum ps_type type)
{
    static const char *const names[] = {
        [PS_F32] = "f32", [PS_F16] = "f16", [PS_BF16] = "bf16", [PS_Q8] = "q8"};
    return names[type];
}

const char *ps_shape_text(struct ps_tensor t, char text[PS_SHAPE_TEXT])
{
    snprintf(text, PS_SHAPE_TEXT, "[%u, %u, %u, %u] %s", t.n, t.h, t.w, t.c, ps_type_name(t.type));
    return text;
}
