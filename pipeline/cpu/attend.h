/* Attention by blocks of keys: scores of a tile of queries, an online softmax, and the weighted sum of
 * values, each block's keys and values being brought into panels once for all queries of a task. */
#ifndef PS_CPU_ATTEND_H
#define PS_CPU_ATTEND_H

#include "cpu/tile.h"

#include "attention.h"

#define PS_KEY_BLOCK 256 /* keys at a time: the softmax's blocks, so that results depend on nothing else */

struct ps_attention_work {
    const struct ps_cpu_call *call;
    struct ps_attention_push push;
    enum ps_type type, left; /* as stored, and as multiplied */
    uint32_t depth;          /* d rounded up to 2, or to 32 for tile registers */
    bool gather;             /* queries are copied before they are multiplied */
    uint32_t value_panels;   /* of 64 channels */

    /* Tasks: `units` pairs of batch item and head, or a piece of `block` queries of one. */
    uint32_t block, blocks, units;

    /* Bytes into a thread's scratch. */
    size_t scores_at, weights_at, sums_at, state_at, keys_at, values_at, queries_at, stage_at, bytes;
};

/* Where a task's queries, keys, values and results begin, in elements of their operands. */
struct ps_attention_place {
    uint64_t q, k, v, y;
};

/* Brings keys [first, first + count) into panels, and the values of the same into theirs. What is missing to
 * whole panels is zero. */
void PS_NAME(pack_keys)(const struct ps_attention_work *work, uint64_t at, uint32_t first, uint32_t count,
                        char *scratch);
void PS_NAME(pack_values)(const struct ps_attention_work *work, uint64_t at, uint32_t first, uint32_t count,
                          char *scratch);

/* Copies `count` rows `pitch` elements apart of operand memory, as the left type, `depth` elements each. */
void PS_NAME(stage_rows)(const struct ps_attention_work *work, const void *from, uint64_t at, uint64_t pitch,
                         uint32_t count, char *to);

/* One tile's scores of `keys` keys become weights in the left type; state (highest score, sum of weights, and
 * by what the sums so far are to be multiplied) is brought up to date. */
struct ps_softmax_state {
    float highest, sum, decay;
};
void PS_NAME(soften)(const struct ps_attention_work *work, uint32_t rows, uint32_t keys, char *scratch,
                     struct ps_softmax_state *state);

#endif
