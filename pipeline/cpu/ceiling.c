#include "cpu/ceiling.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Some 20 ms of each loop. */
#define ROUNDS 4000000
#define TILE_ROUNDS 400000
#define TIMES 4
#define COPY_BYTES (128u << 20)

#define AVX512 __attribute__((target("avx512f")))
#define AVX512_BF16 __attribute__((target("avx512f,avx512bf16")))
#define AVX2 __attribute__((target("avx2,fma")))
#define AMX __attribute__((target("amx-tile,amx-bf16")))

/* Each loop keeps enough independent sums to hide an instruction's latency. The empty assembly makes them
 * opaque. */
AVX512 static void fma512(void)
{
    __m512 sum[16], a = _mm512_set1_ps(0.5f), b = a;
    for (int i = 0; i < 16; i++)
        sum[i] = a;
    for (int n = 0; n < ROUNDS; n++) {
        for (int i = 0; i < 16; i++)
            sum[i] = _mm512_fmadd_ps(a, b, sum[i]);
        __asm__ volatile("" : "+v"(a), "+v"(b));
    }
    for (int i = 0; i < 16; i++)
        __asm__ volatile("" ::"v"(sum[i]));
}

AVX512_BF16 static void dot512(void)
{
    __m512 sum[16];
    __m512i a = _mm512_set1_epi32(0x3f003f00), b = a;
    for (int i = 0; i < 16; i++)
        sum[i] = _mm512_setzero_ps();
    for (int n = 0; n < ROUNDS; n++) {
        for (int i = 0; i < 16; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], (__m512bh)a, (__m512bh)b);
        __asm__ volatile("" : "+v"(a), "+v"(b));
    }
    for (int i = 0; i < 16; i++)
        __asm__ volatile("" ::"v"(sum[i]));
}

AVX2 static void fma256(void)
{
    __m256 sum[12], a = _mm256_set1_ps(0.5f), b = a;
    for (int i = 0; i < 12; i++)
        sum[i] = a;
    for (int n = 0; n < ROUNDS; n++) {
        for (int i = 0; i < 12; i++)
            sum[i] = _mm256_fmadd_ps(a, b, sum[i]);
        __asm__ volatile("" : "+x"(a), "+x"(b));
    }
    for (int i = 0; i < 12; i++)
        __asm__ volatile("" ::"x"(sum[i]));
}

AMX static void tiles(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } all = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        all.bytes[i] = 64;
        all.rows[i] = 16;
    }
    _tile_loadconfig(&all);
    for (int n = 0; n < TILE_ROUNDS; n++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
}

struct loop {
    void (*run)(void);
    double flops; /* of one call */
};

static void run_loop(void *work, uint32_t index, void *scratch)
{
    (void)index, (void)scratch;
    ((const struct loop *)work)->run();
}

static double best_seconds(struct ps_pool *pool, ps_pool_task *task, void *work)
{
    double best = 0;
    for (int i = 0; i < TIMES; i++) {
        const double begin = ps_seconds();
        ps_pool_run(pool, task, work, ps_pool_threads(pool));
        const double seconds = ps_seconds() - begin;
        best = !i || seconds < best ? seconds : best;
    }
    return best;
}

double ps_cpu_ceiling_flops(struct ps_pool *pool, enum ps_cpu_isa isa, enum ps_type type)
{
    struct loop loop = {fma512, 16.0 * 32 * ROUNDS};
    if (isa == PS_CPU_AVX2)
        loop = (struct loop){fma256, 12.0 * 16 * ROUNDS};
    else if (isa == PS_CPU_AMX && type == PS_BF16)
        loop = (struct loop){tiles, 4.0 * 32768 * TILE_ROUNDS};
    else if (isa >= PS_CPU_AVX512_BF16 && type == PS_BF16)
        loop = (struct loop){dot512, 16.0 * 64 * ROUNDS};
    return loop.flops * ps_pool_threads(pool) / best_seconds(pool, run_loop, &loop);
}

struct copy {
    char *from, *to;
    uint32_t threads;
};

static void run_copy(void *work, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct copy *copy = work;
    const size_t part = COPY_BYTES / copy->threads;
    memcpy(copy->to + index * part, copy->from + index * part, part);
}

double ps_cpu_ceiling_copy(struct ps_pool *pool)
{
    struct copy copy = {malloc(COPY_BYTES), malloc(COPY_BYTES), ps_pool_threads(pool)};
    double rate = 0;
    if (copy.from && copy.to) {
        memset(copy.from, 1, COPY_BYTES);
        rate = 2.0 * COPY_BYTES / best_seconds(pool, run_copy, &copy);
    }
    free(copy.from);
    free(copy.to);
    return rate;
}
