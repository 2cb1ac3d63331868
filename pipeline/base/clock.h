/* Time for progress and measurements. */
#ifndef PS_BASE_CLOCK_H
#define PS_BASE_CLOCK_H

#include <time.h>

/* Seconds since an arbitrary moment; never goes back. */
static inline double ps_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
