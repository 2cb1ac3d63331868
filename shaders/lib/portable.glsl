/* A tile of a matrix product by multiply-adds, its operands passed through shared memory: for GPUs without matrix units. A
 * lane sums two blocks of four rows by two of four columns, which lie half a tile apart so that neighbouring lanes read
 * neighbouring words. While one part of K is summed the next is on its way from memory into registers, and it goes into the
 * other half of the shared memory, so there is one barrier a part. A sum runs over K in order, so no choice of the tile
 * changes a bit of it. */
#ifndef PS_PORTABLE_GLSL
#define PS_PORTABLE_GLSL

#extension GL_EXT_control_flow_attributes : require

#include "lib/epilogue.glsl"
#include "lib/variant.h"
#include "lib/weight.glsl"

layout(local_size_x_id = PS_TILE_LANES) in;
layout(constant_id = PS_TILE_LANES) const uint LANES = 64;
layout(constant_id = PS_TILE_ROWS) const uint ROWS = 64;
layout(constant_id = PS_TILE_COLUMNS) const uint COLUMNS = 64;
layout(constant_id = PS_TILE_DEPTH) const uint DEPTH = 8;
layout(constant_id = PS_TILE_SUBGROUP) const uint SUBGROUP = 8;
layout(constant_id = PS_TILE_ACROSS) const uint ACROSS = 4;

#define QUADS (DEPTH / 4)
#define GATHER_ROWS (ROWS * QUADS / LANES)
#define WEIGHT_QUADS (COLUMNS * QUADS / LANES)
#include "lib/gather.glsl"

/* By stage and channel; a word of padding spreads the channels over the banks. */
#define X_PITCH (ROWS / 4 + 1)
#define W_PITCH (COLUMNS / 4 + 1)
shared vec4 xs[2 * DEPTH * X_PITCH];
shared vec4 ws[2 * DEPTH * W_PITCH];

#define LANE gl_LocalInvocationIndex

/* Four channels of a gathered row. */
vec4 fetch_row(uint i)
{
    const uint start = gather_starts[i], channel = gather_channel;
    vec4 quad = vec4(0);
    if (start == NOWHERE)
        return quad;
    if (ALIGNED != 0)
        return load4(x, (start + channel) / 4);
    [[unroll]] for (uint j = 0; j < 4; j++)
        if (channel + j < push.k)
            quad[j] = load(x, start + channel + j);
    return quad;
}

void keep_row(uint stage, uint i, vec4 quad)
{
    const uint row = LANE / QUADS + i * (LANES / QUADS), channel = stage * DEPTH + LANE % QUADS * 4;
    [[unroll]] for (uint j = 0; j < 4; j++)
        xs[(channel + j) * X_PITCH + row / 4][row % 4] = quad[j];
}

void keep_weight(uint stage, uint i, vec4 quad)
{
    const uint at = i * LANES + LANE, column = at % COLUMNS, channel = stage * DEPTH + at / COLUMNS * 4;
    [[unroll]] for (uint j = 0; j < 4; j++)
        ws[(channel + j) * W_PITCH + column / 4][column % 4] = quad[j];
}

/* The lane's first row and column of the tile. */
uvec2 lane_place()
{
    const uint subgroups_across = COLUMNS / 8 / ACROSS, subgroup = LANE / SUBGROUP, lane = LANE % SUBGROUP;
    return 4 * uvec2(subgroup % subgroups_across * ACROSS + lane % ACROSS,
                     subgroup / subgroups_across * (SUBGROUP / ACROSS) + lane / ACROSS);
}

/* Computes this work group's tile of a result of `rows` rows. */
void compute_tile(uint rows)
{
    const uvec2 corner = GROUP.xy * uvec2(COLUMNS, ROWS), mine = lane_place();
    const uint padded = padded_columns(), quads = TAPS * ((push.k + 3) / 4);
    vec4 row_quads[GATHER_ROWS], weight_quads[WEIGHT_QUADS], sums[8][2];
    [[unroll]] for (uint i = 0; i < 8; i++)
        [[unroll]] for (uint j = 0; j < 2; j++)
            sums[i][j] = vec4(0);

    gather_begin(corner.y + LANE / QUADS, LANES / QUADS, LANE % QUADS * 4, rows);
    const uint parts = (quads + QUADS - 1) / QUADS;
    for (uint part = 0; part <= parts; part++) {
        /* Part `part` sets out, part - 1 is summed. */
        if (part < parts) {
            [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++)
                row_quads[i] = fetch_row(i);
            [[unroll]] for (uint i = 0; i < WEIGHT_QUADS; i++) {
                const uint at = i * LANES + LANE, quad = part * QUADS + at / COLUMNS;
                const uint column = min(corner.x + at % COLUMNS, padded - 1);
                const uint from = (GROUP.z * quads + quad) * padded + column;
                weight_quads[i] = vec4(0);
                if (quad < quads && Q8 != 0)
                    weight_quads[i] = whole_numbers(load_whole_word(weight, from));
                else if (quad < quads)
                    weight_quads[i] = load4(weight, from);
            }
            gather_walk(DEPTH);
        }
        if (part > 0) {
            const uint stage = (part - 1) % 2 * DEPTH;
            for (uint channel = 0; channel < DEPTH; channel++) {
                const uint k = stage + channel;
                vec4 a[2], b[2];
                [[unroll]] for (uint half_tile = 0; half_tile < 2; half_tile++) {
                    a[half_tile] = xs[k * X_PITCH + (mine.y + half_tile * (ROWS / 2)) / 4];
                    b[half_tile] = ws[k * W_PITCH + (mine.x + half_tile * (COLUMNS / 2)) / 4];
                }
                [[unroll]] for (uint i = 0; i < 8; i++)
                    [[unroll]] for (uint j = 0; j < 2; j++)
                        sums[i][j] = fma(vec4(a[i / 4][i % 4]), b[j], sums[i][j]);
            }
        }
        if (part < parts) {
            [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++)
                keep_row(part % 2, i, row_quads[i]);
            [[unroll]] for (uint i = 0; i < WEIGHT_QUADS; i++)
                keep_weight(part % 2, i, weight_quads[i]);
        }
        barrier();
    }

    vec4 biases[2], scales[2];
    [[unroll]] for (uint j = 0; j < 2; j++)
        [[unroll]] for (uint c = 0; c < 4; c++) {
            biases[j][c] = load_bias(corner.x + mine.x + j * (COLUMNS / 2) + c);
            scales[j][c] = weight_scale(weight, corner.x + mine.x + j * (COLUMNS / 2) + c);
        }
    for (uint i = 0; i < 8; i++) {
        const uint m = corner.y + mine.y + i / 4 * (ROWS / 2) + i % 4;
        if (m < rows) {
            [[unroll]] for (uint j = 0; j < 2; j++)
                store_quad(m, corner.x + mine.x + j * (COLUMNS / 2), sums[0][j] * scales[j] + biases[j]);
        }
        /* Registers cannot be indexed by a loop's counter: the next row moves to the front. */
        [[unroll]] for (uint next = 1; next < 8; next++)
            [[unroll]] for (uint j = 0; j < 2; j++)
                sums[next - 1][j] = sums[next][j];
    }
}

#endif
