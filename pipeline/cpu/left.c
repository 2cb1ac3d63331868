/* The left rows of a product: pointers to the pixels that kernel positions touch, or copies of them. */
#include "base/checked.h"
#include "cpu/product.h"
#include "cpu/vec.h"

#define RESULT_BYTES (PS_TILE_ROWS * PS_PANEL * sizeof(float))

size_t PS_NAME(place_left)(struct ps_product_work *work)
{
    const size_t element = ps_type_bytes(PS_LEFT_TYPE(work->type));
    const size_t segments = work->gather ? 1 : work->taps;
    work->offsets_at = RESULT_BYTES;
    work->pointers_at = work->offsets_at + (size_t)work->group * PS_PANEL * sizeof(float);
    work->zeros_at = ps_align_up(work->pointers_at + work->block * segments * sizeof(char *), 64);
    work->rows_at = ps_align_up(work->zeros_at + work->depth * element, 64);
    work->panels_at =
        ps_align_up(work->rows_at + (work->gather ? (size_t)work->block * work->gathered * element : 0), 64);
    const bool unpacks = work->call->launch->operands[PS_WEIGHT].type == PS_Q8;
    return work->panels_at + (unpacks ? work->kept * PS_PANEL * work->column_bytes : 0);
}

/* An output pixel's place in the input. */
struct origin {
    uint64_t frame;
    int64_t y, x; /* of the kernel's first position */
};

static struct origin origin_of(const struct ps_product_work *work, uint32_t row)
{
    const uint32_t line = row / work->out_w;
    return (struct origin){.frame = line / work->out_h,
                           .y = (int64_t)(line % work->out_h) * work->stride + work->phase / 2 - work->pad_y,
                           .x = (int64_t)(row % work->out_w) * work->stride + work->phase % 2 - work->pad_x};
}

/* Pixel i of `wide` along an axis as one of the `in` that were enlarged to them. */
static uint64_t nearest(uint64_t i, uint32_t in, uint32_t wide)
{
    return in == wide ? i : i * in / wide;
}

/* The pixel that a kernel position touches; null outside of the image. */
static const char *pixel(const struct ps_product_work *work, struct origin at, uint32_t ty, uint32_t tx)
{
    const int64_t y = at.y + ty, x = at.x + tx;
    if (y < 0 || y >= work->wide_h || x < 0 || x >= work->wide_w)
        return NULL;
    const uint64_t row = at.frame * work->in_h + nearest((uint64_t)y, work->in_h, work->wide_h);
    const uint64_t index = row * work->in_w + nearest((uint64_t)x, work->in_w, work->wide_w);
    return (const char *)work->call->operands[PS_X] + index * work->k * ps_type_bytes(work->type);
}

static void point(const struct ps_product_work *work, uint32_t first, uint32_t count, char *scratch)
{
    const char *zeros = memset(scratch + work->zeros_at, 0, work->depth * ps_type_bytes(work->type));
    const char **to = (const char **)(void *)(scratch + work->pointers_at);
    for (uint32_t i = 0; i < count; i++) {
        const struct origin at = origin_of(work, first + i);
        const char **tile = to + (uint64_t)(i / PS_TILE_ROWS) * PS_TILE_ROWS * work->taps + i % PS_TILE_ROWS;
        for (uint32_t ty = 0; ty < work->kernel_h; ty++)
            for (uint32_t tx = 0; tx < work->kernel_w; tx++, tile += PS_TILE_ROWS) {
                const char *from = pixel(work, at, ty, tx);
                *tile = from ? from : zeros;
            }
    }
}

/* `k` elements as the left type, then zeros up to `depth`. */
PS_INLINE void copy_pixel(enum ps_type type, const char *from, uint32_t k, uint32_t depth, char *to)
{
    const enum ps_type left = PS_LEFT_TYPE(type);
    const uint64_t element = ps_type_bytes(left);
    uint32_t i = 0;
    if (from && left == type) {
        memcpy(to, from, k * element);
        i = k;
    } else if (from) {
        for (; i + V_LANES <= k; i += V_LANES)
            v_store(left, to, i, v_load(type, from, i));
        if (i < k)
            v_store_some(left, to, i, v_load_some(type, from, i, k - i), k - i);
        i = k;
    }
    memset(to + i * element, 0, (depth - i) * element);
}

PS_INLINE void gather_rows(enum ps_type type, const struct ps_product_work *work, uint32_t first,
                           uint32_t count, char *scratch)
{
    const uint64_t element = ps_type_bytes(PS_LEFT_TYPE(type)), row_bytes = work->gathered * element;
    const char **pointers = (const char **)(void *)(scratch + work->pointers_at);
    for (uint32_t i = 0; i < count; i++) {
        const struct origin at = origin_of(work, first + i);
        char *row = scratch + work->rows_at + i * row_bytes, *to = row;
        for (uint32_t ty = 0; ty < work->kernel_h; ty++)
            for (uint32_t tx = 0; tx < work->kernel_w; tx++, to += work->depth * element)
                copy_pixel(type, pixel(work, at, ty, tx), work->k, work->depth, to);
        memset(to, 0, (size_t)(row + row_bytes - to));
        pointers[i] = row;
    }
}

void PS_NAME(find_left)(const struct ps_product_work *work, uint32_t first, uint32_t count, char *scratch)
{
    if (work->gather)
        V_TYPED(work->type, gather_rows, work, first, count, scratch);
    else
        point(work, first, count, scratch);
}
