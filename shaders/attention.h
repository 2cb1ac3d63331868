/* y = softmax(scale q k^T) v for every batch item and head, by an online softmax: no score matrix in memory.
 * Query i of batch item b and head a begins at element  q_first + b q_batch + i q_token + a d  of its operand; keys and
 * values likewise with kv_batch and kv_token, outputs at  b y_batch + i y_token + a d. Self-attention hands in one
 * fused tensor three times. Operands: q, k, v; y. */
#ifndef PS_ATTENTION_H
#define PS_ATTENTION_H
#include "lib/shared.h"

#define PS_ATTENTION_MAX_D 512          /* channels of a head */
#define PS_ATTENTION_PORTABLE_MAX_D 128 /* likewise, of the variant that is called portable */

#define PS_ATTENTION_SPEC_ALIGNED 0    /* 1 where every head of every token begins at a multiple of four elements */
#define PS_ATTENTION_SPEC_SLICES 1     /* 1, 2, 4 or 8: parts that the channels of a head are cut into */
#define PS_ATTENTION_SPEC_LANE_PAIRS 2 /* channels of a slice, divided by 16 and rounded up; at most 4 */
#define PS_ATTENTION_SPEC_ROWS 3       /* 1 or 2: queries of a tile, divided by 8 */

/* A work group is 8 clusters (lib/cluster.glsl), and SLICES of them share a tile of 8 ROWS queries of one head.
 * Items are work groups; tiles are counted along the queries, then heads, then batch items. MAX_ROWS is what 16 KiB
 * of shared memory, which every device has, allow for the scores. */
#define PS_ATTENTION_CLUSTERS 8
#define PS_ATTENTION_MAX_ROWS 2
#define PS_ATTENTION_MAX_LANE_PAIRS 4
#define PS_GROUP_attention_X 1
#define PS_GROUP_attention_Y 1
#define PS_GROUP_attention_Z 1

struct ps_attention_push {
    ps_uint batch, heads, d;
    ps_uint queries, keys;
    ps_uint q_first, k_first, v_first;
    ps_uint q_token, kv_token, y_token;
    ps_uint q_batch, kv_batch, y_batch;
    ps_float scale;
};
#endif
