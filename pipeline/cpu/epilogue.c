/* What is done to a tile of sums before it is stored: y = scale act(s + (bias + vector)) + residual. */
#include "base/checked.h"
#include "cpu/product.h"
#include "cpu/vec_math.h"

#include "linear.h"

#define LINE 64 /* bytes of the cache */

/* Operands as they lie for one row of the result, from the tile's first column; null where absent. */
struct row {
    const char *bias, *vector, *residual;
    char *y;
    const float *sums;
};

PS_INLINE v16 fetch(enum ps_type type, const char *from, uint32_t j, uint32_t count)
{
    return count == V_LANES ? v_load(type, from, j) : v_load_some(type, from, j, count);
}

/* bias + vector of sixteen columns from j, `count` of which are there. */
PS_INLINE v16 offset_of(enum ps_type type, const char *bias, const char *vector, uint32_t j, uint32_t count)
{
    const v16 first = bias ? fetch(type, bias, j, count) : v_set(0);
    return vector ? v_add(first, fetch(type, vector, j, count)) : first;
}

PS_INLINE v16 shifted(enum ps_type type, const struct row *row, uint32_t j, uint32_t count)
{
    return v_add(v_load_f32(row->sums + j), offset_of(type, row->bias, row->vector, j, count));
}

PS_INLINE void finish(enum ps_type type, const struct row *row, float scale, uint32_t j, uint32_t count,
                      v16 s)
{
    s = v_mul(s, v_set(scale));
    if (row->residual)
        s = v_add(s, fetch(type, row->residual, j, count));
    if (count == V_LANES)
        v_store(type, row->y, j, s);
    else
        v_store_some(type, row->y, j, s, count);
}

PS_INLINE void store_row(enum ps_type type, const struct row *row, uint32_t act, float scale,
                         uint32_t columns)
{
    for (uint32_t j = 0; j < columns; j += V_LANES) {
        const uint32_t count = v_lanes(columns - j);
        finish(type, row, scale, j, count, v_act(act, shifted(type, row, j, count)));
    }
}

/* Columns 2i and 2i + 1 are value i and gate i. */
PS_INLINE void store_gated_row(enum ps_type type, const struct row *row, float scale, uint32_t columns)
{
    for (uint32_t j = 0; j < columns; j += 2 * V_LANES) {
        const uint32_t low = v_lanes(columns - j),
                       high = columns - j > V_LANES ? v_lanes(columns - j - V_LANES) : 0;
        const v16 a = shifted(type, row, j, low), b = high ? shifted(type, row, j + V_LANES, high) : v_set(0);
        finish(type, row, scale, j / 2, (low + high) / 2, v_mul(v_even(a, b), v_gelu(v_odd(a, b))));
    }
}

static const char *at(const void *base, uint64_t index, uint64_t element)
{
    return base ? (const char *)base + index * element : NULL;
}

static uint32_t act_of(const struct ps_product_work *work)
{
    return work->call->launch->spec[PS_LINEAR_SPEC_ACT];
}

/* Columns of the result for one of the weight. */
static uint32_t halves_of(const struct ps_product_work *work)
{
    return act_of(work) == PS_ACT_GEGLU ? 2 : 1;
}

static const char *vector_of(const struct ps_product_work *work, uint64_t row, uint32_t column)
{
    return at(work->call->operands[PS_VECTOR], row / work->vector_rows * work->n + column,
              ps_type_bytes(work->type));
}

static struct row row_of(const struct ps_product_work *work, uint64_t m, uint32_t column)
{
    void *const *operands = work->call->operands;
    const uint64_t element = ps_type_bytes(work->type),
                   to = ps_out_row(work, m) * (work->n / halves_of(work)) + column / halves_of(work);
    return (struct row){.bias = at(operands[PS_BIAS], column, element),
                        .vector = vector_of(work, m, column),
                        .residual = at(operands[PS_RESIDUAL], to, element),
                        .y = (char *)operands[PS_Y] + to * element};
}

PS_INLINE void store_tile(enum ps_type type, const struct ps_product_work *work, uint32_t first,
                          uint32_t rows, uint32_t column, uint32_t columns, const float *sums)
{
    const uint32_t act = act_of(work);
    for (uint32_t i = 0; i < rows; i++) {
        struct row row = row_of(work, first + i, column);
        row.sums = sums + i * PS_PANEL;
        if (act != PS_ACT_GEGLU)
            store_row(type, &row, act, work->scale, columns);
        else if (columns == PS_PANEL)
            store_gated_row(type, &row, work->scale, PS_PANEL);
        else
            store_gated_row(type, &row, work->scale, columns);
    }
}

void PS_NAME(epilogue)(const struct ps_product_work *work, uint32_t row, uint32_t rows, uint32_t column,
                       uint32_t width, const float *sums)
{
    const uint32_t columns = width < work->n - column ? width : work->n - column;
    V_TYPED(work->type, store_tile, work, row, rows, column, columns, sums);
}

PS_INLINE void write_offsets(enum ps_type type, const struct ps_product_work *work, uint32_t row,
                             uint32_t column, uint32_t columns, float *offsets)
{
    const char *bias = at(work->call->operands[PS_BIAS], column, ps_type_bytes(type));
    const char *vector = vector_of(work, row, column);
    for (uint32_t j = 0; j < columns; j += V_LANES)
        v_store_f32(offsets + j, offset_of(type, bias, vector, j, v_lanes(columns - j)));
}

void PS_NAME(fill_offsets)(const struct ps_product_work *work, uint32_t row, uint32_t column,
                           uint32_t columns, float *offsets)
{
    if (act_of(work) == PS_ACT_NONE || act_of(work) == PS_ACT_GEGLU)
        V_TYPED(work->type, write_offsets, work, row, column, (uint32_t)ps_min_u64(columns, work->n - column),
                offsets);
}

bool PS_NAME(is_simple)(const struct ps_product_work *work, uint32_t row, uint32_t rows)
{
    const uint32_t act = act_of(work);
    const bool known = (PS_TILE_STORES && act == PS_ACT_NONE) || (PS_TILE_GATES && act == PS_ACT_GEGLU);
    const bool in_line = !work->phases || row / work->out_w == (row + rows - 1) / work->out_w;
    return known && in_line && row / work->vector_rows == (row + rows - 1) / work->vector_rows;
}

struct ps_tile_store PS_NAME(simple_store)(const struct ps_product_work *work, uint32_t row, uint32_t column)
{
    const struct row first = row_of(work, row, column);
    return (struct ps_tile_store){.type = work->type,
                                  .residual = first.residual,
                                  .y = first.y,
                                  .pitch = (uint64_t)(work->phases ? 2 : 1) * (work->n / halves_of(work)) *
                                           ps_type_bytes(work->type),
                                  .scale = work->scale,
                                  .gated = act_of(work) == PS_ACT_GEGLU};
}

static void prefetch(const void *base, uint64_t from, uint64_t bytes)
{
    if (base)
        for (uint64_t i = 0; i < bytes; i += LINE)
            _mm_prefetch((const char *)base + from + i, _MM_HINT_T0);
}

void PS_NAME(expect)(const struct ps_product_work *work, uint32_t row, uint32_t rows, uint32_t column,
                     uint32_t width)
{
    const uint32_t halves = halves_of(work);
    const uint64_t element = ps_type_bytes(work->type), pitch = work->n / halves * element;
    for (uint32_t i = 0; i < rows; i++) {
        const uint64_t from = ps_out_row(work, row + i) * pitch + column / halves * element;
        prefetch(work->call->operands[PS_RESIDUAL], from, width / halves * element);
        prefetch(work->call->operands[PS_Y], from, width / halves * element);
    }
}
