/* The interpreter that lays memory out and counts, and runs nothing. */
#ifndef PS_RUN_PLAN_H
#define PS_RUN_PLAN_H

#include "run/backend.h"

/* A backend with the memory limits of `like` that accepts every call; nothing to close. */
struct ps_backend ps_plan_backend(const struct ps_backend *like);

#endif
