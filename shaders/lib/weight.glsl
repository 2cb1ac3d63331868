/* The packed weight of linear and conv. Stored in whole numbers (PS_Q8) it is a float32 scale for each column, padding
 * included, then quads of signed bytes: products are summed with the whole numbers, which every type of the arithmetic
 * holds exactly, and sums are scaled once, before the bias. For a shader that declares `weight` and `push` with n. */
#ifndef PS_WEIGHT_GLSL
#define PS_WEIGHT_GLSL

#include "lib/quad.glsl"
#include "linear.h"

layout(constant_id = PS_LINEAR_SPEC_Q8) const uint Q8 = 0;

/* The columns of a quad in memory. */
uint padded_columns()
{
    return (push.n + 7) / 8 * 8;
}

/* Four numbers of -127 to 127 from the bytes of a word. */
vec4 whole_numbers(uint word)
{
    const int bits = int(word);
    return vec4(bitfieldExtract(bits, 0, 8), bitfieldExtract(bits, 8, 8), bitfieldExtract(bits, 16, 8),
                bitfieldExtract(bits, 24, 8));
}

/* Quad i of the matrix as a word of whole numbers. */
uint load_whole_word(ReadS from, uint i)
{
    return ReadWords(from).at[padded_columns() + i];
}

/* Four input channels of one column, to be scaled by weight_scale: quad i of the matrix, that is (tap * quads + quad) *
 * padded_columns() + column. */
vec4 load_weight_quad(ReadS from, uint i)
{
    vec4 value;
    if (Q8 != 0)
        value = whole_numbers(load_whole_word(from, i));
    else
        value = load_aligned_quad(from, i);
    return value;
}

/* What a column's sum is multiplied by. */
float weight_scale(ReadS from, uint column)
{
    return Q8 != 0 ? uintBitsToFloat(ReadWords(from).at[min(column, padded_columns() - 1)]) : 1;
}

#endif
