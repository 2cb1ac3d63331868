/* Combines the partial results of norm_stats over all splits of `span` frames (1, or all of them for a norm over the
 * clip), in a fixed order, by Chan et al. 1979. partial [n, splits, groups, 2]; stats [n / span, 1, groups, 2] = (mean,
 * 1 / sqrt(variance + eps)), the variance being the biased one. */
#ifndef PS_NORM_FINISH_H
#define PS_NORM_FINISH_H
#include "lib/shared.h"

#define PS_NORM_FINISH_SPEC_LANES 0 /* that share one group: 1 or PS_NORM_FINISH_LANES */

/* A lane alone takes up to so many partial results. */
#define PS_NORM_FINISH_ALONE 32
#define PS_NORM_FINISH_LANES 64

/* Items: lanes of every group of every span. */
#define PS_GROUP_norm_finish_X 64
#define PS_GROUP_norm_finish_Y 1
#define PS_GROUP_norm_finish_Z 1

struct ps_norm_finish_push {
    ps_uint n, splits, groups, span;
    ps_uint rows, split_rows; /* as in norm_stats */
    ps_uint group_channels;   /* c / groups */
    ps_float eps;
};
#endif
