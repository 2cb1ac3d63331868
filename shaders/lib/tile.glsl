/* A tile of a matrix product in the registers of a cluster: TILE_ROWS rows of x times TILE_COLUMNS columns of
 * the packed weight. Lane l loads rows l, l + 8, ... and hands them to the others; it sums columns 2 l and 2
 * l + 1 of every sixteen, for all rows. So the cluster loads nothing twice, which is what counts where loads
 * are dear (see SPEED.md). For a shader that declares `weight` and what lib/epilogue.glsl asks for. */
#ifndef PS_TILE_GLSL
#define PS_TILE_GLSL

#include "lib/cluster.glsl"
#include "lib/epilogue.glsl"
#include "lib/weight.glsl"

#define ROW_GROUPS 4
#define LANE_COLUMNS 8
#define TILE_ROWS (ROW_GROUPS * CLUSTER)
#define TILE_COLUMNS (LANE_COLUMNS * CLUSTER)

/* A work group has a cluster for every tile of its PS_GROUP items. */
#define TILES_X 2
#define TILES_Y 4
layout(local_size_x = CLUSTER * TILES_X * TILES_Y) in;

/* First column and row of this cluster's tile. */
uvec2 tile_corner()
{
    const uvec2 tile = uvec2(CLUSTER_ID % TILES_X, CLUSTER_ID / TILES_X);
    return (GROUP.xy * uvec2(TILES_X, TILES_Y) + tile) * uvec2(TILE_COLUMNS, TILE_ROWS);
}

/* Column j of this lane, counted from the tile's first. */
uint lane_column(uint j)
{
    return j / 2 * (2 * CLUSTER) + 2 * LANE + j % 2;
}

float sums[ROW_GROUPS][CLUSTER][LANE_COLUMNS];

void clear_tile()
{
    [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
        [[unroll]] for (uint i = 0; i < CLUSTER; i++)
            [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
                sums[group][i][j] = 0;
}

/* Adds the products of four consecutive input channels: xs[g] is row 8 g + LANE, ws[j] column
 * lane_column(j). */
void add_quad(vec4 xs[ROW_GROUPS], vec4 ws[LANE_COLUMNS])
{
    [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
        [[unroll]] for (uint i = 0; i < CLUSTER; i++)
            [[unroll]] for (uint k = 0; k < 4; k++) {
                const float x = from_lane(xs[group][k], i);
                [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
                    sums[group][i][j] = fma(x, ws[j][k], sums[group][i][j]);
            }
}

/* Stores the tile at `corner` of a result of `rows` rows. */
void store_tile(uvec2 corner, uint rows)
{
    float biases[LANE_COLUMNS], scales[LANE_COLUMNS];
    [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++) {
        biases[j] = load_bias(corner.x + lane_column(j));
        scales[j] = weight_scale(weight, corner.x + lane_column(j));
    }
    for (uint i = 0; i < CLUSTER; i++) {
        [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++) {
            const uint m = corner.y + group * CLUSTER + i;
            if (m < rows) {
                [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j += 2)
                    store_pair(m, corner.x + lane_column(j),
                               vec2(sums[group][0][j] * scales[j] + biases[j],
                                    sums[group][0][j + 1] * scales[j + 1] + biases[j + 1]));
            }
        }
        /* Registers cannot be indexed by a loop's counter: the next rows move to the front. */
        [[unroll]] for (uint group = 0; group < ROW_GROUPS; group++)
            [[unroll]] for (uint next = 1; next < CLUSTER; next++)
                [[unroll]] for (uint j = 0; j < LANE_COLUMNS; j++)
                    sums[group][next - 1][j] = sums[group][next][j];
    }
}

#endif
