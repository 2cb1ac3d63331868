/* What linear and conv do to a sum before it is stored: y = scale act(s + bias + vector) + residual. For a shader that
 * declares the operands x, weight, bias, vector, residual, y and `push` with n, vector_rows, scale. */
#ifndef PS_EPILOGUE_GLSL
#define PS_EPILOGUE_GLSL

#include "lib/activation.glsl"
#include "linear.h"

layout(constant_id = PS_LINEAR_SPEC_ACT) const uint ACT = PS_ACT_NONE;
layout(constant_id = PS_LINEAR_SPEC_BIAS) const uint BIAS = 0;
layout(constant_id = PS_LINEAR_SPEC_VECTOR) const uint VECTOR = 0;
layout(constant_id = PS_LINEAR_SPEC_RESIDUAL) const uint RESIDUAL = 0;

/* The sum of row m and a column, with what is added before the activation. */
float shifted(float sum, uint m, uint column)
{
    if (BIAS != 0)
        sum += load(bias, column);
    if (VECTOR != 0)
        sum += load(vector, m / push.vector_rows * push.n + column);
    return sum;
}

void store_scaled(float value, uint at)
{
    value *= push.scale;
    if (RESIDUAL != 0)
        value += load(residual, at);
    store(y, at, value);
}

/* Stores what comes of the sums of row m and the columns `column`, which is even, and `column` + 1, which may be the one
 * after the last. */
void store_pair(uint m, uint column, float even, float odd)
{
    if (column >= push.n)
        return;
    even = shifted(even, m, column);
    if (ACT == PS_ACT_GEGLU) {
        store_scaled(even * gelu(shifted(odd, m, column + 1)), m * (push.n / 2) + column / 2);
        return;
    }
    store_scaled(activation(ACT, even), m * push.n + column);
    if (column + 1 < push.n)
        store_scaled(activation(ACT, shifted(odd, m, column + 1)), m * push.n + column + 1);
}

#endif
