/* Four consecutive elements at once. */
#ifndef PS_QUAD_GLSL
#define PS_QUAD_GLSL

#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require

/* Memory read as pairs of words. The pair has the type of a pointer, which nobody follows, because that is
 * the one 64-bit type that needs no feature of the device: lavapipe loads lane by lane and component by
 * component, so half as many components load twice as fast (see SPEED.md). */
layout(buffer_reference) readonly buffer Pair {
    uint unused;
};
/* Of a size because glslang asks for descriptor arrays where an array of pointers has none. */
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer ReadPairs {
    Pair at[0x3fffffff];
};
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer ReadWords {
    uint at[];
};

/* Elements 4 i to 4 i + 3; `from` is aligned to four elements. */
vec4 load_aligned_quad(ReadS from, uint i)
{
#if PS_S_BYTES == 2
    const uvec2 words = uvec2(ReadPairs(from).at[i]);
    return vec4(pair_of(words.x), pair_of(words.y));
#else
    return uintBitsToFloat(uvec4(uvec2(ReadPairs(from).at[2 * i]), uvec2(ReadPairs(from).at[2 * i + 1])));
#endif
}

/* Elements 2 i and 2 i + 1; `from` is aligned to four elements. */
vec2 load_aligned_pair(ReadS from, uint i)
{
#if PS_S_BYTES == 2
    return pair_of(ReadWords(from).at[i]);
#else
    return uintBitsToFloat(uvec2(ReadPairs(from).at[i]));
#endif
}

/* Channels 4 quad to 4 quad + 3 of the row of `channels` channels that begins at element `row`; zero beyond
 * the last. `aligned`, a specialisation constant, says that every row begins at a multiple of four elements
 * and ends at one. */
vec4 load_quad(ReadS from, uint row, uint quad, uint channels, bool aligned)
{
    vec4 value = vec4(0);
    if (aligned) {
        value = load_aligned_quad(from, row / 4 + quad);
    } else {
        [[unroll]] for (uint i = 0; i < 4; i++)
            if (4 * quad + i < channels)
                value[i] = load(from, row + 4 * quad + i);
    }
    return value;
}

#endif
