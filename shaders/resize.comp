#version 460
#include "lib/kernel.glsl"
#include "resize.h"

/* A lane walks down a column of the result: its input column is found once, and an input row is loaded once for all the
 * output rows that repeat it. */
layout(local_size_x = PS_GROUP_resize_X) in;
layout(constant_id = PS_RESIZE_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadS x;
    WriteS y;
    ps_resize_push push;
    PS_PIECE
};

#include "lib/width.glsl"

void main()
{
    const uint units = push.c / WIDTH, column = ITEM.x / units;
    if (column >= push.out_w)
        return;
    const uint from = column * push.in_w / push.out_w * units + ITEM.x % units;
    const uint begin = GROUP.y * PS_GROUP_resize_Y, end = min(begin + PS_GROUP_resize_Y, push.out_h);
    uint to = (ITEM.z * push.out_h + begin) * push.out_w * units + ITEM.x;
    uint held = push.in_h;
    vec4 value = vec4(0);
    for (uint row = begin; row < end; row++) {
        const uint wanted = row * push.in_h / push.out_h;
        if (wanted != held) {
            value = take(x, (ITEM.z * push.in_h + wanted) * push.in_w * units + from);
            held = wanted;
        }
        put(y, to, value);
        to += push.out_w * units;
    }
}
