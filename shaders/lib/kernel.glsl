/* What every kernel starts with. A kernel NAME.comp is
 *
 *     #version 460
 *     #include "lib/kernel.glsl"
 *     #include "NAME.h"
 *     layout(local_size_x = 64) in;
 *     layout(constant_id = PS_NAME_SPEC_ACT) const uint ACT = 0;
 *     layout(push_constant) uniform Arguments {
 *         ReadS x;               // the operands in the row's order; S: ReadS or WriteS, F: ReadF or WriteF;
 *         ReadF stats;           // one that is absent is null and must not be touched
 *         WriteS y;
 *         ps_NAME_push push;     // after them the push constants of NAME.h,
 *         PS_PIECE               // and last where this piece of the launch begins
 *     };
 *     void main() { const uint i = ITEM.x; ... store(y, i, load(x, i) * load_f32(stats, j)); }
 *
 * It is compiled three times: S is float, float16_t, then the 16-bit word of a bfloat16; arithmetic is always float, so
 * elements come and go by load and store alone. These take an index in elements, load2, load4, store2 and store4 one in
 * groups of two or four elements and need an address that is a multiple of so many elements: an operand's is one where
 * offset, pitch and channels are. Indices stay below 2^31 elements.
 *
 * A work group is a row of 64 invocations or a multiple, at most 256: so subgroups divide it evenly, and their operations
 * of lib/cluster.glsl may rely on full ones.
 *
 * NAME.h says in PS_GROUP_NAME_X, _Y and _Z how many of the launch's items one work group covers. The interpreter
 * dispatches ceil(items / group) groups, in pieces where a launch is long or exceeds the device's limits. So a kernel
 * takes its place from GROUP (the work group) or ITEM (the invocation), which count through the whole launch, and never
 * from gl_WorkGroupID, gl_GlobalInvocationID or gl_NumWorkGroups; and it checks its bounds against the push constants. */
#ifndef PS_KERNEL_GLSL
#define PS_KERNEL_GLSL

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_16bit_storage : require

#include "lib/shared.h"

#if PS_F16
#define S float16_t
#define S2 f16vec2
#define S4 f16vec4
#define PS_S_BYTES 2
#elif PS_BF16
#define S uint16_t
#define S2 u16vec2
#define S4 u16vec4
#define PS_S_BYTES 2
#else
#define S float
#define S2 vec2
#define S4 vec4
#define PS_S_BYTES 4
#endif
#define PS_S2_BYTES (2 * PS_S_BYTES)
#define PS_S4_BYTES (4 * PS_S_BYTES)

layout(buffer_reference, std430, buffer_reference_align = PS_S_BYTES) readonly buffer ReadS { S at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S2_BYTES) readonly buffer ReadS2 { S2 at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S4_BYTES) readonly buffer ReadS4 { S4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S_BYTES) writeonly buffer WriteS { S at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S2_BYTES) writeonly buffer WriteS2 { S2 at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S4_BYTES) writeonly buffer WriteS4 { S4 at[]; };

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer ReadF { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ReadF4 { vec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer WriteF { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer WriteF4 { vec4 at[]; };

#define PS_PIECE uint first_x, first_y, first_z; /* work groups */
#define GROUP (gl_WorkGroupID + uvec3(first_x, first_y, first_z))
#define ITEM (GROUP * gl_WorkGroupSize + gl_LocalInvocationID)

#if PS_BF16
/* The upper halves of the nearest floats that end there, the even one of two as near; of a NaN its own, made one that
 * does not end with the lower half. */
uvec4 bfloats_of(vec4 value)
{
    const uvec4 bits = floatBitsToUint(value);
    const bvec4 no_number = greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u));
    return mix(bits + 0x7fffu + (bits >> 16 & 1u), bits | 0x400000u, no_number) >> 16;
}

#define FLOAT_OF(stored) uintBitsToFloat(uint(stored) << 16)
#define VEC2_OF(stored) uintBitsToFloat(uvec2(stored) << 16)
#define VEC4_OF(stored) uintBitsToFloat(uvec4(stored) << 16)
#define S_OF(value) S(bfloats_of(vec4(value)).x)
#define S2_OF(value) S2(bfloats_of((value).xyxy).xy)
#define S4_OF(value) S4(bfloats_of(value))
#else
#define FLOAT_OF(stored) float(stored)
#define VEC2_OF(stored) vec2(stored)
#define VEC4_OF(stored) vec4(stored)
#define S_OF(value) S(value)
#define S2_OF(value) S2(value)
#define S4_OF(value) S4(value)
#endif

float load(ReadS from, uint i)
{
    return FLOAT_OF(from.at[i]);
}

vec2 load2(ReadS from, uint i)
{
    return VEC2_OF(ReadS2(from).at[i]);
}

vec4 load4(ReadS from, uint i)
{
    return VEC4_OF(ReadS4(from).at[i]);
}

void store(WriteS to, uint i, float value)
{
    to.at[i] = S_OF(value);
}

void store2(WriteS to, uint i, vec2 value)
{
    WriteS2(to).at[i] = S2_OF(value);
}

void store4(WriteS to, uint i, vec4 value)
{
    WriteS4(to).at[i] = S4_OF(value);
}

#if PS_S_BYTES == 2
/* The two elements that a word holds, and the word of two. */
vec2 pair_of(uint word)
{
#if PS_F16
    return unpackHalf2x16(word);
#else
    return uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u));
#endif
}

uint word_of(vec2 pair)
{
#if PS_F16
    return packHalf2x16(pair);
#else
    const uvec4 bfloats = bfloats_of(pair.xyxy);
    return bfloats.x | bfloats.y << 16;
#endif
}
#endif

float load_f32(ReadF from, uint i)
{
    return from.at[i];
}

vec4 load4_f32(ReadF from, uint i)
{
    return ReadF4(from).at[i];
}

void store_f32(WriteF to, uint i, float value)
{
    to.at[i] = value;
}

void store4_f32(WriteF to, uint i, vec4 value)
{
    WriteF4(to).at[i] = value;
}

#endif
