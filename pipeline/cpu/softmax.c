#include "base/checked.h"
#include "cpu/attend.h"
#include "cpu/vec_math.h"

#define LOG2_E 1.44269504088896341f

static const float *scores_of(const float *scores, uint32_t row, uint32_t key)
{
    return scores + (uint64_t)(key / PS_PANEL * PS_TILE_ROWS + row) * PS_PANEL + key % PS_PANEL;
}

/* The highest of a row's scores. */
static float highest(const float *scores, uint32_t row, uint32_t keys)
{
    v16 most = v_set(-3e38f);
    uint32_t k = 0;
    for (; k + V_LANES <= keys; k += V_LANES)
        most = v_max(most, v_load_f32(scores_of(scores, row, k)));
    float result = v_highest(most);
    for (; k < keys; k++) {
        const float s = *scores_of(scores, row, k);
        result = s > result ? s : result;
    }
    return result;
}

/* Weights 2^(slope score - peak) of a row, and zeros up to the next multiple of 32; returns their sum. */
PS_INLINE float write_weights(enum ps_type left, const float *scores, uint32_t row, uint32_t keys,
                              float slope, float peak, void *to)
{
    const v16 slopes = v_set(slope), offset = v_set(-peak);
    v16 sum = v_set(0);
    for (uint32_t k = 0; k < ps_align_up(keys, 32); k += V_LANES) {
        const uint32_t count = k < keys ? v_lanes(keys - k) : 0;
        v16 weight = v_set(0);
        if (count)
            weight = v_exp2(v_fma(v_load_f32(scores_of(scores, row, k)), slopes, offset));
        if (count < V_LANES)
            weight = v_keep(weight, count);
        sum = v_add(sum, weight);
        v_store(left, to, k, weight);
    }
    return v_sum(sum);
}

void PS_NAME(soften)(const struct ps_attention_work *work, uint32_t rows, uint32_t keys, char *scratch,
                     struct ps_softmax_state *state)
{
    const float *scores = (const float *)(const void *)(scratch + work->scores_at);
    const size_t row_bytes = PS_KEY_BLOCK * ps_type_bytes(work->left);
    const float slope = work->push.scale * LOG2_E;
    for (uint32_t i = 0; i < rows; i++) {
        const float most = highest(scores, i, keys) * slope;
        const float peak = most > state[i].highest ? most : state[i].highest;
        char *to = scratch + work->weights_at + i * row_bytes;
        float sum;
        if (work->left == PS_BF16)
            sum = write_weights(PS_BF16, scores, i, keys, slope, peak, to);
        else
            sum = write_weights(PS_F32, scores, i, keys, slope, peak, to);
        state[i].decay = v_first(v_exp2(v_set(state[i].highest - peak)));
        state[i].sum = state[i].sum * state[i].decay + sum;
        state[i].highest = peak;
    }
}
