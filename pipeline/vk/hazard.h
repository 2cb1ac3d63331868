/* Which accesses need a barrier between them, inferred from the byte ranges that they touch. */
#ifndef PS_VK_HAZARD_H
#define PS_VK_HAZARD_H

#include <stdbool.h>
#include <stdint.h>

/* An access to the device addresses [begin, end). */
struct ps_range {
    uint64_t begin, end;
    bool write;
};

static inline bool ps_ranges_overlap(const struct ps_range *a, const struct ps_range *b)
{
    return a->begin < b->end && b->begin < a->end;
}

#define PS_HAZARD_RANGES 256

/* The accesses since the last barrier. A barrier orders everything before it against everything after it, so
 * it empties the list. */
struct ps_hazards {
    uint32_t count;
    struct ps_range ranges[PS_HAZARD_RANGES];
};

/* True where a barrier must come before a command that accesses these (at most PS_HAZARD_RANGES) ranges: it
 * writes what an earlier one touches or reads what an earlier one writes. Counts the barrier as given and
 * notes the ranges. */
bool ps_hazards_note(struct ps_hazards *hazards, const struct ps_range *ranges, uint32_t count);

#endif
