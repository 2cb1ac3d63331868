#include "base/suite.h"

#include "base/checked.h"

static void products_and_sums(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(ps_mul_u64(UINT32_MAX, UINT32_MAX, &out));
    assert_true(out == 0xfffffffe00000001u);
    assert_true(ps_mul_u64(UINT64_MAX, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(ps_mul_u64(UINT64_MAX, 0, &out));
    assert_true(out == 0);
    assert_false(ps_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    assert_false(ps_mul_u64(UINT64_MAX, 2, &out));
    assert_true(ps_add_u64(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_false(ps_add_u64(UINT64_MAX, 1, &out));
}

static void rounding_up(void **state)
{
    (void)state;
    assert_true(ps_align_up(0, 256) == 0);
    assert_true(ps_align_up(1, 256) == 256);
    assert_true(ps_align_up(256, 256) == 256);
    assert_true(ps_align_up(257, 256) == 512);
    assert_true(ps_align_up((UINT64_C(1) << 40) + 1, 1) == (UINT64_C(1) << 40) + 1);
    assert_int_equal(ps_div_up(0, 7), 0);
    assert_int_equal(ps_div_up(7, 7), 1);
    assert_int_equal(ps_div_up(8, 7), 2);
    assert_int_equal(ps_div_up(UINT32_MAX, 2), 0x80000000u);
}

static void extremes(void **state)
{
    (void)state;
    assert_true(ps_min_u64(3, UINT64_MAX) == 3);
    assert_true(ps_max_u64(3, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_sums),
        cmocka_unit_test(rounding_up),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
