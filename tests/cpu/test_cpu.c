/* What the kernel tests do not see: results on any number of threads, instruction sets asked for by name, the
 * pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "cpu/pool.h"
#include "ops/ops.h"
#include "run/plan.h"

#include "linear.h"

#define SPACE (64ull << 20)

static bool fill(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                 struct ps_error *error)
{
    (void)store, (void)error;
    const struct ps_tensor shape = ps_packed_shape(weight, type);
    for (uint64_t i = 0; i < ps_elements(shape); i++) {
        if (type == PS_F32)
            ((float *)to)[i] = (float)(i * 37 % 101) * 0.001f - 0.05f;
        else
            ((uint16_t *)to)[i] = (uint16_t)(0x3c00u + i * 37 % 101);
    }
    return true;
}

static struct ps_tensor input(struct ps_run *run, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    const struct ps_tensor t = ps_new(run, run->type, n, h, w, c);
    float *values = malloc(ps_elements(t) * sizeof *values);
    assert_non_null(values);
    for (uint64_t i = 0; i < ps_elements(t); i++)
        values[i] = (float)(i * 7919 % 1009) * 0.002f - 1;
    ps_upload_floats(run, t, values);
    free(values);
    return t;
}

/* A chain of every kind of kernel; its result in `to`, which has room for `count` floats. */
static void chain(const char *isa, uint32_t threads, enum ps_type type, float *to, uint64_t count)
{
    struct ps_error error = {0};
    struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){.threads = threads, .isa = isa}, &error);
    assert_non_null(cpu);
    assert_int_equal(ps_cpu_threads(cpu), threads);
    const uint64_t bytes = SPACE;
    assert_true(cpu->ops->reserve_staging(cpu, bytes, &error));
    assert_true(cpu->ops->reserve(cpu, PS_SCRATCH, &bytes, 1, &error));
    assert_true(cpu->ops->reserve(cpu, PS_WEIGHTS, &bytes, 1, &error));
    const struct ps_weight conv = {.pack = PS_PACK_MATRIX, .taps = 9, .rows = 64, .columns = 96, .index = 0};
    const struct ps_weight qkv = {.pack = PS_PACK_MATRIX, .taps = 1, .rows = 96, .columns = 288, .index = 1};
    const struct ps_weight gate = {
        .pack = PS_PACK_MATRIX, .taps = 1, .rows = 96, .columns = 128, .interleave = true, .index = 2};
    const struct ps_weight vector = {.taps = 1, .rows = 1, .columns = 96, .index = 3};
    const struct ps_store store = {.fill = fill};
    struct ps_run run;
    ps_run_begin(&run, cpu, type, &error);
    run.store = &store;
    run.ring_bytes = SPACE;
    struct ps_tensor x = input(&run, 3, 13, 11, 64);
    const struct ps_window window = {
        .kernel_h = 3, .kernel_w = 3, .wide_h = 20, .wide_w = 20, .pad_top = 1, .pad_left = 1};
    x = ps_conv(&run, x, (struct ps_layer){&conv, &vector}, &window, NULL);
    x = ps_group_norm(&run, x, 32, (struct ps_norm){{&vector, &vector}, 1e-5f}, PS_SILU);
    x = ps_self_attention(&run, ps_linear(&run, x, (struct ps_layer){&qkv, NULL}, NULL), 3, PS_SPACE);
    x = ps_layer_norm(&run, x, (struct ps_norm){{&vector, &vector}, 1e-5f});
    x = ps_linear(&run, x, (struct ps_layer){&gate, NULL}, &(struct ps_epilogue){.act = PS_GEGLU});
    x = ps_concat(&run, x, x);
    assert_int_equal(ps_elements(x), count);
    ps_download_floats(&run, x, to);
    assert_true(ps_run_ok(&run));
    ps_run_end(&run);
    cpu->ops->close(cpu);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {"avx2", "avx512", "avx512_bf16", "amx"};
    enum { COUNT = 3 * 20 * 20 * 128 };
    float *one = malloc(COUNT * sizeof *one), *many = malloc(COUNT * sizeof *many);
    assert_non_null(one);
    assert_non_null(many);
    for (int i = 0; i < 4; i++) {
        struct ps_error error = {0};
        struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){.threads = 1, .isa = sets[i]}, &error);
        if (!cpu) {
            assert_int_equal(error.status, PS_ERR_DEVICE);
            assert_string_equal(error.id, "cpu.isa");
            continue;
        }
        assert_string_equal(ps_cpu_isa(cpu), sets[i]);
        cpu->ops->close(cpu);
        for (enum ps_type type = PS_F32; type < PS_TYPES; type++) {
            chain(sets[i], 1, type, one, COUNT);
            for (uint32_t threads = 2; threads <= 5; threads += 3) {
                chain(sets[i], threads, type, many, COUNT);
                assert_memory_equal(one, many, COUNT * sizeof *one);
            }
        }
    }
    free(one);
    free(many);
}

static void refuses_unknown_sets(void **state)
{
    (void)state;
    struct ps_error error = {0};
    assert_null(ps_cpu_open(&(struct ps_cpu_params){.isa = "sse9"}, &error));
    assert_int_equal(error.status, PS_ERR_USAGE);
    assert_non_null(strstr(error.message, "sse9"));
}

/* A matrix larger than the staging memory is refused, not written past its end. */
static void refuses_large_matrices(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){0}, &error);
    assert_non_null(cpu);
    const uint64_t bytes = 4096;
    assert_true(cpu->ops->reserve_staging(cpu, bytes, &error));
    assert_true(cpu->ops->reserve(cpu, PS_WEIGHTS, &(uint64_t){1 << 20}, 1, &error));
    assert_int_equal(cpu->allocated_bytes, (1 << 20) + 4096);
    const struct ps_weight weight = {.pack = PS_PACK_MATRIX, .taps = 1, .rows = 64, .columns = 64};
    assert_null(cpu->ops->upload_begin(cpu, ps_packed_shape(&weight, PS_F32), &error));
    assert_string_equal(error.id, "memory.staging");
    assert_true(cpu->ops->reserve(cpu, PS_WEIGHTS, NULL, 0, &(struct ps_error){0}));
    assert_int_equal(cpu->allocated_bytes, 4096);
    assert_int_equal(cpu->peak_bytes, (1 << 20) + 4096);
    cpu->ops->close(cpu);
}

/* A launch runs in as much staging memory as its plan says, and is refused, not run, in less. */
static void launches_take_what_is_planned(void **state)
{
    (void)state;
    static const char *const sets[] = {"avx2", "avx512", "avx512_bf16", "amx"};
    enum { ROWS = 300, COLUMNS = 160 };
    const uint64_t bytes = 1 << 20;
    const struct ps_weight weight = {.pack = PS_PACK_MATRIX, .taps = 1, .rows = 30, .columns = COLUMNS};
    const struct ps_tensor packed = ps_packed_shape(&weight, PS_F32);
    for (int i = 0; i < 4; i++) {
        struct ps_error error = {0};
        struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){.threads = 3, .isa = sets[i]}, &error);
        if (!cpu)
            continue;
        struct ps_backend plan = ps_plan_backend(cpu);
        struct ps_launch launch = {
            .kernel = PS_KERNEL_linear,
            .type = PS_F32,
            .operands = {[0] = {.type = PS_F32, .n = 1, .h = 1, .w = ROWS, .c = 30, .pitch = ROWS * 30},
                         [1] = packed,
                         [5] = {.type = PS_F32,
                                .n = 1,
                                .h = 1,
                                .w = ROWS,
                                .c = COLUMNS,
                                .pitch = ROWS * COLUMNS,
                                .offset = 1 << 19}}};
        const struct ps_linear_push push = {
            .m = ROWS, .k = 30, .n = COLUMNS, .vector_rows = ROWS, .scale = 1};
        memcpy(launch.push, &push, sizeof push);
        assert_true(plan.ops->launch(&plan, &launch, &error));
        assert_true(plan.launch_bytes > 0);
        assert_int_equal(plan.launch_bytes % 3, 0);
        assert_true(cpu->ops->reserve(cpu, PS_SCRATCH, &bytes, 1, &error));
        assert_true(cpu->ops->reserve(cpu, PS_WEIGHTS, &bytes, 1, &error));
        assert_true(cpu->ops->reserve_staging(cpu, plan.launch_bytes, &error));
        assert_true(cpu->ops->launch(cpu, &launch, &error));
        assert_int_equal(cpu->peak_bytes, 2 * bytes + plan.launch_bytes);
        assert_true(cpu->ops->reserve_staging(cpu, plan.launch_bytes - 1, &error));
        assert_false(cpu->ops->launch(cpu, &launch, &error));
        assert_string_equal(error.id, "memory.staging");
        cpu->ops->close(cpu);
    }
}

static void count_task(void *work, uint32_t index, void *scratch)
{
    atomic_uint *counts = work;
    ((uint32_t *)scratch)[0] = index;
    atomic_fetch_add(&counts[index], 1);
}

/* Every task runs once, in many pieces of work one after the other. */
static void pool_runs_every_task_once(void **state)
{
    (void)state;
    enum { TASKS = 100, ROUNDS = 300 };
    atomic_uint counts[TASKS];
    static _Alignas(64) char memory[4 * 128];
    for (uint32_t threads = 1; threads <= 4; threads++) {
        struct ps_pool *pool = ps_pool_open(threads);
        assert_non_null(pool);
        assert_false(ps_pool_scratch(pool, 100));
        assert_int_equal(ps_pool_wanted(pool), threads * 128);
        ps_pool_lend(pool, memory, threads * 128 - 1);
        assert_false(ps_pool_scratch(pool, 100));
        ps_pool_lend(pool, memory, threads * 128);
        assert_true(ps_pool_scratch(pool, 100));
        for (int i = 0; i < TASKS; i++)
            atomic_init(&counts[i], 0);
        for (uint32_t round = 0; round < ROUNDS; round++)
            ps_pool_run(pool, count_task, counts, round % (TASKS + 1));
        for (uint32_t i = 0; i < TASKS; i++) {
            uint32_t expected = 0;
            for (uint32_t round = 0; round < ROUNDS; round++)
                expected += i < round % (TASKS + 1);
            assert_int_equal(atomic_load(&counts[i]), expected);
        }
        ps_pool_close(pool);
    }
}

/* Pools that are closed at once after work, when workers may not have woken. */
static void pools_close_at_any_time(void **state)
{
    (void)state;
    static _Alignas(64) char memory[4 * 64];
    atomic_uint counts[8];
    for (int i = 0; i < 8; i++)
        atomic_init(&counts[i], 0);
    for (uint32_t round = 0; round < 400; round++) {
        struct ps_pool *pool = ps_pool_open(1 + round % 4);
        assert_non_null(pool);
        ps_pool_lend(pool, memory, sizeof memory);
        for (uint32_t i = 0; i < round % 5; i++)
            ps_pool_run(pool, count_task, counts, 8);
        ps_pool_close(pool);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(atomic_load(&counts[i]), 400 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),    cmocka_unit_test(refuses_unknown_sets),
        cmocka_unit_test(refuses_large_matrices),    cmocka_unit_test(launches_take_what_is_planned),
        cmocka_unit_test(pool_runs_every_task_once), cmocka_unit_test(pools_close_at_any_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
