#include "ref/ref.h"

#include <math.h>

#include "attention.h"

enum { Q, K, V, Y };

/* Elements where a head begins: in a query's row, in the first key's and value's, in the query's result. */
struct place {
    uint64_t q, k, v, y;
};

static double score(const struct ps_ref_call *call, struct place at, uint32_t key)
{
    const struct ps_attention_push *push = call->push;
    double sum = 0;
    for (uint32_t i = 0; i < push->d; i++)
        sum += (double)ps_ref_load(call, Q, at.q + i) *
               (double)ps_ref_load(call, K, at.k + (uint64_t)key * push->kv_token + i);
    return sum * (double)push->scale;
}

/* One query's row: softmax(scale q k^T) v. */
static void attend(const struct ps_ref_call *call, struct place at)
{
    const struct ps_attention_push *push = call->push;
    double highest = -INFINITY, weights = 0, sums[PS_ATTENTION_MAX_D] = {0};
    for (uint32_t key = 0; key < push->keys; key++)
        highest = fmax(highest, score(call, at, key));
    for (uint32_t key = 0; key < push->keys; key++) {
        const double weight = exp(score(call, at, key) - highest);
        weights += weight;
        for (uint32_t i = 0; i < push->d; i++)
            sums[i] += weight * (double)ps_ref_load(call, V, at.v + (uint64_t)key * push->kv_token + i);
    }
    for (uint32_t i = 0; i < push->d; i++)
        ps_ref_store(call, Y, at.y + i, sums[i] / weights);
}

void ps_ref_attention(const struct ps_ref_call *call)
{
    const struct ps_attention_push *push = call->push;
    for (uint64_t b = 0; b < push->batch; b++)
        for (uint64_t head = 0; head < push->heads; head++)
            for (uint64_t query = 0; query < push->queries; query++) {
                const uint64_t channel = head * push->d, kv = b * push->kv_batch + channel;
                attend(call, (struct place){.q = push->q_first + b * push->q_batch + query * push->q_token +
                                                 channel,
                                            .k = push->k_first + kv,
                                            .v = push->v_first + kv,
                                            .y = b * push->y_batch + query * push->y_token + channel});
            }
}
