#version 460
#include "lib/kernel.glsl"
#include "linear.h"

layout(constant_id = PS_LINEAR_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(push_constant) uniform Arguments {
    ReadS x;
    ReadS weight;
    ReadS bias;
    ReadS vector;
    ReadS residual;
    WriteS y;
    ps_linear_push push;
    PS_PIECE
};

#include "lib/quad.glsl"
#include "lib/tile.glsl"

uint out_row(uint m)
{
    return m;
}

void main()
{
    const uvec2 corner = tile_corner();
    if (corner.x >= push.n || corner.y >= push.m)
        return;

    /* Rows and columns beyond the last are computed as copies of it and not stored. */
    ReadS from = x, packed = weight;
    const uint k = push.k, quads = (k + 3) / 4, padded = padded_columns();
    uint rows[ROW_GROUPS], columns[LANE_COLUMNS];
    [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
        rows[group] = min(corner.y + group * CLUSTER + LANE, push.m - 1) * k;
    [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
        columns[j] = min(corner.x + lane_column(j), padded - 1);

    clear_tile();
    for (uint quad = 0; quad < quads; quad++) {
        vec4 xs[ROW_GROUPS], ws[LANE_COLUMNS];
        [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
            xs[group] = load_quad(from, rows[group], quad, k, ALIGNED != 0);
        [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
            ws[j] = load_weight_quad(packed, quad * padded + columns[j]);
        add_quad(xs, ws);
    }
    store_tile(corner, push.m);
}
