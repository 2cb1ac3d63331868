/* What a Vulkan device reaches at best, measured, for a kernel's rate to be seen beside. */
#ifndef PS_VK_CEILING_H
#define PS_VK_CEILING_H

#include "run/backend.h"

struct ps_vk_ceiling;

/* Prepares a loop of multiply-adds on registers, in PS_F32, or in pairs of PS_F16, that is long enough for the
 * device of an open Vulkan interpreter. Null, with the reason in `error`, on failure: PS_ERR_DEVICE where it has no
 * arithmetic in float16. To be closed before the interpreter. */
struct ps_vk_ceiling *ps_vk_ceiling_open(struct ps_backend *backend, enum ps_type type,
                                         struct ps_error *error);
void ps_vk_ceiling_close(struct ps_vk_ceiling *ceiling);

/* Runs the loop once and returns floating-point operations a second; 0 on failure. Nothing else may be in
 * flight. */
double ps_vk_ceiling_measure(struct ps_vk_ceiling *ceiling, struct ps_error *error);

/* The floating-point operations of one measurement. */
double ps_vk_ceiling_flops(const struct ps_vk_ceiling *ceiling);

/* Bytes read and written a second when memory larger than a cache is copied within the device; 0 on
 * failure. Takes 256 MB meanwhile. */
double ps_vk_copy_rate(struct ps_backend *backend, struct ps_error *error);

#endif
