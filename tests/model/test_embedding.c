#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/embedding.h"
#include "sample/golden.h"

static int open_goldens(void **state)
{
    *state = golden_open("blocks/sinusoids.safetensors");
    return 0;
}

static int close_goldens(void **state)
{
    struct ps_safetensors *file = *state;
    ps_safetensors_close(&file);
    return 0;
}

/* One unit in the last place of a frequency, and one of its product with the value. */
static float tolerance(float value)
{
    return (1.0f + 2.0f * fabsf(value)) * 0x1p-23f;
}

static void assert_near(const float *row, uint32_t at, float want, float value)
{
    if (!(fabsf(row[at] - want) <= tolerance(value)))
        fail_msg("embedding of %.9g at %u: expected %.9g, found %.9g", (double)value, at, (double)want,
                 (double)row[at]);
}

/* Timesteps(dim, flip_sin_to_cos=True, downscale_freq_shift=0) of times, added ids and frame numbers. */
static void diffusers_rows(void **state)
{
    const struct {
        const char *name;
        uint32_t dim, count;
    } cases[] = {
        {"timestep.320", 320, 5}, {"timestep.32", 32, 5}, {"added_id.256", 256, 6},
        {"added_id.32", 32, 6},   {"frame.320", 320, 25}, {"frame.64", 64, 14},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t dim = cases[i].dim, count = cases[i].count;
        float values[25], want[25 * 320], rows[25 * 320];
        assert_int_equal(golden_read(*state, values, 25, "%s.input", cases[i].name), count);
        assert_int_equal(golden_read(*state, want, 25 * 320, "%s.output", cases[i].name), count * dim);
        ps_sinusoids(values, count, dim, rows);
        for (uint32_t k = 0; k < count * dim; k++)
            assert_near(rows, k, want[k], values[k / dim]);
    }
}

/* get_timestep_embedding of diffusers 0.42.1, PyTorch 2.15.0: a width that is odd, and the largest motion
 * bucket. */
static void odd_width_and_large_value(void **state)
{
    (void)state;
    const struct {
        uint32_t at;
        float want;
    } odd[] = {{0, 0.2836622f}, {15, 0.999999583f}, {16, -0.958924294f}, {31, 0.000889139599f}, {32, 0.0f}},
      large[] = {{0, 0.400068194f},  {1, -0.997362435f},   {64, -0.6929515f},
                 {127, 0.99396354f}, {128, -0.916485369f}, {192, -0.720984221f}};
    float row[256];
    const float five = 5.0f, motion = 1023.0f;
    ps_sinusoids(&five, 1, 33, row);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_near(row, odd[i].at, odd[i].want, five);
    ps_sinusoids(&motion, 1, 256, row);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        assert_near(row, large[i].at, large[i].want, motion);
}

/* The definition in double precision, at every place. */
static void definition(void **state)
{
    (void)state;
    const float values[] = {0.0f, 1.0f, -1.5f, 119.0f, 1023.0f};
    const uint32_t dims[] = {2, 6, 32, 256, 1280};
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        float rows[5 * 1280];
        ps_sinusoids(values, 5, dims[d], rows);
        const uint32_t half = dims[d] / 2;
        for (size_t i = 0; i < 5; i++) {
            for (uint32_t k = 0; k < half; k++) {
                const double angle = (double)values[i] * pow(10000.0, -(double)k / half);
                /* The exponent too is rounded to float: one more unit per e-fold, of which there are up
                 * to 9.2. */
                const float wide = values[i] * 6.0f;
                assert_near(rows + i * dims[d], k, (float)cos(angle), wide);
                assert_near(rows + i * dims[d], half + k, (float)sin(angle), wide);
            }
        }
    }
}

static void frame_positions(void **state)
{
    (void)state;
    enum { FRAMES = 7, DIM = 36 };
    float rows[FRAMES * DIM], want[DIM];
    ps_frame_positions(FRAMES, DIM, rows);
    for (uint32_t f = 0; f < FRAMES; f++) {
        const float frame = (float)f;
        ps_sinusoids(&frame, 1, DIM, want);
        assert_memory_equal(rows + f * DIM, want, sizeof want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diffusers_rows),
        cmocka_unit_test(odd_width_and_large_value),
        cmocka_unit_test(definition),
        cmocka_unit_test(frame_positions),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
