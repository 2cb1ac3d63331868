#include "run/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "tensor/tensor.h"

struct ps_extent {
    uint64_t begin, end;
};

#define SEGMENT(offset) ((uint32_t)((offset) >> PS_SEGMENT_SHIFT))
#define SEGMENT_BASE(segment) ((uint64_t)(segment) << PS_SEGMENT_SHIFT)

void ps_arena_init(struct ps_arena *arena, uint64_t segment_limit)
{
    memset(arena, 0, sizeof *arena);
    arena->segment_limit = segment_limit & ~(uint64_t)(PS_ALIGNMENT - 1);
}

void ps_arena_free(struct ps_arena *arena)
{
    free(arena->live);
    memset(arena, 0, sizeof *arena);
}

/* Lowest gap of `bytes` in a segment: *at is its offset, the result its place in the list of live extents. */
static bool find_gap(const struct ps_arena *arena, uint32_t segment, uint64_t bytes, uint64_t *at,
                     uint32_t *place)
{
    uint64_t begin = SEGMENT_BASE(segment);
    uint32_t i = 0;
    while (i < arena->live_count && SEGMENT(arena->live[i].begin) < segment)
        i++;
    for (; i < arena->live_count && SEGMENT(arena->live[i].begin) == segment; i++) {
        if (arena->live[i].begin - begin >= bytes)
            break;
        begin = arena->live[i].end;
    }
    *at = begin;
    *place = i;
    return begin - SEGMENT_BASE(segment) + bytes <= arena->segment_limit;
}

static bool insert_extent(struct ps_arena *arena, uint32_t place, struct ps_extent extent)
{
    if (arena->live_count == arena->live_capacity) {
        const uint32_t capacity = arena->live_capacity ? arena->live_capacity * 2 : 64;
        struct ps_extent *live = realloc(arena->live, capacity * sizeof *live);
        if (!live)
            return false;
        arena->live = live;
        arena->live_capacity = capacity;
    }
    memmove(arena->live + place + 1, arena->live + place, (arena->live_count - place) * sizeof extent);
    arena->live[place] = extent;
    arena->live_count++;
    return true;
}

uint64_t ps_arena_take(struct ps_arena *arena, uint64_t bytes)
{
    if (bytes > arena->segment_limit)
        return PS_NO_OFFSET;
    bytes = ps_align_up(ps_max_u64(bytes, 1), PS_ALIGNMENT);
    for (uint32_t segment = 0; segment < PS_MAX_SEGMENTS; segment++) {
        uint64_t at;
        uint32_t place;
        if (!find_gap(arena, segment, bytes, &at, &place))
            continue;
        if (!insert_extent(arena, place, (struct ps_extent){at, at + bytes}))
            return PS_NO_OFFSET;
        if (segment >= arena->segments)
            arena->segments = segment + 1;
        const uint64_t end = at + bytes - SEGMENT_BASE(segment);
        arena->peak[segment] = ps_max_u64(arena->peak[segment], end);
        arena->used += bytes;
        return at;
    }
    return PS_NO_OFFSET;
}

void ps_arena_give(struct ps_arena *arena, uint64_t offset)
{
    for (uint32_t i = 0; i < arena->live_count; i++) {
        if (arena->live[i].begin != offset)
            continue;
        arena->used -= arena->live[i].end - offset;
        arena->live_count--;
        memmove(arena->live + i, arena->live + i + 1, (arena->live_count - i) * sizeof *arena->live);
        return;
    }
    assert(!"an offset that was never taken");
}

uint64_t ps_arena_peak(const struct ps_arena *arena)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < arena->segments; i++)
        sum += arena->peak[i];
    return sum;
}
