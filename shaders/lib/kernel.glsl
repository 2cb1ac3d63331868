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
 * It is compiled twice: S is float, then float16_t; arithmetic is always float. load and store take an index in
 * elements, load4 and store4 one in groups of four elements and need an address that is a multiple of four elements:
 * an operand's is one where offset, pitch and channels are. Indices stay below 2^31 elements.
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
#define S4 f16vec4
#define PS_S_BYTES 2
#else
#define S float
#define S4 vec4
#define PS_S_BYTES 4
#endif
#define PS_S4_BYTES (4 * PS_S_BYTES)

layout(buffer_reference, std430, buffer_reference_align = PS_S_BYTES) readonly buffer ReadS { S at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S4_BYTES) readonly buffer ReadS4 { S4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S_BYTES) writeonly buffer WriteS { S at[]; };
layout(buffer_reference, std430, buffer_reference_align = PS_S4_BYTES) writeonly buffer WriteS4 { S4 at[]; };

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer ReadF { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ReadF4 { vec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer WriteF { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer WriteF4 { vec4 at[]; };

#define PS_PIECE uint first_x, first_y, first_z; /* work groups */
#define GROUP (gl_WorkGroupID + uvec3(first_x, first_y, first_z))
#define ITEM (GROUP * gl_WorkGroupSize + gl_LocalInvocationID)

float load(ReadS from, uint i)
{
    return float(from.at[i]);
}

vec4 load4(ReadS from, uint i)
{
    return vec4(ReadS4(from).at[i]);
}

void store(WriteS to, uint i, float value)
{
    to.at[i] = S(value);
}

void store4(WriteS to, uint i, vec4 value)
{
    WriteS4(to).at[i] = S4(value);
}

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
