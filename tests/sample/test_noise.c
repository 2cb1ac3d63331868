#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "sample/golden.h"
#include "sample/noise.h"

/* Seeds whose names in the goldens are their decimal numbers. */
static const uint64_t seeds[] = {0, 42, (UINT64_C(1) << 32) + 5};
#define SEEDS (sizeof seeds / sizeof *seeds)

static int open_goldens(void **state)
{
    *state = golden_open("random.safetensors");
    return 0;
}

static int close_goldens(void **state)
{
    struct ps_safetensors *file = *state;
    ps_safetensors_close(&file);
    return 0;
}

/* Bit for bit. A golden shorter than the tensor holds as many of its first as of its last elements. */
static void assert_golden(const struct ps_safetensors *file, const char *name, const float *values,
                          size_t count)
{
    float want[1024];
    const size_t stored = golden_read(file, want, sizeof want / sizeof *want, "%s", name);
    if (stored == count) {
        assert_memory_equal(values, want, count * sizeof *values);
        return;
    }
    assert_true(stored < count);
    const size_t end = stored / 2;
    assert_memory_equal(values, want, end * sizeof *values);
    assert_memory_equal(values + count - end, want + end, end * sizeof *values);
}

static void one_draw(void **state)
{
    const size_t sizes[] = {1, 7, 15, 16, 17, 100, 1000};
    for (size_t s = 0; s < SEEDS; s++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            float values[1000];
            struct ps_torch_rng rng;
            ps_torch_seed(&rng, seeds[s]);
            ps_torch_normals(&rng, values, sizes[i]);
            char name[64];
            snprintf(name, sizeof name, "randn.%llu.%zu", (unsigned long long)seeds[s], sizes[i]);
            assert_golden(*state, name, values, sizes[i]);
        }
    }
}

/* Small draws leave half a pair behind that a later small draw takes up, whatever large draws lie between. */
static void several_draws(void **state)
{
    const size_t sizes[] = {1, 16, 3, 40, 2, 17, 15};
    for (size_t s = 0; s < SEEDS; s++) {
        struct ps_torch_rng rng;
        ps_torch_seed(&rng, seeds[s]);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            float values[40];
            ps_torch_normals(&rng, values, sizes[i]);
            char name[64];
            snprintf(name, sizeof name, "sequence.%llu.%zu.%zu", (unsigned long long)seeds[s], i, sizes[i]);
            assert_golden(*state, name, values, sizes[i]);
        }
    }
}

static void assert_pair(const struct ps_safetensors *file, uint64_t seed, const char *first,
                        size_t first_count, const char *second, size_t second_count)
{
    float *const a = malloc(first_count * sizeof *a);
    float *const b = malloc(second_count * sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    ps_draw_noise(PS_RNG_TORCH_CPU, seed, a, first_count, b, second_count);
    char name[64];
    snprintf(name, sizeof name, first, (unsigned long long)seed);
    assert_golden(file, name, a, first_count);
    snprintf(name, sizeof name, second, (unsigned long long)seed);
    assert_golden(file, name, b, second_count);
    free(a);
    free(b);
}

static void diffusers_order(void **state)
{
    for (size_t s = 0; s < SEEDS; s++) {
        const size_t image = 3 * 48 * 64, latents = 3 * 4 * 6 * 8;
        assert_pair(*state, seeds[s], "pipeline.%llu.image", image, "pipeline.%llu.latents", latents);
        assert_pair(*state, seeds[s], "odd.%llu.first", 3 * 7 * 11, "odd.%llu.second", 5 * 4 * 3 * 5);
    }
}

static void philox_streams(void **state)
{
    (void)state;
    float image[10], latents[10], want[10];
    ps_draw_noise(PS_RNG_PHILOX, 9, image, 10, latents, 10);
    ps_philox_normals(9, 0, 0, want, 10);
    assert_memory_equal(image, want, sizeof want);
    ps_philox_normals(9, 1, 0, want, 10);
    assert_memory_equal(latents, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_draw),
        cmocka_unit_test(several_draws),
        cmocka_unit_test(diffusers_order),
        cmocka_unit_test(philox_streams),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
