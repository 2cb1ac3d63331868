#include "cpu/selfcheck.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"

#include "linear.h"

/* Two blocks of 32 rows and one of 6, a whole panel of columns and one of 8; depths that are read in place and
 * that are copied and padded first. */
#define ROWS 70
#define COLUMNS 72
#define DEEPEST 96
static const uint32_t depths[] = {DEEPEST, 42};

enum { X, WEIGHT, BIAS, VECTOR, RESIDUAL, Y };

struct bench {
    float x[ROWS * DEEPEST], weight[DEEPEST * COLUMNS];
    _Alignas(64) char stored_x[ROWS * DEEPEST * sizeof(float)];
    _Alignas(64) char packed[DEEPEST * COLUMNS * sizeof(float)];
    _Alignas(64) char panels[DEEPEST * COLUMNS * sizeof(float)];
    _Alignas(64) char y[ROWS * COLUMNS * sizeof(float)];
};

static void store(enum ps_type type, char *to, uint64_t at, float value)
{
    const uint16_t half = ps_bf16_from_float(value);
    if (type == PS_F32)
        memcpy(to + at * sizeof value, &value, sizeof value);
    else
        memcpy(to + at * sizeof half, &half, sizeof half);
}

/* Whole numbers from -3 to 3, so that every sum is exact in float32 and a right result is so to the bit. */
static float number(uint32_t i)
{
    return (float)((i * 2654435761u >> 20) % 7) - 3; /* Knuth's multiplicative hash */
}

static void fill(struct bench *bench, enum ps_type type, uint32_t depth)
{
    for (uint32_t i = 0; i < ROWS * depth; i++) {
        bench->x[i] = number(i);
        store(type, bench->stored_x, i, bench->x[i]);
    }
    memset(bench->packed, 0, sizeof bench->packed);
    for (uint32_t k = 0; k < depth; k++)
        for (uint32_t n = 0; n < COLUMNS; n++) {
            bench->weight[k * COLUMNS + n] = number(k * COLUMNS + n + 7919);
            store(type, bench->packed, ((uint64_t)(k / 4) * COLUMNS + n) * 4 + k % 4,
                  bench->weight[k * COLUMNS + n]);
        }
}

static bool is_right(const struct bench *bench, enum ps_type type, uint32_t depth)
{
    for (uint32_t m = 0; m < ROWS; m++)
        for (uint32_t n = 0; n < COLUMNS; n++) {
            float sum = 0;
            char expected[sizeof sum];
            for (uint32_t k = 0; k < depth; k++)
                sum += bench->x[m * depth + k] * bench->weight[k * COLUMNS + n];
            store(type, expected, 0, sum);
            const size_t size = ps_type_bytes(type);
            if (memcmp(bench->y + (m * COLUMNS + n) * size, expected, size))
                return false;
        }
    return true;
}

static struct ps_tensor tensor(enum ps_type type, uint32_t h, uint32_t w, uint32_t c)
{
    return (struct ps_tensor){.type = type, .n = 1, .h = h, .w = w, .c = c, .pitch = (uint64_t)h * w * c};
}

/* Runs the kernel, with as much scratch as it asks for. */
static bool run(const struct ps_cpu_table *table, const struct ps_cpu_call *call)
{
    if (table->kernels[PS_KERNEL_linear](call))
        return true;
    const size_t bytes = ps_align_up(ps_pool_wanted(call->pool), 64);
    void *scratch = aligned_alloc(64, bytes);
    ps_pool_lend(call->pool, scratch, bytes);
    const bool done = scratch && table->kernels[PS_KERNEL_linear](call);
    ps_pool_lend(call->pool, NULL, 0);
    free(scratch);
    return done;
}

static enum ps_selfcheck multiply(struct bench *bench, const struct ps_cpu_table *table, struct ps_pool *pool,
                                  uint32_t depth)
{
    const enum ps_type type = table->native_bf16 ? PS_BF16 : PS_F32;
    const struct ps_linear_push push = {.m = ROWS, .k = depth, .n = COLUMNS, .vector_rows = ROWS, .scale = 1};
    struct ps_launch launch = {.kernel = PS_KERNEL_linear,
                               .type = type,
                               .operands = {[X] = tensor(type, 1, ROWS, depth),
                                            [WEIGHT] = tensor(type, ps_div_up(depth, 4), COLUMNS, 4),
                                            [Y] = tensor(type, 1, ROWS, COLUMNS)}};
    launch.operands[WEIGHT].packed = true;
    struct ps_cpu_call call = {.launch = &launch, .push = &push, .pool = pool};
    call.operands[X] = bench->stored_x;
    call.operands[WEIGHT] = bench->panels;
    call.operands[Y] = bench->y;
    fill(bench, type, depth);
    memset(bench->y, 0xff, sizeof bench->y);
    table->pack(pool, launch.operands[WEIGHT], bench->packed, bench->panels);
    if (!run(table, &call))
        return PS_SELFCHECK_NO_MEMORY;
    return is_right(bench, type, depth) ? PS_SELFCHECK_RIGHT : PS_SELFCHECK_WRONG;
}

enum ps_selfcheck ps_cpu_selfcheck(const struct ps_cpu_table *table, struct ps_pool *pool)
{
    struct bench *bench = aligned_alloc(64, ps_align_up(sizeof *bench, 64));
    enum ps_selfcheck result = bench ? PS_SELFCHECK_RIGHT : PS_SELFCHECK_NO_MEMORY;
    for (size_t i = 0; i < sizeof depths / sizeof *depths && result == PS_SELFCHECK_RIGHT; i++)
        result = multiply(bench, table, pool, depths[i]);
    free(bench);
    return result;
}
