/* Offsets for tensors in a space: first fit, lowest offset first, so that a plan and a run agree to the byte.
 */
#ifndef PS_RUN_ARENA_H
#define PS_RUN_ARENA_H

#include <stdbool.h>
#include <stdint.h>

/* Every allocation begins at a multiple of this and is rounded up to one: what a kernel reads past a tensor's
 * end, within 256 bytes, is memory of the same allocation. */
#define PS_ALIGNMENT 256
#define PS_NO_OFFSET UINT64_MAX
#define PS_MAX_SEGMENTS 64

struct ps_arena {
    uint64_t segment_limit;         /* bytes, the most that a segment may grow to */
    uint64_t peak[PS_MAX_SEGMENTS]; /* bytes, the highest end that was in use */
    uint32_t segments;
    uint64_t used;          /* bytes in use now */
    struct ps_extent *live; /* in use, by offset */
    uint32_t live_count, live_capacity;
};

void ps_arena_init(struct ps_arena *arena, uint64_t segment_limit);
void ps_arena_free(struct ps_arena *arena);

/* The offset (segment << PS_SEGMENT_SHIFT | bytes), or PS_NO_OFFSET where `bytes` exceed a segment or memory
 * is out. */
uint64_t ps_arena_take(struct ps_arena *arena, uint64_t bytes);

/* The offset of `count` pieces at the same place in as many segments in a row: `bytes` in each, `last` in the
 * last, at most `bytes`. */
uint64_t ps_arena_take_split(struct ps_arena *arena, uint64_t bytes, uint32_t count, uint64_t last);

/* Gives back what either of them returned. */
void ps_arena_give(struct ps_arena *arena, uint64_t offset);

/* Sum of the segments' peaks, in bytes. */
uint64_t ps_arena_peak(const struct ps_arena *arena);

#endif
