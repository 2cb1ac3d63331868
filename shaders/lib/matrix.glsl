/* What matrix units multiply: elements of 16 bits, as they are stored. For a shader of float16 or bfloat16 storage. */
#ifndef PS_MATRIX_GLSL
#define PS_MATRIX_GLSL

#extension GL_KHR_cooperative_matrix : require
#if PS_F16
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define Element float16_t
#define Quad f16vec4
#else
#extension GL_EXT_bfloat16 : require
#define Element bfloat16_t
#define Quad uvec2
#endif

/* Four elements in shared memory, from their two words and from their values. */
Quad quad_of(uvec2 words)
{
#if PS_F16
    return Quad(unpackFloat2x16(words.x), unpackFloat2x16(words.y));
#else
    return words;
#endif
}

Quad quad_of(vec4 values)
{
#if PS_F16
    return Quad(values);
#else
    return Quad(word_of(values.xy), word_of(values.zw));
#endif
}

#endif
