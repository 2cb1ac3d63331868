#include "base/suite.h"

#include <math.h>

#include "base/half.h"

#define HALF_INFINITY 0x7c00u

static void known_values(void **state)
{
    (void)state;
    const struct {
        uint16_t half;
        float value;
    } cases[] = {{0x0000, 0.0f},     {0x3c00, 1.0f},     {0xc000, -2.0f},         {0x7bff, 65504.0f},
                 {0x0400, 0x1p-14f}, {0x0001, 0x1p-24f}, {0x83ff, -0x1.ff8p-15f}, {0x3555, 0x1.554p-2f},
                 {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ps_bits_from_float(ps_float_from_half(cases[i].half)),
                         ps_bits_from_float(cases[i].value));
        assert_int_equal(ps_half_from_float(cases[i].value), cases[i].half);
    }
    assert_int_equal(ps_bits_from_float(ps_float_from_half(0x8000)), 0x80000000u);
}

static void every_half_survives(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        const float value = ps_float_from_half((uint16_t)half);
        if ((half & 0x7fff) > HALF_INFINITY) {
            assert_true(isnan(value));
            assert_true(isnan(ps_float_from_half(ps_half_from_float(value))));
        } else {
            assert_int_equal(ps_half_from_float(value), half);
        }
    }
}

/* Between two neighbours the nearer one wins, and halfway the even one. Past 65504 the next would be 65536.
 */
static void rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t low = 0; low < HALF_INFINITY; low++) {
        const uint32_t high = low + 1;
        const float below = ps_float_from_half((uint16_t)low);
        const float above = high == HALF_INFINITY ? 65536.0f : ps_float_from_half((uint16_t)high);
        const float middle = (below + above) * 0.5f;
        assert_true(below < above);
        for (uint32_t sign = 0; sign < 2; sign++) {
            const float s = sign ? -1.0f : 1.0f;
            const uint32_t bit = sign << 15;
            assert_int_equal(ps_half_from_float(s * middle), bit | (low % 2 ? high : low));
            assert_int_equal(ps_half_from_float(s * nextafterf(middle, 0.0f)), bit | low);
            assert_int_equal(ps_half_from_float(s * nextafterf(middle, INFINITY)), bit | high);
        }
    }
    assert_int_equal(ps_half_from_float(0x1p-149f), 0);
    assert_int_equal(ps_half_from_float(3.4e38f), HALF_INFINITY);
}

static void bf16_is_the_upper_half(void **state)
{
    (void)state;
    assert_true(ps_float_from_bf16(0x3f80) == 1.0f);
    assert_true(ps_float_from_bf16(0xc049) == -3.140625f);
    assert_true(isinf(ps_float_from_bf16(0x7f80)));
    assert_true(isnan(ps_float_from_bf16(0x7fc0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(every_half_survives),
        cmocka_unit_test(rounds_to_nearest_even),
        cmocka_unit_test(bf16_is_the_upper_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
