#version 460
#include "lib/kernel.glsl"
#include "layer_norm.h"
#extension GL_EXT_control_flow_attributes : require

/* LANES lanes side by side hold a row in registers, UNITS units each. The loops over them must be unrolled: in
 * lavapipe of Mesa 22.3 the invocations of a work group share the memory of an array that is indexed by a variable,
 * where a barrier divides its uses. */
layout(local_size_x = PS_GROUP_layer_norm_X) in;
layout(constant_id = PS_LAYER_NORM_SPEC_WIDTH) const uint WIDTH = 1;
layout(constant_id = PS_LAYER_NORM_SPEC_LANES) const uint LANES = 1;
layout(constant_id = PS_LAYER_NORM_SPEC_UNITS) const uint UNITS = 1;
layout(constant_id = PS_LAYER_NORM_SPEC_VECTOR) const uint VECTOR = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS gain;
    ReadS bias;
    ReadS vector;
    WriteS y;
    ps_layer_norm_push push;
    PS_PIECE
};

#include "lib/width.glsl"

shared float sums[PS_GROUP_layer_norm_X], squares[PS_GROUP_layer_norm_X];

float across(vec4 v)
{
    return WIDTH == 4 ? (v.x + v.y) + (v.z + v.w) : v.x;
}

void main()
{
    const uint lane = ITEM.x % LANES, row = ITEM.x / LANES, units = push.c / WIDTH;
    const uint base = min(row, push.rows - 1) * units;
    const uint first = gl_LocalInvocationIndex - lane; /* of the lanes that share the row */

    /* Relative to the row's first element, so that a large common mean costs no precision. */
    float origin = load(x, base * WIDTH);
    const uint vector_base = VECTOR != 0 ? min(row, push.rows - 1) / push.vector_rows * units : 0;
    if (VECTOR != 0)
        origin += load(vector, vector_base * WIDTH);
    vec4 held[UNITS];
    vec4 total = vec4(0);
    [[unroll]] for (uint u = 0; u < UNITS; u++) {
        const uint i = u * LANES + lane;
        held[u] = vec4(0);
        if (u + 1 < UNITS || i < units) {
            held[u] = take(x, base + i) - origin;
            if (VECTOR != 0)
                held[u] += take(vector, vector_base + i);
        }
        total += held[u];
    }
    float mean = across(total);
    if (LANES > 1) {
        sums[gl_LocalInvocationIndex] = mean;
        barrier();
        mean = 0;
        for (uint i = 0; i < LANES; i++)
            mean += sums[first + i];
    }
    mean /= float(push.c);

    vec4 square = vec4(0);
    [[unroll]] for (uint u = 0; u < UNITS; u++) {
        held[u] -= mean;
        if (u + 1 < UNITS || u * LANES + lane < units)
            square += held[u] * held[u];
    }
    float variance = across(square);
    if (LANES > 1) {
        squares[gl_LocalInvocationIndex] = variance;
        barrier();
        variance = 0;
        for (uint i = 0; i < LANES; i++)
            variance += squares[first + i];
    }
    const float rstd = 1 / sqrt(variance / float(push.c) + push.eps);

    if (row >= push.rows)
        return;
    [[unroll]] for (uint u = 0; u < UNITS; u++) {
        const uint i = u * LANES + lane;
        if (u + 1 < UNITS || i < units)
            put(y, base + i, held[u] * rstd * take(gain, i) + take(bias, i));
    }
}
