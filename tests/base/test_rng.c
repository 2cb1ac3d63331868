#include "base/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"

/* Random123's published vectors for philox4x32 with 10 rounds (kat_vectors). */
static void philox_vectors(void **state)
{
    (void)state;
    const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        ps_philox_block(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

/* Computed from rng.h's definition with 120-bit arithmetic (Python, mpmath), then rounded to float. */
static void philox_pinned(void **state)
{
    (void)state;
    const struct {
        uint64_t seed;
        uint32_t stream;
        uint64_t first;
        float values[4];
    } cases[] = {
        {0, 0, 0, {0x1.fb7666p-1f, -0x1.d96d6p-1f, -0x1.3c373ep-1f, -0x1.eda364p-2f}},
        {0, 0, (UINT64_C(1) << 34) - 2, {0x1.2e9b16p+0f, 0x1.fc4892p+0f, 0x1.22e8f8p+0f, -0x1.5a0d56p-1f}},
        {42, 1, 4, {0x1.02ba96p+1f, -0x1.bb413cp-4f, 0x1.4a5bf4p-2f, 0x1.0c3bc8p+1f}},
        {42, 1, (UINT64_C(1) << 34) - 2, {0x1.d68e6p-1f, 0x1.cb7bfcp-1f, 0x1.0e4fe6p-2f, -0x1.ba1296p+0f}},
        {(UINT64_C(1) << 32) + 5, 2, 0, {-0x1.7edf1ap-1f, 0x1.16c3b4p-2f, -0x1.54d478p-5f, -0x1.64d79cp-1f}},
        {(UINT64_C(1) << 32) + 5, 2, 4, {-0x1.ff163cp-4f, 0x1.a3e1cep-5f, -0x1.fba7e8p-2f, 0x1.b3d4d8p-1f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float out[4];
        ps_philox_normals(cases[i].seed, cases[i].stream, cases[i].first, out, 4);
        assert_memory_equal(out, cases[i].values, sizeof out);
    }
}

/* The same noise however it is cut. */
static void philox_in_pieces(void **state)
{
    (void)state;
    enum { COUNT = 211 };
    float whole[COUNT], piece[COUNT + 1];
    ps_philox_normals(7, 1, 3, whole, COUNT);
    for (size_t size = 1; size < 12; size++) {
        for (size_t at = 0; at < COUNT; at += size) {
            const size_t take = COUNT - at < size ? COUNT - at : size;
            piece[at + take] = 99.0f;
            ps_philox_normals(7, 1, 3 + at, piece + at, take);
            assert_true(piece[at + take] == 99.0f);
        }
        assert_memory_equal(whole, piece, sizeof whole);
    }
}

/* Moments within five standard errors of a unit normal's, and neighbours uncorrelated, within and across
 * streams. */
static void philox_is_normal(void **state)
{
    (void)state;
    const size_t count = 1000000;
    float *const a = malloc(count * sizeof *a);
    float *const b = malloc(count * sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    ps_philox_normals(1, 0, 0, a, count);
    ps_philox_normals(1, 1, 0, b, count);
    double mean = 0, square = 0, cube = 0, fourth = 0, lag1 = 0, lag2 = 0, across = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = (double)a[i];
        mean += x;
        square += x * x;
        cube += x * x * x;
        fourth += x * x * x * x;
        lag1 += x * (double)a[(i + 1) % count];
        lag2 += x * (double)a[(i + 2) % count];
        across += x * (double)b[i];
    }
    const double n = (double)count;
    const double limit = 5.0 / sqrt(n);
    assert_true(fabs(mean / n) < limit);
    assert_true(fabs(square / n - 1.0) < limit * sqrt(2.0));
    assert_true(fabs(cube / n) < limit * sqrt(15.0));
    assert_true(fabs(fourth / n - 3.0) < limit * sqrt(96.0));
    assert_true(fabs(lag1 / n) < limit);
    assert_true(fabs(lag2 / n) < limit);
    assert_true(fabs(across / n) < limit);
    free(a);
    free(b);
}

/* FNV-1a over the words of the bits. */
static uint64_t hash_of(const float *values, size_t count)
{
    uint64_t hash = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ps_bits_from_float(values[i])) * UINT64_C(1099511628211);
    return hash;
}

/* Every bit of a million values, from the definition with 100-bit arithmetic (mpmath): all are correctly
 * rounded. */
static void philox_hash(void **state)
{
    (void)state;
    const size_t count = 1000000;
    float *const values = malloc(count * sizeof *values);
    assert_non_null(values);
    ps_philox_normals(42, 1, 0, values, count);
    assert_true(hash_of(values, count) == UINT64_C(0xc8a94e1dccd24efb));
    free(values);
}

/* Every bit of torch.randn(999999, generator=Generator().manual_seed(42)) by PyTorch 2.15.0 on x86-64 with
 * AVX-512. */
static void torch_hash(void **state)
{
    (void)state;
    const size_t count = 999999;
    float *const values = malloc(count * sizeof *values);
    assert_non_null(values);
    struct ps_torch_rng rng;
    ps_torch_seed(&rng, 42);
    ps_torch_normals(&rng, values, count);
    assert_true(hash_of(values, count) == UINT64_C(0xf9247736f0bee435));
    free(values);
}

static void torch_takes_the_low_half_of_a_seed(void **state)
{
    (void)state;
    struct ps_torch_rng low, high;
    float a[20], b[20];
    ps_torch_seed(&low, 5);
    ps_torch_seed(&high, (UINT64_C(7) << 32) + 5);
    ps_torch_normals(&low, a, 20);
    ps_torch_normals(&high, b, 20);
    assert_memory_equal(a, b, sizeof a);
}

static void torch_draws_nothing(void **state)
{
    (void)state;
    struct ps_torch_rng rng;
    ps_torch_seed(&rng, 1);
    struct ps_torch_rng before;
    memcpy(&before, &rng, sizeof rng);
    ps_torch_normals(&rng, NULL, 0);
    assert_memory_equal(&before, &rng, sizeof rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_vectors),
        cmocka_unit_test(philox_pinned),
        cmocka_unit_test(philox_in_pieces),
        cmocka_unit_test(philox_is_normal),
        cmocka_unit_test(philox_hash),
        cmocka_unit_test(torch_hash),
        cmocka_unit_test(torch_takes_the_low_half_of_a_seed),
        cmocka_unit_test(torch_draws_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
