/* How far a save is. */
#ifndef PS_FINISH_METER_H
#define PS_FINISH_METER_H

#include "base/error.h"

enum ps_pass { PS_PASS_PALETTE, PS_PASS_ENCODE, PS_PASS_VERIFY };

struct ps_meter {
    const struct ps_save_params *params;
    uint32_t frames;
    bool palette; /* there is a pass before encoding */
    double begun; /* seconds */
};

void ps_meter_begin(struct ps_meter *meter, const struct ps_save_params *params, uint32_t frames,
                    bool palette);

/* Tells that `frame` frames of a pass are done. Status: PS_ERR_CANCELLED where the caller wants no more. */
enum ps_status ps_meter_frame(const struct ps_meter *meter, enum ps_pass pass, uint32_t frame,
                              struct ps_error *error);

#endif
