/* Linear layers and convolutions as one thing: a matrix product whose left rows are found through kernel
 * positions. */
#ifndef PS_CPU_PRODUCT_H
#define PS_CPU_PRODUCT_H

#include "cpu/tile.h"

/* Operands of both kernels, as in kernels.def. */
enum { PS_X, PS_WEIGHT, PS_BIAS, PS_VECTOR, PS_RESIDUAL, PS_Y };

struct ps_product_work {
    const struct ps_cpu_call *call;
    enum ps_type type;
    enum ps_type
        right; /* of the panels that tiles read: `type`, but for a PS_Q8 weight, whose numbers both types hold */
    uint32_t m, k, n; /* rows of the result, channels of x, columns of the weight */
    uint32_t vector_rows;
    float scale;

    /* Row i of the result is output pixel i; a linear layer is a convolution of one row of pixels. */
    uint32_t in_h, in_w, wide_h, wide_w, out_h, out_w, kernel_h, kernel_w, stride, pad_y, pad_x;

    uint32_t depth; /* k rounded up to 4, which the weight is padded to */
    uint32_t taps;  /* of a phase */
    uint32_t phase; /* of conv.h; 0 where there is one alone */
    bool phases;    /* there are four */
    bool gather; /* left rows are copied, all kernel positions one after the other, before they are multiplied
                  */
    uint32_t gathered; /* elements of such a row */

    /* Tasks are pieces of `block` rows and `group` panels. */
    uint32_t block, blocks, panels, group, groups;
    uint64_t column_bytes; /* of a panel and one phase */
    uint32_t kept;         /* panels that pass over a tile's rows in turn */
    /* Bytes into a thread's scratch, which begins with a tile's results. */
    size_t offsets_at, pointers_at, zeros_at, rows_at, panels_at;
};

/* The row of y that row `row` of the product is. */
static inline uint64_t ps_out_row(const struct ps_product_work *work, uint64_t row)
{
    if (!work->phases)
        return row;
    return (2 * (row / work->out_w) + work->phase / 2) * 2 * work->out_w + 2 * (row % work->out_w) +
           work->phase % 2;
}

/* Fills in what follows from x's geometry, and runs. False where the threads have too little scratch. */
bool PS_NAME(run_product)(struct ps_product_work *work);

/* Bytes of scratch: a tile's results, offsets of a task's columns, pointers, zeros, gathered rows, and the panels of a PS_Q8
 * weight that are kept. */
size_t PS_NAME(place_left)(struct ps_product_work *work);

/* Finds (or gathers) the left rows of result rows [first, first + count) and leaves pointers to them in
 * scratch: [tile][segment][PS_TILE_ROWS]. */
void PS_NAME(find_left)(const struct ps_product_work *work, uint32_t first, uint32_t count, char *scratch);

/* bias + vector of the task's columns [column, column + columns) for result row `row`, as floats. */
void PS_NAME(fill_offsets)(const struct ps_product_work *work, uint32_t row, uint32_t column,
                           uint32_t columns, float *offsets);

/* Asks for the memory that the epilogue will read and write of a tile, while the tile is being computed. */
void PS_NAME(expect)(const struct ps_product_work *work, uint32_t row, uint32_t rows, uint32_t column,
                     uint32_t width);

/* Whether the epilogue is nothing but an offset, a scale and a residual, and where it goes: what a tile can
 * do itself. */
bool PS_NAME(is_simple)(const struct ps_product_work *work, uint32_t row, uint32_t rows);
struct ps_tile_store PS_NAME(simple_store)(const struct ps_product_work *work, uint32_t row, uint32_t column);

/* Stores the tile of `rows` rows from `row` and `width` columns from `column`. */
void PS_NAME(epilogue)(const struct ps_product_work *work, uint32_t row, uint32_t rows, uint32_t column,
                       uint32_t width, const float *sums);

#endif
