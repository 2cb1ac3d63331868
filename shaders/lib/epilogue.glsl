/* What linear and conv do to a sum before it is stored: y = scale act(s + bias + vector) + residual. For a
 * shader that declares the operands x, weight, bias, vector, residual, y and `push` with n, vector_rows,
 * scale. */
#ifndef PS_EPILOGUE_GLSL
#define PS_EPILOGUE_GLSL

#extension GL_EXT_control_flow_attributes : require

#include "lib/activation.glsl"
#include "linear.h"

layout(constant_id = PS_LINEAR_SPEC_ACT) const uint ACT = PS_ACT_NONE;
layout(constant_id = PS_LINEAR_SPEC_BIAS) const uint BIAS = 0;
layout(constant_id = PS_LINEAR_SPEC_VECTOR) const uint VECTOR = 0;
layout(constant_id = PS_LINEAR_SPEC_RESIDUAL) const uint RESIDUAL = 0;

/* The row of y and of the residual that row m of the product is. */
uint out_row(uint m);

/* The bias of a column, 0 where there is none. */
float load_bias(uint column)
{
    return BIAS != 0 ? load(bias, min(column, push.n - 1)) : 0;
}

float vector_at(uint m, uint column)
{
    return VECTOR != 0 ? load(vector, m / push.vector_rows * push.n + column) : 0;
}

void store_scaled(float value, uint at)
{
    value *= push.scale;
    if (RESIDUAL != 0)
        value += load(residual, at);
    store(y, at, value);
}

/* Stores what comes of row m and the columns `column`, which is even, and `column` + 1, which may be the one
 * after the last. `biased` are their sums with the bias. */
void store_pair(uint m, uint column, vec2 biased)
{
    if (ACT == PS_ACT_GEGLU) {
        if (column < push.n) {
            biased += vec2(vector_at(m, column), vector_at(m, column + 1));
            store_scaled(biased.x * gelu(biased.y), out_row(m) * (push.n / 2) + column / 2);
        }
    } else {
        const uint at = out_row(m) * push.n + column;
        if (column < push.n)
            store_scaled(activation(ACT, biased.x + vector_at(m, column)), at);
        if (column + 1 < push.n)
            store_scaled(activation(ACT, biased.y + vector_at(m, column + 1)), at + 1);
    }
}

/* store_pair for four columns, of which the first is a multiple of four. Where n is one, so that every row of y begins at
 * one, they are loaded and stored together. */
void store_quad(uint m, uint column, vec4 biased)
{
    if (push.n % 4 != 0) {
        store_pair(m, column, biased.xy);
        store_pair(m, column + 2, biased.zw);
    } else if (column < push.n) {
        const uint at = out_row(m) * push.n + column;
        if (VECTOR != 0)
            biased += load4(vector, (m / push.vector_rows * push.n + column) / 4);
        if (ACT == PS_ACT_GEGLU) {
            vec2 value = push.scale * biased.xz * vec2(gelu(biased.y), gelu(biased.w));
            if (RESIDUAL != 0)
                value += load2(residual, at / 4);
            store2(y, at / 4, value);
        } else {
            [[unroll]] for (uint i = 0; i < 4; i++)
                biased[i] = activation(ACT, biased[i]);
            biased *= push.scale;
            if (RESIDUAL != 0)
                biased += load4(residual, at / 4);
            store4(y, at / 4, biased);
        }
    }
}

#endif
