#include "model/embedding.h"

#include <math.h>
#include <stddef.h>

#define LN_10000 9.2103403719761827

static float frequency(uint32_t k, uint32_t half)
{
    const float exponent = (float)-LN_10000 * (float)k / (float)half;
    return (float)exp((double)exponent);
}

static void fill_row(float value, uint32_t dim, float *row)
{
    const uint32_t half = dim / 2;
    for (uint32_t k = 0; k < half; k++) {
        const float angle = value * frequency(k, half);
        row[k] = (float)cos((double)angle);
        row[half + k] = (float)sin((double)angle);
    }
    if (dim % 2)
        row[dim - 1] = 0.0f;
}

void ps_sinusoids(const float *values, uint32_t count, uint32_t dim, float *out)
{
    for (uint32_t i = 0; i < count; i++)
        fill_row(values[i], dim, out + (size_t)i * dim);
}

void ps_frame_positions(uint32_t frames, uint32_t dim, float *out)
{
    for (uint32_t f = 0; f < frames; f++)
        fill_row((float)f, dim, out + (size_t)f * dim);
}
