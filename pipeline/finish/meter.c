#include "finish/meter.h"

#include <time.h>

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ps_meter_begin(struct ps_meter *meter, const struct ps_save_params *params, uint32_t frames,
                    bool palette)
{
    *meter = (struct ps_meter){params, frames, palette, now_seconds()};
}

enum ps_status ps_meter_frame(const struct ps_meter *meter, enum ps_pass pass, uint32_t frame,
                              struct ps_error *error)
{
    static const char *const names[] = {"palette", "encode", "verify"};
    /* Of the time that a frame takes, about: a palette needs the frame finished too, decoding is quick. */
    static const double costs[] = {0.5, 0.9, 0.1};
    if (!meter->params->progress)
        return PS_OK;
    const double all =
        (meter->palette ? costs[PS_PASS_PALETTE] : 0) + costs[PS_PASS_ENCODE] + costs[PS_PASS_VERIFY];
    double before = 0;
    for (int i = meter->palette ? PS_PASS_PALETTE : PS_PASS_ENCODE; i < (int)pass; i++)
        before += costs[i];
    const struct ps_progress progress = {
        .phase = names[pass],
        .step = frame,
        .steps = meter->frames,
        .done = (before + costs[pass] * frame / meter->frames) / all,
        .seconds = now_seconds() - meter->begun,
    };
    return meter->params->progress(meter->params->user, &progress)
               ? PS_OK
               : ps_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked; nothing was written");
}
