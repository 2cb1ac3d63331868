#version 460
/* A loop of multiply-adds on registers, without loads: the practical ceiling of a device for shaders in float, or with
 * HALF in pairs of float16, which GPUs multiply two at a time. Ten independent chains hide the latency without spilling
 * registers (see shaders/SPEED.md). */
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_control_flow_attributes : require
#ifdef HALF
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define NUMBER f16vec2
#define SUM(number) (float(number.x) + float(number.y))
#else
#define NUMBER float
#define SUM(number) (number)
#endif

#define CHAINS 10
#define STEPS 16

layout(local_size_x = 64) in;
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer Floats {
    float at[];
};
layout(push_constant) uniform Arguments {
    Floats y;
    uint rounds;
    float factor;
};

void main()
{
    const NUMBER by = NUMBER(factor);
    NUMBER chains[CHAINS];
    [[unroll]] for (uint i = 0; i < CHAINS; i++)
        chains[i] = NUMBER(gl_LocalInvocationIndex + i);
    for (uint round = 0; round < rounds; round++)
        [[unroll]] for (uint step = 0; step < STEPS; step++)
            [[unroll]] for (uint i = 0; i < CHAINS; i++)
                chains[i] = fma(chains[i], by, by);
    float sum = 0;
    [[unroll]] for (uint i = 0; i < CHAINS; i++)
        sum += SUM(chains[i]);
    y.at[gl_GlobalInvocationID.x] = sum;
}
