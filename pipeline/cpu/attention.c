#include "cpu/attend.h"

#include <math.h>

#include "base/checked.h"
#include "cpu/vec.h"

#define SUM_BYTES (256u << 10) /* of a task's weighted sums */
#define MOST_QUERIES 504
#define TASKS_PER_THREAD 6
#define UNITS 16 /* pairs of batch item and head in a task where there are few queries */

static uint32_t padded_keys(uint32_t count)
{
    return (uint32_t)ps_align_up(count, 32);
}

static const void *left_row(const struct ps_attention_work *work, uint64_t q, uint32_t i, const char *scratch)
{
    if (work->gather)
        return scratch + work->queries_at + (size_t)i * work->depth * ps_type_bytes(work->left);
    return (const char *)work->call->operands[0] +
           (q + (uint64_t)i * work->push.q_token) * ps_type_bytes(work->type);
}

/* Scores of `rows` queries from `row` of the task against the block's keys: [panel][PS_TILE_ROWS][PS_PANEL].
 */
static void score(const struct ps_attention_work *work, uint64_t q, uint32_t row, uint32_t rows,
                  uint32_t keys, char *scratch)
{
    const char *left[PS_TILE_ROWS];
    struct ps_tile tile = {
        .type = work->left, .rows = rows, .segments = 1, .depth = work->depth, .left = left};
    for (uint32_t i = 0; i < rows; i++)
        left[i] = left_row(work, q, row + i, scratch);
    for (uint32_t p = 0; p * PS_PANEL < keys; p++) {
        tile.width = (uint32_t)ps_min_u64(PS_PANEL, ps_align_up(keys - p * PS_PANEL, 8));
        tile.panel = scratch + work->keys_at + (size_t)p * PS_PANEL * work->depth * ps_type_bytes(work->left);
        tile.result = (float *)(void *)(scratch + work->scores_at) + p * PS_TILE_ROWS * PS_PANEL;
        PS_NAME(tile)(&tile);
    }
}

/* sums = decay sums + weights values, the weights being those of the block's keys. */
static void weigh(const struct ps_attention_work *work, uint32_t row, uint32_t rows, uint32_t keys,
                  char *scratch, const struct ps_softmax_state *state)
{
    const size_t element = ps_type_bytes(work->left), width_all = (size_t)work->value_panels * PS_PANEL;
    const char *left[PS_TILE_ROWS];
    float *part = (float *)(void *)(scratch + work->scores_at);
    struct ps_tile tile = {.type = work->left,
                           .rows = rows,
                           .segments = 1,
                           .depth = padded_keys(keys),
                           .width = PS_PANEL,
                           .left = left,
                           .result = part};
    for (uint32_t i = 0; i < rows; i++)
        left[i] = scratch + work->weights_at + i * PS_KEY_BLOCK * element;
    for (uint32_t p = 0; p < work->value_panels; p++) {
        tile.panel = scratch + work->values_at + (size_t)p * PS_PANEL * PS_KEY_BLOCK * element;
        PS_NAME(tile)(&tile);
        for (uint32_t i = 0; i < rows; i++) {
            float *sums = (float *)(void *)(scratch + work->sums_at) + (row + i) * width_all + p * PS_PANEL;
            const v16 decay = v_set(state[i].decay);
            for (uint32_t j = 0; j < PS_PANEL; j += V_LANES)
                v_store_f32(sums + j,
                            v_fma(v_load_f32(sums + j), decay, v_load_f32(part + i * PS_PANEL + j)));
        }
    }
}

PS_INLINE void store_query(enum ps_type type, void *y, uint64_t at, const float *sums, uint32_t d, float sum)
{
    const v16 share = v_set(1 / sum);
    for (uint32_t j = 0; j < d; j += V_LANES) {
        const uint32_t count = v_lanes(d - j);
        v_store_some(type, y, at + j, v_mul(v_load_f32(sums + j), share), count);
    }
}

static struct ps_attention_place place_of(const struct ps_attention_push *push, uint64_t b, uint64_t head,
                                          uint64_t query)
{
    const uint64_t channel = head * push->d, kv = b * push->kv_batch + channel;
    return (struct ps_attention_place){.q = push->q_first + b * push->q_batch + query * push->q_token +
                                            channel,
                                       .k = push->k_first + kv,
                                       .v = push->v_first + kv,
                                       .y = b * push->y_batch + query * push->y_token + channel};
}

/* `count` queries of one batch item and head. */
static void attend(const struct ps_attention_work *work, struct ps_attention_place at, uint32_t count,
                   char *scratch)
{
    const struct ps_attention_push *push = &work->push;
    const size_t width_all = (size_t)work->value_panels * PS_PANEL;
    struct ps_softmax_state *state = (struct ps_softmax_state *)(void *)(scratch + work->state_at);
    float *sums = (float *)(void *)(scratch + work->sums_at);
    if (work->gather)
        PS_NAME(stage_rows)
        (work, work->call->operands[0], at.q, push->q_token, count, scratch + work->queries_at);
    memset(sums, 0, count * width_all * sizeof *sums);
    for (uint32_t i = 0; i < count; i++)
        state[i] = (struct ps_softmax_state){.highest = -INFINITY};
    for (uint32_t first = 0; first < push->keys; first += PS_KEY_BLOCK) {
        const uint32_t keys = (uint32_t)ps_min_u64(PS_KEY_BLOCK, push->keys - first);
        PS_NAME(pack_keys)(work, at.k, first, keys, scratch);
        PS_NAME(pack_values)(work, at.v, first, keys, scratch);
        for (uint32_t row = 0; row < count; row += PS_TILE_ROWS) {
            const uint32_t rows = (uint32_t)ps_min_u64(PS_TILE_ROWS, count - row);
            score(work, at.q, row, rows, keys, scratch);
            PS_NAME(soften)(work, rows, keys, scratch, state + row);
            weigh(work, row, rows, keys, scratch, state + row);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        V_TYPED(work->type, store_query, work->call->operands[3], at.y + (uint64_t)i * push->y_token,
                sums + i * width_all, push->d, state[i].sum);
}

static void task(void *user, uint32_t index, void *scratch)
{
    const struct ps_attention_work *work = user;
    const struct ps_attention_push *push = &work->push;
    const uint32_t query = index % work->blocks * work->block, first = index / work->blocks * work->units;
    const uint32_t all = push->batch * push->heads;
    PS_NAME(tile_begin)();
    for (uint32_t unit = first; unit < all && unit < first + work->units; unit++)
        attend(work, place_of(push, unit / push->heads, unit % push->heads, query),
               (uint32_t)ps_min_u64(work->block, push->queries - query), scratch);
    PS_NAME(tile_end)();
}

static size_t take(struct ps_attention_work *work, size_t bytes)
{
    const size_t at = work->bytes;
    work->bytes = ps_align_up(at + bytes, 64);
    return at;
}

static void place(struct ps_attention_work *work)
{
    const size_t element = ps_type_bytes(work->left), channels = (size_t)work->value_panels * PS_PANEL;
    const size_t score_panels = PS_KEY_BLOCK / PS_PANEL;
    work->scores_at = take(work, score_panels * PS_TILE_ROWS * PS_PANEL * sizeof(float));
    work->weights_at = take(work, PS_TILE_ROWS * PS_KEY_BLOCK * element);
    work->sums_at = take(work, work->block * channels * sizeof(float));
    work->state_at = take(work, work->block * sizeof(struct ps_softmax_state));
    work->keys_at = take(work, (size_t)PS_KEY_BLOCK * work->depth * element);
    work->values_at = take(work, PS_KEY_BLOCK * channels * element);
    work->queries_at = take(work, work->gather ? (size_t)work->block * work->depth * element : 0);
    work->stage_at = take(work, PS_PANEL * ps_align_up(work->depth, 32) * element);
}

/* Cuts the work into pieces of queries large enough that packing keys and values costs little beside them. */
static void divide(struct ps_attention_work *work)
{
    const struct ps_attention_push *push = &work->push;
    const uint32_t all = push->batch * push->heads,
                   wanted = TASKS_PER_THREAD * ps_pool_threads(work->call->pool);
    const uint32_t most = (uint32_t)ps_max_u64(
        PS_TILE_ROWS, ps_min_u64(MOST_QUERIES, SUM_BYTES / (work->value_panels * PS_PANEL * sizeof(float))));
    const uint32_t least = ps_div_up(push->queries, most);
    work->blocks =
        (uint32_t)ps_max_u64(least, ps_min_u64(ps_div_up(wanted, all), ps_div_up(push->queries, 96)));
    work->block = ps_div_up(ps_div_up(push->queries, work->blocks), PS_TILE_ROWS) * PS_TILE_ROWS;
    work->blocks = ps_div_up(push->queries, work->block);
    work->units = work->blocks == 1 && push->queries <= 64 && all >= UNITS * wanted ? UNITS : 1;
}

bool PS_NAME(attention)(const struct ps_cpu_call *call)
{
    struct ps_attention_work work = {.call = call, .type = call->launch->type};
    memcpy(&work.push, call->push, sizeof work.push);
    work.left = PS_LEFT_TYPE(work.type);
#ifdef PS_TILES_AMX
    work.depth = (uint32_t)ps_align_up(work.push.d, 32);
#else
    work.depth = (uint32_t)ps_align_up(work.push.d, 2);
#endif
    work.gather = work.left != work.type || work.depth != work.push.d;
    work.value_panels = ps_div_up(work.push.d, PS_PANEL);
    divide(&work);
    place(&work);
    if (!ps_pool_scratch(call->pool, work.bytes))
        return false;
    ps_pool_run(call->pool, task, &work,
                ps_div_up(work.push.batch * work.push.heads, work.units) * work.blocks);
    return true;
}
