/* A tile of a matrix product by the device's matrix units (GL_KHR_cooperative_matrix), float16 or bfloat16 in and float sums. Both
 * operands pass through shared memory, row after row of channels; while one part of K is multiplied the next is on its way
 * from memory into registers, and goes into the other half of the shared memory, so there is one barrier a part. Each
 * subgroup has a part of the tile. A sum runs over K in order, matrix by matrix, so no choice of the tile changes a bit of
 * it; PS_TILE_HALVES does, except between PS_HALVES_SERIAL and PS_HALVES_APART. */
#ifndef PS_COOP_GLSL
#define PS_COOP_GLSL

#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require

#include "lib/epilogue.glsl"
#include "lib/matrix.glsl"
#include "lib/variant.h"
#include "lib/weight.glsl"

layout(local_size_x_id = PS_TILE_LANES) in;
layout(constant_id = PS_TILE_LANES) const uint LANES = 64;
layout(constant_id = PS_TILE_ROWS) const uint ROWS = 32;
layout(constant_id = PS_TILE_COLUMNS) const uint COLUMNS = 32;
layout(constant_id = PS_TILE_DEPTH) const uint DEPTH = 32;
layout(constant_id = PS_TILE_SUBGROUP) const uint SUBGROUP = 32;
layout(constant_id = PS_TILE_PART_ROWS) const uint PART_ROWS = 32;
layout(constant_id = PS_TILE_PART_COLUMNS) const uint PART_COLUMNS = 16;
layout(constant_id = PS_TILE_M) const uint M = 16;
layout(constant_id = PS_TILE_N) const uint N = 16;
layout(constant_id = PS_TILE_K) const uint K = 16;
layout(constant_id = PS_TILE_WIDE) const uint WIDE = 0;
layout(constant_id = PS_TILE_HALVES) const uint HALVES = PS_HALVES_NONE;

/* Lanes that work on the same half of K, and the lane's number among them. */
#define CREW (HALVES == PS_HALVES_APART ? LANES / 2 : LANES)
#define CREWS (HALVES == PS_HALVES_APART ? 2 : 1)
#define LANE (gl_LocalInvocationIndex % CREW)

/* Channels of a row that a lane takes at a time, and rows or pairs of columns that it takes. */
#define EIGHTS (DEPTH / 8)
#define GATHER_ROWS (ROWS * EIGHTS / CREW)
#define WEIGHT_PAIRS (COLUMNS * EIGHTS / CREW)
#include "lib/gather.glsl"

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ReadEights {
    uvec4 at[];
};

/* Quads of a row of channels in shared memory: 16 bytes of padding spread rows over the banks. */
#define PITCH (DEPTH / 4 + 2)
#define STAGES (2 * CREWS)
shared Quad xs[STAGES * ROWS * PITCH];
shared Quad ws[STAGES * COLUMNS * PITCH];

/* A matrix of sums for each subgroup, on its way to the lanes that store it. */
#define SUBGROUPS (LANES / SUBGROUP)
shared vec4 staged[SUBGROUPS * M * N / 4];

#define DOWN (PART_ROWS / M)
#define ACROSS (PART_COLUMNS / N)
#define SumsMatrix coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
SumsMatrix sums[DOWN * ACROSS];
SumsMatrix totals[DOWN * ACROSS];

/* A quad of the weight from its words, of which whole numbers have one. */
Quad weights_of(uvec2 words)
{
    if (Q8 != 0)
        return quad_of(whole_numbers(words.x));
    return quad_of(words);
}

/* Four channels of a row from `column` of all taps' channels on, where rows may begin anywhere. */
Quad fetch_quad(uint i, uint column)
{
    const uint tap = column / gather_channels, channel = column % gather_channels;
    vec4 quad = vec4(0);
    if (tap < TAPS) {
        const uint start = row_start(gather_places[i], tap);
        if (start != NOWHERE)
            [[unroll]] for (uint j = 0; j < 4; j++)
                if (channel + j < push.k)
                    quad[j] = load(x, start + channel + j);
    }
    return quad_of(quad);
}

/* Eight channels of a gathered row. */
void fetch_row(uint i, out Quad low, out Quad high)
{
    if (WIDE != 0) {
        const uint start = gather_starts[i];
        uvec4 words = uvec4(0);
        if (start != NOWHERE)
            words = ReadEights(x).at[(start + gather_channel) / 8];
        low = quad_of(words.xy);
        high = quad_of(words.zw);
    } else {
        const uint column = gather_tap * gather_channels + gather_channel;
        low = fetch_quad(i, column);
        high = fetch_quad(i, column + 4);
    }
}

/* Lanes take pairs of columns of the packed weight so that four of them have sixteen channels of a pair: they read whole
 * lines of memory and write to different banks. Quad and column of pair i, counted from the tile's corner. */
uvec2 pair_place(uint i)
{
    const uint quads_together = 4, at = i * CREW + LANE, block = at / (quads_together * COLUMNS / 2);
    const uint within = at % (quads_together * COLUMNS / 2);
    return uvec2(block * quads_together + within % quads_together, within / quads_together * 2);
}

void multiply(uint stage)
{
    const uint part = gl_SubgroupID % (SUBGROUPS / CREWS), parts_down = ROWS / PART_ROWS;
    const uint row = stage * ROWS + part % parts_down * PART_ROWS;
    const uint column = stage * COLUMNS + part / parts_down * PART_COLUMNS;
    for (uint k = 0; k < DEPTH; k += K) {
        coopmat<Element, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[DOWN];
        [[unroll]] for (uint i = 0; i < DOWN; i++)
            coopMatLoad(a[i], xs, (row + i * M) * PITCH + k / 4, PITCH, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint j = 0; j < ACROSS; j++) {
            coopmat<Element, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
            coopMatLoad(b, ws, (column + j * N) * PITCH + k / 4, PITCH,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint i = 0; i < DOWN; i++)
                sums[i * ACROSS + j] = coopMatMulAdd(a[i], b, sums[i * ACROSS + j]);
        }
    }
}

void clear_sums()
{
    [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++)
        sums[i] = SumsMatrix(0);
}

/* Sums parts [first, end) of K, each DEPTH channels. Crews that are behind each other go through as many, of which those
 * from `end` on are zeros. */
void sum_parts(uvec2 corner, uint rows, uint first, uint end, uint count)
{
    const uint padded = padded_columns(), phase_quads = TAPS * ((push.k + 3) / 4);
    const uint quads = min(phase_quads, end * (DEPTH / 4)), first_quad = GROUP.z * phase_quads;
    const uint crew = gl_LocalInvocationIndex / CREW;
    const uint my_row = LANE / EIGHTS, rows_apart = CREW / EIGHTS, my_channel = LANE % EIGHTS * 8;
    Quad low[GATHER_ROWS], high[GATHER_ROWS];
    uvec4 pairs[WEIGHT_PAIRS];

    gather_begin(corner.y + my_row, rows_apart, first * DEPTH + my_channel, rows);
    for (uint part = 0; part <= count; part++) {
        /* Part `part` sets out, part - 1 is multiplied. */
        if (part < count) {
            const uint quad = (first + part) * (DEPTH / 4);
            [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++) {
                low[i] = high[i] = Quad(0);
                if (quad < quads)
                    fetch_row(i, low[i], high[i]);
            }
            [[unroll]] for (uint i = 0; i < WEIGHT_PAIRS; i++) {
                const uvec2 at = pair_place(i) + uvec2(quad, corner.x);
                pairs[i] = uvec4(0);
                const uint from = (first_quad + at.x) * padded + min(at.y, padded - 2);
                if (at.x < quads && Q8 != 0)
                    pairs[i].xz = uvec2(load_whole_word(weight, from), load_whole_word(weight, from + 1));
                else if (at.x < quads)
                    pairs[i] = ReadEights(weight).at[from / 2];
            }
            gather_walk(DEPTH);
        }
        if (part > 0)
            multiply((part - 1) % 2 * CREWS + crew);
        if (part < count) {
            const uint stage = part % 2 * CREWS + crew;
            [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++) {
                const uint at = (stage * ROWS + my_row + i * rows_apart) * PITCH + my_channel / 4;
                xs[at] = low[i];
                xs[at + 1] = high[i];
            }
            [[unroll]] for (uint i = 0; i < WEIGHT_PAIRS; i++) {
                const uvec2 place = pair_place(i);
                const uint at = (stage * COLUMNS + place.y) * PITCH + place.x;
                ws[at] = weights_of(pairs[i].xy);
                ws[at + PITCH] = weights_of(pairs[i].zw);
            }
        }
        barrier();
    }
}

/* Lanes of a subgroup see what the others have put into shared memory. */
void settle_subgroup()
{
    controlBarrier(gl_ScopeSubgroup, gl_ScopeSubgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
}

/* Adds the sums of the second crew to those of the first, matrix by matrix through shared memory. */
void join_crews()
{
    const bool second = gl_SubgroupID >= SUBGROUPS / 2;
    const uint at = gl_SubgroupID % (SUBGROUPS / 2) * (M * N / 4);
    [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++) {
        if (second)
            coopMatStore(sums[i], staged, at, N / 4, gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        if (!second) {
            SumsMatrix other;
            coopMatLoad(other, staged, at, N / 4, gl_CooperativeMatrixLayoutRowMajor);
            sums[i] = sums[i] + other;
        }
        barrier();
    }
}

void store_sums(uvec2 corner, uint rows)
{
    const uint parts_down = ROWS / PART_ROWS, from = gl_SubgroupID * (M * N / 4);
    const uvec2 part = corner + uvec2(gl_SubgroupID / parts_down * PART_COLUMNS,
                                      gl_SubgroupID % parts_down * PART_ROWS);
    for (uint step = 0; step < DOWN * ACROSS; step++) {
        /* The one that is meant, so that there is one copy of what follows. */
        [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++)
            if (step == i)
                coopMatStore(sums[i], staged, from, N / 4, gl_CooperativeMatrixLayoutRowMajor);
        settle_subgroup();
        for (uint quad = gl_SubgroupInvocationID; quad < M * N / 4; quad += SUBGROUP) {
            const uint m = part.y + step / ACROSS * M + quad / (N / 4);
            const uint column = part.x + step % ACROSS * N + quad % (N / 4) * 4;
            if (m < rows && column < push.n) {
                vec4 biased = staged[from + quad];
                [[unroll]] for (uint c = 0; c < 4; c++)
                    biased[c] = biased[c] * weight_scale(weight, column + c) + load_bias(column + c);
                store_quad(m, column, biased);
            }
        }
        settle_subgroup();
    }
}

/* Computes this work group's tile of a result of `rows` rows. */
void compute_tile(uint rows)
{
    const uvec2 corner = GROUP.xy * uvec2(COLUMNS, ROWS);
    const uint parts = (TAPS * ((push.k + 3) / 4) + DEPTH / 4 - 1) / (DEPTH / 4);
    const uint middle = HALVES == PS_HALVES_NONE ? parts : (parts + 1) / 2;
    const bool second_crew = gl_LocalInvocationIndex >= CREW;
    for (uint turn = 0; turn < (HALVES == PS_HALVES_SERIAL ? 2 : 1); turn++) {
        const bool second = second_crew || turn == 1;
        clear_sums();
        sum_parts(corner, rows, second ? middle : 0, second ? parts : middle,
                  turn == 1 ? parts - middle : middle);
        if (HALVES == PS_HALVES_SERIAL) {
            [[unroll]] for (uint i = 0; i < DOWN * ACROSS; i++) {
                if (turn == 0)
                    totals[i] = sums[i];
                else
                    sums[i] = totals[i] + sums[i];
            }
        }
    }
    if (HALVES == PS_HALVES_APART)
        join_crews();
    /* The second crew stores nothing but goes along: lavapipe takes the barriers of a subgroup for all of them. */
    store_sums(corner, second_crew ? 0 : rows);
}

#endif
