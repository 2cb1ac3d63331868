/* Loads and stores of kernels that take WIDTH elements at a time, 4 or 1 (a specialisation constant, declared before
 * this is included): indices count such units. Of a unit of 1 only the x component means anything. */
#ifndef PS_WIDTH_GLSL
#define PS_WIDTH_GLSL

vec4 take(ReadS from, uint i)
{
    if (WIDTH == 4)
        return load4(from, i);
    return vec4(load(from, i));
}

vec4 take_f32(ReadF from, uint i)
{
    if (WIDTH == 4)
        return load4_f32(from, i);
    return vec4(load_f32(from, i));
}

void put(WriteS to, uint i, vec4 value)
{
    if (WIDTH == 4)
        store4(to, i, value);
    else
        store(to, i, value.x);
}

void put_f32(WriteF to, uint i, vec4 value)
{
    if (WIDTH == 4)
        store4_f32(to, i, value);
    else
        store_f32(to, i, value.x);
}

#endif
