#include "vk/hazard.h"

#include <string.h>

static bool in_conflict(const struct ps_hazards *hazards, const struct ps_range *range)
{
    for (uint32_t i = 0; i < hazards->count; i++)
        if ((range->write || hazards->ranges[i].write) && ps_ranges_overlap(range, &hazards->ranges[i]))
            return true;
    return false;
}

bool ps_hazards_note(struct ps_hazards *hazards, const struct ps_range *ranges, uint32_t count)
{
    bool barrier = hazards->count + count > PS_HAZARD_RANGES;
    for (uint32_t i = 0; i < count && !barrier; i++)
        barrier = in_conflict(hazards, &ranges[i]);
    if (barrier)
        hazards->count = 0;
    memcpy(hazards->ranges + hazards->count, ranges, count * sizeof *ranges);
    hazards->count += count;
    return barrier;
}
