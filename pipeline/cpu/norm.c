/* Group norm in its three passes, and layer norm. */
#include <math.h>

#include "base/checked.h"
#include "cpu/kernels.h"
#include "cpu/vec_math.h"

#include "layer_norm.h"
#include "norm_apply.h"
#include "norm_finish.h"
#include "norm_stats.h"

/* Channels whose sums, sums of squares and centres are held in registers. */
#ifdef __AVX512F__
#define COLUMNS 64
#else
#define COLUMNS 32
#endif

PS_INLINE v16 fetch(enum ps_type type, const void *from, uint64_t i, uint32_t count)
{
    return count == V_LANES ? v_load(type, from, i) : v_load_some(type, from, i, count);
}

/* c elements from `at` on, as floats. */
PS_INLINE void widen_row(enum ps_type type, const void *from, uint64_t at, uint32_t c, float *to)
{
    for (uint32_t i = 0; i < c; i += V_LANES)
        v_store_some(PS_F32, to, i, v_load_some(type, from, at + i, v_lanes(c - i)), v_lanes(c - i));
}

/* Where some channels of a row lie: x, or the tensor beside it. */
struct source {
    const void *at;
    uint32_t first, c; /* the channels [first, first + c) of a row */
};

/* The sources of rows of c channels; how many there are. */
static uint32_t sources_of(const struct ps_cpu_call *call, uint32_t c_x, uint32_t c, struct source sources[2])
{
    sources[0] = (struct source){call->operands[0], 0, c_x};
    sources[1] = (struct source){call->operands[1], c_x, c - c_x};
    return c > c_x ? 2 : 1;
}

/* sums[j] and squares[j] of the source's channels [first, first + count) over rows: of the distances of x from
 * around[j], and of their squares. */
PS_INLINE void sum_columns(enum ps_type type, const struct source *source, uint64_t row, uint32_t rows,
                           uint32_t first, uint32_t count, const float *around, float *sums, float *squares)
{
    const uint32_t vectors = ps_div_up(count, V_LANES);
    v16 sum[COLUMNS / V_LANES], square[COLUMNS / V_LANES], center[COLUMNS / V_LANES];
    for (uint32_t j = 0; j < COLUMNS / V_LANES; j++) {
        sum[j] = square[j] = v_set(0);
        center[j] =
            j < vectors ? fetch(PS_F32, around + first, V_LANES * j, v_lanes(count - V_LANES * j)) : v_set(0);
    }
    for (uint64_t r = row; r < row + rows; r++)
        for (uint32_t j = 0; j < vectors; j++) {
            const v16 x =
                fetch(type, source->at, r * source->c + first + V_LANES * j, v_lanes(count - V_LANES * j));
            const v16 distance = v_sub(x, center[j]);
            sum[j] = v_add(sum[j], distance);
            square[j] = v_fma(distance, distance, square[j]);
        }
    for (uint32_t j = 0; j < vectors; j++) {
        v_store_some(PS_F32, sums + first, V_LANES * j, sum[j], v_lanes(count - V_LANES * j));
        v_store_some(PS_F32, squares + first, V_LANES * j, square[j], v_lanes(count - V_LANES * j));
    }
}

PS_INLINE void sum_rows(enum ps_type type, const struct source *source, uint64_t row, uint32_t rows,
                        const float *around, float *sums, float *squares)
{
    const uint32_t c = source->c;
    around += source->first, sums += source->first, squares += source->first;
    for (uint32_t i = 0; i < c; i += COLUMNS) {
        const uint32_t count = (uint32_t)ps_min_u64(COLUMNS, c - i);
        if (count == COLUMNS)
            sum_columns(type, source, row, rows, i, COLUMNS, around, sums, squares);
        else
            sum_columns(type, source, row, rows, i, count, around, sums, squares);
    }
}

/* In two sums side by side, which wait for each other half as long. */
static double sum_of(const float *from, uint32_t count)
{
    double even = 0, odd = 0;
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        even += (double)from[i];
        odd += (double)from[i + 1];
    }
    return even + odd + (count % 2 ? (double)from[count - 1] : 0);
}

/* One split of a frame, read once: distances are taken from the group's mean in the split's first row, so that
 * squares lose nothing where the mean is large beside the deviations. */
static void stats_task(void *user, uint32_t index, void *scratch)
{
    const struct ps_cpu_call *call = user;
    const struct ps_norm_stats_push *push = call->push;
    const uint32_t begin = index % push->splits * push->split_rows, each = push->c / push->groups;
    const uint32_t rows = (uint32_t)ps_min_u64(push->split_rows, push->rows - begin);
    const uint64_t row = (uint64_t)(index / push->splits) * push->rows + begin;
    float *around = scratch, *sums = around + push->c, *squares = sums + push->c,
          *to = (float *)call->operands[2] + (uint64_t)index * push->groups * 2;
    struct source sources[2];
    const uint32_t count = sources_of(call, push->c_x, push->c, sources);
    for (uint32_t i = 0; i < count; i++)
        V_TYPED(call->launch->type, widen_row, sources[i].at, row * sources[i].c, sources[i].c,
                around + sources[i].first);
    for (uint32_t g = 0; g < push->groups; g++) {
        const float center = (float)(sum_of(around + g * each, each) / each);
        for (uint32_t i = 0; i < each; i++)
            around[g * each + i] = center;
    }
    for (uint32_t i = 0; i < count; i++)
        V_TYPED(call->launch->type, sum_rows, &sources[i], row, rows, around, sums, squares);
    for (uint32_t g = 0; g < push->groups; g++) {
        const double total = sum_of(sums + g * each, each), mean = total / ((double)rows * each);
        to[2 * g] = (float)((double)around[g * each] + mean);
        to[2 * g + 1] = (float)fmax(sum_of(squares + g * each, each) - total * mean, 0);
    }
}

bool PS_NAME(norm_stats)(const struct ps_cpu_call *call)
{
    const struct ps_norm_stats_push *push = call->push;
    struct ps_cpu_call copy = *call;
    if (!ps_pool_scratch(call->pool, 3 * push->c * sizeof(float)))
        return false;
    ps_pool_run(call->pool, stats_task, &copy, push->n * push->splits);
    return true;
}

/* One group of one span of frames. */
static void finish_task(void *user, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct ps_cpu_call *call = user;
    const struct ps_norm_finish_push *push = call->push;
    const uint64_t first = (uint64_t)(index / push->groups) * push->span * push->splits;
    const float *from = (const float *)call->operands[0] + (first * push->groups + index % push->groups) * 2;
    double count = 0, mean = 0, m2 = 0;
    for (uint32_t i = 0; i < push->span * push->splits; i++, from += 2 * (uint64_t)push->groups) {
        const uint32_t begin = i % push->splits * push->split_rows;
        const double more = (double)ps_min_u64(push->split_rows, push->rows - begin) * push->group_channels;
        const double delta = (double)from[0] - mean;
        m2 += (double)from[1] + delta * delta * count * more / (count + more);
        count += more;
        mean += delta * more / count;
    }
    float *to = (float *)call->operands[1] + 2 * (uint64_t)index;
    to[0] = (float)mean;
    to[1] = (float)(1 / sqrt(m2 / count + (double)push->eps));
}

bool PS_NAME(norm_finish)(const struct ps_cpu_call *call)
{
    const struct ps_norm_finish_push *push = call->push;
    struct ps_cpu_call copy = *call;
    ps_pool_run(call->pool, finish_task, &copy, push->n / push->span * push->groups);
    return true;
}

#define APPLY_ROWS 64 /* of a task */

/* The statistics and the gain of a frame, by channel. */
static void spread_stats(const struct ps_cpu_call *call, const float *gain, uint32_t frame, float *means,
                         float *slopes)
{
    const struct ps_norm_apply_push *push = call->push;
    const float *stats = (const float *)call->operands[2] + (uint64_t)frame * push->stats_pitch;
    const uint32_t each = push->c / push->groups;
    for (uint32_t g = 0; g < push->groups; g++)
        for (uint32_t i = g * each; i < (g + 1) * each; i++) {
            means[i] = stats[2 * g];
            slopes[i] = stats[2 * g + 1] * gain[i];
        }
}

/* The source's channels of y's rows, of c channels. */
PS_INLINE void apply_rows(enum ps_type type, const struct source *source, char *y, uint32_t c, uint64_t row,
                          uint64_t end, uint32_t act, const float *means, const float *slopes,
                          const float *biases)
{
    means += source->first, slopes += source->first, biases += source->first;
    y += source->first * ps_type_bytes(type);
    for (; row < end; row++)
        for (uint32_t i = 0; i < source->c; i += V_LANES) {
            const uint32_t count = v_lanes(source->c - i);
            const v16 x = fetch(type, source->at, row * source->c + i, count);
            const v16 distance = v_sub(x, fetch(PS_F32, means, i, count));
            const v16 result =
                v_act(act, v_fma(distance, fetch(PS_F32, slopes, i, count), fetch(PS_F32, biases, i, count)));
            if (count == V_LANES)
                v_store(type, y, row * c + i, result);
            else
                v_store_some(type, y, row * c + i, result, count);
        }
}

PS_INLINE void apply_block(enum ps_type type, const struct ps_cpu_call *call, uint32_t index, float *scratch)
{
    const struct ps_norm_apply_push *push = call->push;
    const uint32_t blocks = ps_div_up(push->rows, APPLY_ROWS), frame = index / blocks;
    const uint64_t begin = (uint64_t)(index % blocks) * APPLY_ROWS,
                   end = ps_min_u64(begin + APPLY_ROWS, push->rows);
    float *means = scratch, *slopes = means + push->c, *biases = slopes + push->c;
    widen_row(type, call->operands[3], 0, push->c, biases);
    spread_stats(call, biases, frame, means, slopes);
    widen_row(type, call->operands[4], 0, push->c, biases);
    const uint64_t first = (uint64_t)frame * push->rows;
    struct source sources[2];
    const uint32_t count = sources_of(call, push->c_x, push->c, sources);
    for (uint32_t i = 0; i < count; i++)
        if (call->launch->spec[PS_NORM_APPLY_SPEC_ACT] == PS_ACT_SILU)
            apply_rows(type, &sources[i], call->operands[5], push->c, first + begin, first + end, PS_ACT_SILU,
                       means, slopes, biases);
        else
            apply_rows(type, &sources[i], call->operands[5], push->c, first + begin, first + end, PS_ACT_NONE,
                       means, slopes, biases);
}

static void apply_task(void *user, uint32_t index, void *scratch)
{
    const struct ps_cpu_call *call = user;
    V_TYPED(call->launch->type, apply_block, call, index, scratch);
}

bool PS_NAME(norm_apply)(const struct ps_cpu_call *call)
{
    const struct ps_norm_apply_push *push = call->push;
    struct ps_cpu_call copy = *call;
    if (!ps_pool_scratch(call->pool, 3 * push->c * sizeof(float)))
        return false;
    ps_pool_run(call->pool, apply_task, &copy, push->n * ps_div_up(push->rows, APPLY_ROWS));
    return true;
}

#define LAYER_ROWS 16 /* of a task */

/* The row's distances (`shifts`: with the vector added) from its first element, which keeps a mean that is large beside the
 * deviations exact, are held in `row` for the passes over them. */
PS_INLINE void layer_row(enum ps_type type, const struct ps_cpu_call *call, uint64_t r, bool shifts,
                         float *row)
{
    const struct ps_layer_norm_push *push = call->push;
    const uint32_t c = push->c;
    const uint64_t at = r * c, shift = shifts ? r / push->vector_rows * c : 0;
    float start = v_first(fetch(type, call->operands[0], at, 1));
    if (shifts)
        start += v_first(fetch(type, call->operands[3], shift, 1));
    const v16 first = v_set(start);
    v16 sum = v_set(0), squares = v_set(0);
    for (uint32_t i = 0; i < c; i += V_LANES) {
        const uint32_t count = v_lanes(c - i);
        v16 x = v_sub(fetch(type, call->operands[0], at + i, count), first);
        if (shifts)
            x = v_add(x, fetch(type, call->operands[3], shift + i, count));
        x = v_keep(x, count);
        sum = v_add(sum, x);
        v_store_f32(row + i, x);
    }
    const float mean = v_sum(sum) / (float)c;
    for (uint32_t i = 0; i < c; i += V_LANES) {
        const v16 distance = v_keep(v_sub(v_load_f32(row + i), v_set(mean)), v_lanes(c - i));
        v_store_f32(row + i, distance);
        squares = v_fma(distance, distance, squares);
    }
    const v16 rstd = v_set(1 / sqrtf(v_sum(squares) / (float)c + push->eps));
    for (uint32_t i = 0; i < c; i += V_LANES) {
        const uint32_t count = v_lanes(c - i);
        const v16 slope = v_mul(rstd, fetch(type, call->operands[1], i, count));
        const v16 y = v_fma(v_load_f32(row + i), slope, fetch(type, call->operands[2], i, count));
        if (count == V_LANES)
            v_store(type, call->operands[4], at + i, y);
        else
            v_store_some(type, call->operands[4], at + i, y, count);
    }
}

PS_INLINE void layer_rows(enum ps_type type, const struct ps_cpu_call *call, uint32_t index, float *scratch)
{
    const struct ps_layer_norm_push *push = call->push;
    const uint64_t end = ps_min_u64(((uint64_t)index + 1) * LAYER_ROWS, push->rows);
    for (uint64_t r = (uint64_t)index * LAYER_ROWS; r < end; r++)
        if (call->operands[3])
            layer_row(type, call, r, true, scratch);
        else
            layer_row(type, call, r, false, scratch);
}

static void layer_task(void *user, uint32_t index, void *scratch)
{
    const struct ps_cpu_call *call = user;
    V_TYPED(call->launch->type, layer_rows, call, index, scratch);
}

bool PS_NAME(layer_norm)(const struct ps_cpu_call *call)
{
    const struct ps_layer_norm_push *push = call->push;
    struct ps_cpu_call copy = *call;
    if (!ps_pool_scratch(call->pool, ps_align_up(push->c, V_LANES) * sizeof(float)))
        return false;
    ps_pool_run(call->pool, layer_task, &copy, ps_div_up(push->rows, LAYER_ROWS));
    return true;
}
