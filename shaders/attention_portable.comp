#version 460
#include "lib/kernel.glsl"
#include "lib/cluster.glsl"
#include "lib/quad.glsl"
#include "attention.h"
#include "lib/variant.h"

/* Flash attention by multiply-adds, for GPUs without matrix units. A work group computes LANES queries of one head, KEYS
 * keys at a time, which pass through shared memory, first the keys, then in the same place their values. A cluster
 * (lib/cluster.glsl) has eight of the queries: of their scores a lane has those of four keys, of their sums the quads of
 * channels LANE, LANE + 8, ... The weights pass through shared memory from the one to the other, within the cluster. */
layout(local_size_x_id = PS_TILE_LANES) in;
layout(constant_id = PS_ATTENTION_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(constant_id = PS_TILE_LANES) const uint LANES = 64;
layout(constant_id = PS_TILE_CHANNELS) const uint CHANNELS = 64;
layout(push_constant) uniform Arguments {
    ReadS q;
    ReadS k;
    ReadS v;
    WriteS y;
    ps_attention_push push;
    PS_PIECE
};

#define LANE_KEYS 4
#define KEYS (LANE_KEYS * CLUSTER)
#define QUADS (CHANNELS / 4)
#define LANE_QUADS ((QUADS + CLUSTER - 1) / CLUSTER)
#define LOWEST -3.402823466e38
#define LOG2_E 1.44269504089

/* Rows are an odd number of quads apart, so that lanes read quads of eight rows from different banks. */
#define PITCH (QUADS | 1)
shared vec4 queries[LANES * PITCH];
shared vec4 tile[KEYS * PITCH];
/* By cluster and key, of its eight queries. */
shared vec4 weights[LANES / CLUSTER * KEYS * 2];

#define EACH_QUERY [[unroll]] for (uint i = 0; i < CLUSTER; i++)
/* Bounded by a literal, and what specialisation leaves out is inside an `if`: an array that is indexed by anything but
 * literals lies in memory instead of registers. */
#define EACH_QUAD                                                                                            \
    [[unroll]] for (uint p = 0; p < PS_ATTENTION_PORTABLE_MAX_D / 4 / CLUSTER; p++)                          \
        if (p < LANE_QUADS)

vec4 scores[CLUSTER]; /* of the keys LANE, LANE + 8, ... of the tile */
vec4 sums[CLUSTER][PS_ATTENTION_PORTABLE_MAX_D / 4 / CLUSTER];
float highest[CLUSTER], totals[CLUSTER]; /* the total is of this lane's keys, the other of all so far */

/* Puts a tile's rows into shared memory, zeros beyond the last row and channel. Row i begins at element first + i pitch. */
void stage(ReadS from, uint first, uint pitch, uint rows)
{
    barrier();
    for (uint at = gl_LocalInvocationIndex; at < KEYS * QUADS; at += LANES) {
        const uint row = at / QUADS, quad = at % QUADS;
        vec4 value = vec4(0);
        if (row < rows && 4 * quad < push.d)
            value = load_quad(from, first + row * pitch, quad, push.d, ALIGNED != 0);
        tile[row * PITCH + quad] = value;
    }
    barrier();
}

void stage_queries(ReadS from, uint first, uint rows)
{
    for (uint at = gl_LocalInvocationIndex; at < LANES * QUADS; at += LANES) {
        const uint row = at / QUADS, quad = at % QUADS;
        vec4 value = vec4(0);
        if (row < rows && 4 * quad < push.d)
            value = load_quad(from, first + row * push.q_token, quad, push.d, ALIGNED != 0);
        queries[row * PITCH + quad] = value;
    }
}

void score(uint cluster)
{
    EACH_QUERY
        scores[i] = vec4(0);
    for (uint quad = 0; quad < QUADS; quad++) {
        vec4 ks[LANE_KEYS];
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
            ks[j] = tile[(j * CLUSTER + LANE) * PITCH + quad];
        EACH_QUERY {
            const vec4 one = queries[(cluster * CLUSTER + i) * PITCH + quad];
            [[unroll]] for (uint c = 0; c < 4; c++)
                scores[i] = fma(vec4(one[c]), vec4(ks[0][c], ks[1][c], ks[2][c], ks[3][c]), scores[i]);
        }
    }
}

/* Online softmax, Milakov and Gimelshein 2018: scores become weights relative to the highest score so far, and what was
 * summed relative to a lower one shrinks. `keys` of the tile exist; factor is the scale for powers of two. */
void weigh(uint cluster, uint keys, float factor)
{
    const bvec4 exist = lessThan(uvec4(0, 1, 2, 3) * CLUSTER + LANE, uvec4(keys));
    EACH_QUERY {
        const vec4 scaled = mix(vec4(LOWEST), scores[i] * factor, exist);
        const float block_top = max(max(scaled.x, scaled.y), max(scaled.z, scaled.w));
        const float top = max(highest[i], cluster_max(block_top));
        const float shrink = exp2(highest[i] - top);
        highest[i] = top;
        scores[i] = exp2(scaled - top);
        totals[i] = totals[i] * shrink + dot(scores[i], vec4(1));
        EACH_QUAD
            sums[i][p] *= shrink;
    }
    [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
        [[unroll]] for (uint half_cluster = 0; half_cluster < 2; half_cluster++)
            weights[((cluster * KEYS) + j * CLUSTER + LANE) * 2 + half_cluster] =
                vec4(scores[4 * half_cluster][j], scores[4 * half_cluster + 1][j],
                     scores[4 * half_cluster + 2][j], scores[4 * half_cluster + 3][j]);
}

void add_values(uint cluster)
{
    for (uint key = 0; key < KEYS; key++) {
        const uint at = (cluster * KEYS + key) * 2;
        const vec4 of_key[2] = {weights[at], weights[at + 1]};
        EACH_QUAD {
            const uint quad = p * CLUSTER + LANE;
            const vec4 values = tile[key * PITCH + min(quad, QUADS - 1)];
            EACH_QUERY
                sums[i][p] = fma(vec4(of_key[i / 4][i % 4]), values, sums[i][p]);
        }
    }
}

void store_quad(uint row, uint quad, vec4 values)
{
    if (ALIGNED != 0) {
        if (4 * quad < push.d)
            store4(y, row / 4 + quad, values);
    } else {
        [[unroll]] for (uint c = 0; c < 4; c++)
            if (4 * quad + c < push.d)
                store(y, row + 4 * quad + c, values[c]);
    }
}

void main()
{
    const uint cluster = CLUSTER_ID, tiles = (push.queries + LANES - 1) / LANES;
    const uint first_query = GROUP.x % tiles * LANES, head = GROUP.x / tiles % push.heads * push.d;
    const uint batch = GROUP.x / tiles / push.heads;
    const uint k_head = push.k_first + batch * push.kv_batch + head;
    const uint v_head = push.v_first + batch * push.kv_batch + head;

    stage_queries(q, push.q_first + batch * push.q_batch + head + first_query * push.q_token,
                  push.queries - first_query);
    EACH_QUERY {
        highest[i] = LOWEST;
        totals[i] = 0;
        EACH_QUAD
            sums[i][p] = vec4(0);
    }
    for (uint key = 0; key < push.keys; key += KEYS) {
        stage(k, k_head + key * push.kv_token, push.kv_token, push.keys - key);
        score(cluster);
        weigh(cluster, push.keys - key, push.scale * LOG2_E);
        stage(v, v_head + key * push.kv_token, push.kv_token, push.keys - key);
        add_values(cluster);
    }

    const uint y_head = batch * push.y_batch + head;
    EACH_QUERY {
        const float norm = 1 / cluster_sum(totals[i]);
        const uint query = first_query + cluster * CLUSTER + i;
        if (query < push.queries) {
            EACH_QUAD
                store_quad(y_head + query * push.y_token, p * CLUSTER + LANE, sums[i][p] * norm);
        }
    }
}
