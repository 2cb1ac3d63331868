/* What jobs will take, roughly, before any was rendered. */
#ifndef PS_CLI_ESTIMATE_H
#define PS_CLI_ESTIMATE_H

#include "cli/engine.h"

/* Bytes of a clip's file: what such clips are at most, mostly. `crf` 0 is the default. */
uint64_t cli_estimate_bytes(const struct ps_save_plan *plan, uint32_t crf);

/* Floating-point operations a second of the model on the device, measured with a forward of the UNet at a small size; 0
 * where it cannot be. */
double cli_estimate_rate(const struct cli_engine *engine, enum ps_dtype dtype, uint64_t memory_bytes);

#endif
