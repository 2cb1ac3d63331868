#include "run/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "tensor/tensor.h"

struct ps_extent {
    uint64_t begin, end;
    uint32_t pieces; /* what was taken lies in so many segments, of which this is the first; else 0 */
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

/* Lowest place for `bytes` in a segment that is at least `from` bytes into it. */
static uint64_t find_gap(const struct ps_arena *arena, uint32_t segment, uint64_t from, uint64_t bytes)
{
    uint64_t begin = SEGMENT_BASE(segment) + from;
    for (uint32_t i = 0; i < arena->live_count && SEGMENT(arena->live[i].begin) <= segment; i++) {
        if (arena->live[i].end <= begin)
            continue;
        if (arena->live[i].begin >= begin && arena->live[i].begin - begin >= bytes)
            break;
        begin = arena->live[i].end;
    }
    return begin - SEGMENT_BASE(segment);
}

/* Lowest place, the same in `count` segments from `segment` on. */
static uint64_t find_common_gap(const struct ps_arena *arena, uint32_t segment, uint64_t bytes,
                                uint32_t count, uint64_t last)
{
    uint64_t at = 0;
    for (uint32_t agreed = 0, i = 0; agreed < count; i = (i + 1) % count) {
        const uint64_t gap = find_gap(arena, segment + i, at, i + 1 == count ? last : bytes);
        agreed = gap == at ? agreed + 1 : 1;
        at = gap;
    }
    return at;
}

static bool make_room(struct ps_arena *arena, uint32_t count)
{
    if (arena->live_capacity - arena->live_count >= count)
        return true;
    const uint32_t capacity = arena->live_capacity * 2 + PS_MAX_SEGMENTS;
    struct ps_extent *live = realloc(arena->live, capacity * sizeof *live);
    if (!live)
        return false;
    arena->live = live;
    arena->live_capacity = capacity;
    return true;
}

static void insert_extent(struct ps_arena *arena, struct ps_extent extent)
{
    const uint32_t segment = SEGMENT(extent.begin);
    uint32_t place = arena->live_count++;
    for (; place && arena->live[place - 1].begin > extent.begin; place--)
        arena->live[place] = arena->live[place - 1];
    arena->live[place] = extent;
    if (segment >= arena->segments)
        arena->segments = segment + 1;
    arena->peak[segment] = ps_max_u64(arena->peak[segment], extent.end - SEGMENT_BASE(segment));
    arena->used += extent.end - extent.begin;
}

uint64_t ps_arena_take_split(struct ps_arena *arena, uint64_t bytes, uint32_t count, uint64_t last)
{
    if (bytes > arena->segment_limit || !make_room(arena, count))
        return PS_NO_OFFSET;
    bytes = ps_align_up(ps_max_u64(bytes, 1), PS_ALIGNMENT);
    last = ps_align_up(ps_max_u64(last, 1), PS_ALIGNMENT);
    for (uint32_t segment = 0; segment + count <= PS_MAX_SEGMENTS; segment++) {
        const uint64_t at = find_common_gap(arena, segment, bytes, count, last);
        if (at + bytes > arena->segment_limit)
            continue;
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t begin = SEGMENT_BASE(segment + i) + at;
            insert_extent(arena,
                          (struct ps_extent){begin, begin + (i + 1 == count ? last : bytes), i ? 0 : count});
        }
        return SEGMENT_BASE(segment) + at;
    }
    return PS_NO_OFFSET;
}

uint64_t ps_arena_take(struct ps_arena *arena, uint64_t bytes)
{
    return ps_arena_take_split(arena, bytes, 1, bytes);
}

void ps_arena_give(struct ps_arena *arena, uint64_t offset)
{
    uint32_t pieces = 1, kept = 0;
    for (uint32_t i = 0, found = 0; i < arena->live_count; i++) {
        const struct ps_extent extent = arena->live[i];
        if (found < pieces && extent.begin == offset + SEGMENT_BASE(found)) {
            pieces = found++ ? pieces : extent.pieces;
            arena->used -= extent.end - extent.begin;
        } else {
            arena->live[kept++] = extent;
        }
    }
    assert(kept + pieces == arena->live_count && "an offset that was never taken");
    arena->live_count = kept;
}

uint64_t ps_arena_peak(const struct ps_arena *arena)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < arena->segments; i++)
        sum += arena->peak[i];
    return sum;
}
