#include "cpu/product.h"

#include "base/checked.h"
#include "base/half.h"
#include "cpu/vec.h"

#include "conv.h"
#include "linear.h"

/* What the left operand of one task may take, so that it stays in the second or third level cache while all
 * panels of the task pass over it, and how many rows at least, so that a panel is worth fetching. */
#define LEFT_BYTES (512u << 10)
#define GATHERED_BYTES (512u << 10)
#define LEAST_ROWS 48
#define PANEL_BYTES (448u << 10)
#define MOST_KEPT 64
#define TASKS_PER_THREAD 8

/* What a task's tiles share. */
struct piece {
    const struct ps_product_work *work;
    uint32_t first, count; /* rows of the result */
    uint32_t panel_begin, panel_end;
    uint64_t offsets_row; /* row of the vector that the offsets hold */
    float *offsets;       /* [panels of the task][PS_PANEL] */
};

/* The bfloat16 of a small whole number, which it holds exactly. */
PS_INLINE uint16_t bf16_of(int8_t whole)
{
    return (uint16_t)(ps_bits_from_float(whole) >> 16);
}

static uint32_t panel_width(const struct ps_product_work *work, uint32_t p)
{
    return (uint32_t)ps_min_u64(PS_PANEL, work->call->launch->operands[PS_WEIGHT].w - p * PS_PANEL);
}

/* Columns, each of one phase, that lie before panel p of the phase at hand. */
static uint64_t columns_before(const struct ps_product_work *work, uint32_t p)
{
    return (work->phases ? 4 : 1) * (uint64_t)p * PS_PANEL + (uint64_t)work->phase * panel_width(work, p);
}

/* Panel p of a PS_Q8 weight, [depth / 2][width][2] whole numbers, as numbers of work->right. */
static const char *unpack(const struct ps_product_work *work, uint32_t p, char *to)
{
    const struct ps_tensor weight = work->call->launch->operands[PS_WEIGHT];
    const uint32_t width = panel_width(work, p);
    const uint64_t depth = (uint64_t)work->taps * work->depth;
    const int8_t *from = (const int8_t *)work->call->operands[PS_WEIGHT] + ps_scale_bytes(weight);
    from += columns_before(work, p) * depth;
    if (work->right == PS_BF16) {
        uint16_t *halves = (uint16_t *)(void *)to;
        for (uint64_t i = 0; i < depth * width; i++)
            halves[i] = bf16_of(from[i]);
        return to;
    }
    float *row = (float *)(void *)to;
    for (uint64_t k = 0; k < depth; k += 2, from += 2 * width, row += 2 * width)
        for (uint32_t c = 0; c < width; c++) {
            row[c] = from[2 * c];
            row[width + c] = from[2 * c + 1];
        }
    return to;
}

/* Where panel p lies, or is put for tiles to read it: among the panels kept, number `place`. */
static const char *panel_of(const struct ps_product_work *work, uint32_t p, uint32_t place, char *scratch)
{
    if (work->call->launch->operands[PS_WEIGHT].type != PS_Q8)
        return (const char *)work->call->operands[PS_WEIGHT] + columns_before(work, p) * work->column_bytes;
    return unpack(work, p, scratch + work->panels_at + place * PS_PANEL * work->column_bytes);
}

/* One tile: rows from `row` of the task, panel p. */
static void run_tile(const struct piece *piece, struct ps_tile *tile, uint32_t row, uint32_t p,
                     const char *panel)
{
    const struct ps_product_work *work = piece->work;
    const uint32_t column = p * PS_PANEL, m = piece->first + row;
    struct ps_tile_store store;
    tile->width = panel_width(work, p);
    tile->panel = panel;
    tile->factors = NULL;
    if (work->call->launch->operands[PS_WEIGHT].type == PS_Q8)
        tile->factors = (const float *)work->call->operands[PS_WEIGHT] + column;
    tile->store = NULL;
    PS_NAME(expect)(work, m, tile->rows, column, tile->width);
    if (column + PS_PANEL <= work->n && PS_NAME(is_simple)(work, m, tile->rows)) {
        store = PS_NAME(simple_store)(work, m, column);
        store.offset = piece->offsets + (p - piece->panel_begin) * PS_PANEL;
        tile->store = &store;
    }
    PS_NAME(tile)(tile);
    if (!tile->store)
        PS_NAME(epilogue)(work, m, tile->rows, column, tile->width, tile->result);
}

static void run_piece(struct piece *piece, char *scratch)
{
    const struct ps_product_work *work = piece->work;
    const char *const *left = (const char *const *)(void *)(scratch + work->pointers_at);
    struct ps_tile tile = {.type = work->right,
                           .segments = work->gather ? 1 : work->taps,
                           .depth = work->gather ? work->taps * work->depth : work->depth,
                           .result = (float *)(void *)scratch};
    for (uint32_t p = piece->panel_begin; p < piece->panel_end; p += work->kept) {
        const uint32_t end = (uint32_t)ps_min_u64(piece->panel_end, p + work->kept);
        const char *panels[MOST_KEPT];
        for (uint32_t i = p; i < end; i++)
            panels[i - p] = panel_of(work, i, i - p, scratch);
        for (uint32_t row = 0; row < piece->count; row += PS_TILE_ROWS) {
            const uint64_t vector_row = (piece->first + row) / work->vector_rows;
            if (vector_row != piece->offsets_row)
                PS_NAME(fill_offsets)
            (work, piece->first + row, piece->panel_begin * PS_PANEL,
             (piece->panel_end - piece->panel_begin) * PS_PANEL, piece->offsets);
            piece->offsets_row = vector_row;
            tile.rows = (uint32_t)ps_min_u64(PS_TILE_ROWS, piece->count - row);
            tile.left = left + row * tile.segments;
            for (uint32_t i = p; i < end; i++)
                run_tile(piece, &tile, row, i, panels[i - p]);
        }
    }
}

static void task(void *user, uint32_t index, void *scratch)
{
    const struct ps_product_work *work = user;
    const uint32_t first = index / work->groups * work->block, begin = index % work->groups * work->group;
    struct piece piece = {.work = work,
                          .first = first,
                          .count = (uint32_t)ps_min_u64(work->block, work->m - first),
                          .panel_begin = begin,
                          .panel_end = (uint32_t)ps_min_u64(work->panels, begin + work->group),
                          .offsets_row = UINT64_MAX,
                          .offsets = (float *)(void *)((char *)scratch + work->offsets_at)};
    PS_NAME(find_left)(work, first, piece.count, scratch);
    PS_NAME(tile_begin)();
    run_piece(&piece, scratch);
    PS_NAME(tile_end)();
}

/* Cuts the product into tasks: blocks of rows, and groups of panels where the blocks are too few for the
 * threads. */
static void divide(struct ps_product_work *work)
{
    const uint64_t element = ps_type_bytes(PS_LEFT_TYPE(work->type));
    const uint64_t row_bytes = work->gather ? work->gathered * element : work->k * element;
    const uint64_t most = ps_max_u64(work->gather ? PS_TILE_ROWS : LEAST_ROWS,
                                     (work->gather ? GATHERED_BYTES : LEFT_BYTES) / row_bytes);
    const uint32_t wanted = TASKS_PER_THREAD * ps_pool_threads(work->call->pool);
    work->panels = ps_div_up(work->call->launch->operands[PS_WEIGHT].w, PS_PANEL);
    work->blocks = (uint32_t)ps_max_u64(ps_div_up(work->m, (uint32_t)ps_min_u64(most, work->m)),
                                        ps_min_u64(wanted, ps_div_up(work->m, 8 * LEAST_ROWS)));
    work->block = ps_div_up(ps_div_up(work->m, work->blocks), PS_TILE_ROWS) * PS_TILE_ROWS;
    work->blocks = ps_div_up(work->m, work->block);
    const uint32_t groups = (uint32_t)ps_min_u64(work->panels, ps_div_up(wanted, work->blocks));
    work->group = ps_div_up(work->panels, groups);
    work->groups = ps_div_up(work->panels, work->group);
}

bool PS_NAME(run_product)(struct ps_product_work *work)
{
    const struct ps_launch *launch = work->call->launch;
    work->type = work->right = launch->type;
    if (launch->operands[PS_WEIGHT].type == PS_Q8 && work->type != PS_BF16)
        work->right = PS_F32;
    work->depth = 4 * launch->operands[PS_WEIGHT].h;
    work->taps = work->kernel_h * work->kernel_w;
#ifdef PS_TILES_AMX
    work->gather = work->taps > 1 || work->k % 32 || work->type != PS_BF16;
    work->gathered = (uint32_t)ps_align_up(work->taps * work->depth, 32);
#else
    work->gather =
        PS_LEFT_TYPE(work->type) != work->type || work->k != work->depth || (work->taps > 1 && work->k < 32);
    work->gathered = work->taps * work->depth;
#endif
    work->column_bytes = (uint64_t)work->taps * work->depth * ps_type_bytes(work->right);
    /* As many panels as stay in the second level cache pass over a tile's rows in turn, which then are in the
     * first. */
    work->kept =
        (uint32_t)ps_min_u64(MOST_KEPT, ps_max_u64(1, PANEL_BYTES / (work->column_bytes * PS_PANEL)));
    divide(work);
    if (!ps_pool_scratch(work->call->pool, PS_NAME(place_left)(work)))
        return false;
    for (work->phase = 0; work->phase < (work->phases ? 4 : 1); work->phase++)
        ps_pool_run(work->call->pool, task, work, work->blocks * work->groups);
    return true;
}

bool PS_NAME(linear)(const struct ps_cpu_call *call)
{
    const struct ps_linear_push *push = call->push;
    struct ps_product_work work = {.call = call,
                                   .m = push->m,
                                   .k = push->k,
                                   .n = push->n,
                                   .vector_rows = push->vector_rows,
                                   .scale = push->scale,
                                   .in_h = 1,
                                   .in_w = push->m,
                                   .wide_h = 1,
                                   .wide_w = push->m,
                                   .out_h = 1,
                                   .out_w = push->m,
                                   .kernel_h = 1,
                                   .kernel_w = 1,
                                   .stride = 1};
    return PS_NAME(run_product)(&work);
}

bool PS_NAME(conv)(const struct ps_cpu_call *call)
{
    const struct ps_conv_push *push = call->push;
    const uint32_t *spec = call->launch->spec;
    struct ps_product_work work = {.call = call,
                                   .m = push->frames * push->out_h * push->out_w,
                                   .k = push->k,
                                   .n = push->n,
                                   .vector_rows = push->vector_rows,
                                   .scale = push->scale,
                                   .phases = push->phases == 4,
                                   .in_h = push->in_h,
                                   .in_w = push->in_w,
                                   .wide_h = push->wide_h,
                                   .wide_w = push->wide_w,
                                   .out_h = push->out_h,
                                   .out_w = push->out_w,
                                   .kernel_h = spec[PS_CONV_SPEC_KERNEL_H],
                                   .kernel_w = spec[PS_CONV_SPEC_KERNEL_W],
                                   .stride = spec[PS_CONV_SPEC_STRIDE],
                                   .pad_y = push->pad_y,
                                   .pad_x = push->pad_x};
    return PS_NAME(run_product)(&work);
}
