#version 460
#include "lib/kernel.glsl"
#include "conv.h"

layout(constant_id = PS_CONV_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS weight;
    ReadS bias;
    ReadS vector;
    ReadS residual;
    WriteS y;
    ps_conv_push push;
    PS_PIECE
};

#include "lib/quad.glsl"
#include "lib/tile.glsl"
#include "lib/window.glsl"

void main()
{
    const uint pixels = push.frames * push.out_h * push.out_w;
    const uvec2 corner = tile_corner();
    if (corner.x >= push.n || corner.y >= pixels)
        return;

    /* Pixels and channels beyond the last are computed as copies of it and not stored. */
    ReadS from = x, packed = weight;
    const uint k = push.k, quads = (k + 3) / 4, padded = padded_columns();
    const int wide_h = int(push.wide_h), wide_w = int(push.wide_w);
    place places[ROW_GROUPS];
    uint columns[LANE_COLUMNS];
    [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
        places[group] = place_of(min(corner.y + group * CLUSTER + LANE, pixels - 1));
    [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
        columns[j] = min(corner.x + lane_column(j), padded - 1);

    const uint phase_taps = GROUP.z * KERNEL_H * KERNEL_W;
    clear_tile();
    for (uint tap = 0; tap < KERNEL_H * KERNEL_W; tap++) {
        /* What lies outside is read at the first pixel and replaced by zero. */
        uint rows[ROW_GROUPS];
        bool inside[ROW_GROUPS];
        [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++) {
            const int iy = places[group].y + int(tap / KERNEL_W), ix = places[group].x + int(tap % KERNEL_W);
            inside[group] = iy >= 0 && iy < wide_h && ix >= 0 && ix < wide_w;
            const uint pixel = pixel_of(places[group], uint(iy), uint(ix));
            rows[group] = inside[group] ? pixel * k : 0;
        }
        for (uint quad = 0; quad < quads; quad++) {
            vec4 xs[ROW_GROUPS], ws[LANE_COLUMNS];
            [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++) {
                xs[group] = load_quad(from, rows[group], quad, k, ALIGNED != 0);
                xs[group] = inside[group] ? xs[group] : vec4(0);
            }
            [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
                ws[j] = load_weight_quad(packed, ((phase_taps + tap) * quads + quad) * padded + columns[j]);
            add_quad(xs, ws);
        }
    }
    store_tile(corner, pixels);
}
