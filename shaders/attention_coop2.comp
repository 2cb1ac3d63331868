#version 460
#include "lib/kernel.glsl"
#extension GL_NV_cooperative_matrix2 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int32 : require
#include "lib/flash.glsl"

/* Flash attention where the device also has VK_NV_cooperative_matrix2 for subgroups: matrices of any size, their rows
 * reduced and their elements worked on in place, so that scores and weights stay in registers. A subgroup has QUERIES
 * queries and all channels of the head (SLICES is 1); keys and values come through shared memory as in attention_coop. */
layout(constant_id = PS_TILE_QUERIES) const uint QUERIES = 16;
layout(constant_id = PS_TILE_N) const uint N = 16;

#define Matrix(type, rows, columns, use) coopmat<type, gl_ScopeSubgroup, rows, columns, gl_MatrixUse##use>
#define Queries Matrix(Element, QUERIES, CHANNELS, A)
#define Keys Matrix(Element, CHANNELS, KEYS, B)
#define Scores Matrix(float, QUERIES, KEYS, Accumulator)
#define Weights Matrix(Element, QUERIES, KEYS, A)
#define Values Matrix(Element, KEYS, CHANNELS, B)
#define Sums Matrix(float, QUERIES, CHANNELS, Accumulator)
#define Result Matrix(Element, QUERIES, CHANNELS, Accumulator)
/* A number for each row, in every column. */
#define PerRow Matrix(float, QUERIES, N, Accumulator)
#define ROW_MAJOR gl_CooperativeMatrixLayoutRowMajor
#define COLUMN_MAJOR gl_CooperativeMatrixLayoutColumnMajor
#define BY_ROW gl_CooperativeMatrixReduceRowNV

shared uvec4 key_tiles[TILES * TILE];
shared uvec4 value_tiles[TILES * TILE];
/* Queries and results on their way. */
const uint SCRATCH = QUERIES * TILE_PITCH;
shared uvec4 scratch[TEAMS * SCRATCH];

uvec4 keys_ahead[LOADS], values_ahead[LOADS];

float larger(const in float a, const in float b)
{
    return max(a, b);
}

float plus(const in float a, const in float b)
{
    return a + b;
}

/* Of columns that are all alike. */
float either(const in float a, const in float b)
{
    return a;
}

float scaled(const in uint32_t row, const in uint32_t column, const in float score, const in uint32_t keys,
             const in float factor)
{
    return column < keys ? score * factor : LOWEST;
}

float larger_of_both(const in uint32_t row, const in uint32_t column, const in float a, const in float b)
{
    return max(a, b);
}

float power_of_two(const in uint32_t row, const in uint32_t column, const in float exponent)
{
    return exp2(exponent);
}

float inverse(const in uint32_t row, const in uint32_t column, const in float value)
{
    return 1 / value;
}

/* Makes what was fetched the tiles, once nobody reads those before. */
void stage()
{
    meet_loaders();
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        const uvec2 place = load_place(i);
        if (place.x < KEYS) {
            key_tiles[team_tile + place.x * TILE_PITCH + place.y] = keys_ahead[i];
            value_tiles[team_tile + place.x * TILE_PITCH + place.y] = values_ahead[i];
        }
    }
    meet_loaders();
}

void load_queries(uint own, out Queries queries)
{
    for (uint unit = gl_SubgroupInvocationID; unit < QUERIES * HEAD_OCTETS; unit += SUBGROUP) {
        const uint row = unit / HEAD_OCTETS, octet = unit % HEAD_OCTETS;
        scratch[own + row * TILE_PITCH + octet] =
            octet_at(q, q_head, first_query + row, push.q_token, push.queries, octet);
    }
    subgroupBarrier();
    coopMatLoad(queries, scratch, own, TILE_PITCH, ROW_MAJOR);
}

void store_result(uint own, Sums sums)
{
    coopMatStore(Result(sums), scratch, own, TILE_PITCH, ROW_MAJOR);
    subgroupBarrier();
    for (uint unit = gl_SubgroupInvocationID; unit < QUERIES * HEAD_OCTETS; unit += SUBGROUP) {
        const uint row = unit / HEAD_OCTETS, octet = unit % HEAD_OCTETS;
        store_octet(row, octet, scratch[own + row * TILE_PITCH + octet]);
    }
}

void main()
{
    find_place(QUERIES);
    const uint own = team * SCRATCH;
    fetch(k, k_head, 0, keys_ahead);
    fetch(v, v_head, 0, values_ahead);
    Queries queries;
    load_queries(own, queries);
    Sums sums = Sums(0);
    PerRow highest = PerRow(LOWEST), totals = PerRow(0);

    for (uint key = 0; key < push.keys; key += KEYS) {
        stage();
        if (key + KEYS < push.keys) {
            fetch(k, k_head, key + KEYS, keys_ahead);
            fetch(v, v_head, key + KEYS, values_ahead);
        }
        Keys keys;
        coopMatLoad(keys, key_tiles, team_tile, TILE_PITCH, COLUMN_MAJOR);
        Scores scores = coopMatMulAdd(queries, keys, Scores(0));
        coopMatPerElementNV(scores, scores, scaled, push.keys - key, push.scale * LOG2_E);

        /* Online softmax, Milakov and Gimelshein 2018. */
        PerRow top, total;
        Scores tops;
        coopMatReduceNV(top, scores, BY_ROW, larger);
        coopMatPerElementNV(top, top, larger_of_both, highest);
        coopMatReduceNV(tops, top, BY_ROW, either);
        coopMatPerElementNV(scores, scores - tops, power_of_two);
        coopMatReduceNV(total, scores, BY_ROW, plus);

        bool shrinks = false;
        for (uint i = 0; i < top.length(); i++)
            shrinks = shrinks || top[i] != highest[i];
        if (in_any_lane(shrinks)) {
            PerRow shrink;
            Sums shrink_sums;
            coopMatPerElementNV(shrink, highest - top, power_of_two);
            coopMatReduceNV(shrink_sums, shrink, BY_ROW, either);
            sums *= shrink_sums;
            totals *= shrink;
            highest = top;
        }
        totals += total;
        Values values;
        coopMatLoad(values, value_tiles, team_tile, TILE_PITCH, ROW_MAJOR);
        sums = coopMatMulAdd(Weights(scores), values, sums);
    }

    Sums norms;
    coopMatPerElementNV(totals, totals, inverse);
    coopMatReduceNV(norms, totals, BY_ROW, either);
    store_result(own, sums * norms);
}
