#version 460
#include "lib/kernel.glsl"
#include "lib/cluster.glsl"
#include "lib/quad.glsl"
#include "attention.h"

/* A team of SLICES clusters computes QUERIES queries of one head, KEYS keys at a time; each cluster has a
 * slice of the head's channels, and adds its part of a score to the others' in shared memory, in the order of
 * the slices. While scoring, a lane loads rows of its own and sums products for its own keys; while adding
 * values up, it has channels of its own and takes the weights from the lane that has the key. So a cluster
 * loads nothing twice (see SPEED.md). */
layout(local_size_x = CLUSTER * PS_ATTENTION_CLUSTERS) in;
layout(constant_id = PS_ATTENTION_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(constant_id = PS_ATTENTION_SPEC_SLICES) const uint SLICES = 1;
layout(constant_id = PS_ATTENTION_SPEC_ROWS) const uint ROWS = PS_ATTENTION_MAX_ROWS;
layout(constant_id = PS_ATTENTION_SPEC_LANE_PAIRS) const uint LANE_PAIRS = PS_ATTENTION_MAX_LANE_PAIRS;
layout(push_constant) uniform Arguments {
    ReadS q;
    ReadS k;
    ReadS v;
    WriteS y;
    ps_attention_push push;
    PS_PIECE
};

#define QUERIES (ROWS * CLUSTER)
#define MAX_ROWS PS_ATTENTION_MAX_ROWS
#define PAIRS PS_ATTENTION_MAX_LANE_PAIRS
#define LANE_KEYS 4
#define KEYS (LANE_KEYS * CLUSTER)
#define UNROLLED_KEYS 4
#define LOWEST -3.402823466e38
#define LOG2_E 1.44269504089

/* Of query 8 row + i. Scores become weights; they are of the keys 8 j + LANE of the block. Sums are of the
 * channels 16 p + 2 LANE and the next one of the slice. The total is of this lane's keys, the others are of
 * all keys so far. */
vec4 scores[MAX_ROWS][CLUSTER];
vec2 sums[MAX_ROWS][CLUSTER][PAIRS];
float highest[MAX_ROWS][CLUSTER], shrink[MAX_ROWS][CLUSTER], totals[MAX_ROWS][CLUSTER];

/* By cluster, query and lane. */
shared vec4 parts[SLICES > 1 ? PS_ATTENTION_CLUSTERS * QUERIES * CLUSTER : 1];

/* Loops over what a lane holds are unrolled and bounded by literals, with what specialisation leaves out
 * inside an `if`: an array that is indexed by anything but literals lies in memory instead of registers. */
#define EACH_ROW                                                                                             \
    [[unroll]] for (uint row = 0; row < MAX_ROWS; row++)                                                     \
        if (row < ROWS)
#define EACH_QUERY                                                                                           \
    [[unroll]] for (uint row = 0; row < MAX_ROWS; row++)                                                     \
        [[unroll]] for (uint i = 0; i < CLUSTER; i++)                                                        \
            if (row < ROWS)
#define EACH_PAIR                                                                                            \
    [[unroll]] for (uint p = 0; p < PAIRS; p++)                                                              \
        if (p < LANE_PAIRS)

/* So a loop that is not unrolled uses the front of a ring and turns it, eight times. */
#define TURN(type, ring)                                                                                     \
    {                                                                                                        \
        const type front = ring[0];                                                                          \
        [[unroll]] for (uint turned = 1; turned < CLUSTER; turned++)                                         \
            ring[turned - 1] = ring[turned];                                                                 \
        ring[CLUSTER - 1] = front;                                                                           \
    }

/* Adds the products of channels 4 quad to 4 quad + 3. */
void add_scores(ReadS from_q, ReadS from_k, uint q_rows[MAX_ROWS], uint k_rows[LANE_KEYS], uint quad)
{
    vec4 qs[MAX_ROWS], ks[LANE_KEYS];
    EACH_ROW
        qs[row] = load_quad(from_q, q_rows[row], quad, push.d, ALIGNED != 0);
    [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
        ks[j] = load_quad(from_k, k_rows[j], quad, push.d, ALIGNED != 0);
    EACH_QUERY {
        [[unroll]] for (uint c = 0; c < 4; c++)
            scores[row][i] = fma(vec4(from_lane(qs[row][c], i)), vec4(ks[0][c], ks[1][c], ks[2][c], ks[3][c]),
                                 scores[row][i]);
    }
}

/* Adds up the parts of every score that the clusters of a team hold. */
void add_slices(uint cluster)
{
    const uint own = cluster * (QUERIES * CLUSTER) + LANE;
    const uint first = cluster / SLICES * SLICES * (QUERIES * CLUSTER) + LANE;
    barrier();
    for (uint i = 0; i < CLUSTER; i++) {
        EACH_ROW {
            parts[own + (row * CLUSTER + i) * CLUSTER] = scores[row][0];
            TURN(vec4, scores[row])
        }
    }
    barrier();
    for (uint i = 0; i < CLUSTER; i++) {
        EACH_ROW {
            vec4 sum = vec4(0);
            for (uint slice = 0; slice < SLICES; slice++)
                sum += parts[first + slice * (QUERIES * CLUSTER) + (row * CLUSTER + i) * CLUSTER];
            scores[row][0] = sum;
            TURN(vec4, scores[row])
        }
    }
}

/* Online softmax, Milakov and Gimelshein 2018: scores become weights relative to the highest score so far,
 * and what was summed relative to a lower one shrinks. `keys` of the block exist; factor is the scale for
 * powers of two. */
void weigh(uint keys, float factor)
{
    const bvec4 exist = lessThan(uvec4(0, 1, 2, 3) * CLUSTER + LANE, uvec4(keys));
    for (uint i = 0; i < CLUSTER; i++) {
        EACH_ROW {
            const vec4 scaled = mix(vec4(LOWEST), scores[row][0] * factor, exist);
            const float block_top = max(max(scaled.x, scaled.y), max(scaled.z, scaled.w));
            const float top = max(highest[row][0], cluster_max(block_top));
            shrink[row][0] = exp2(highest[row][0] - top);
            highest[row][0] = top;
            scores[row][0] = exp2(scaled - top);
            totals[row][0] = totals[row][0] * shrink[row][0] + dot(scores[row][0], vec4(1));
            TURN(float, highest[row])
            TURN(float, shrink[row])
            TURN(float, totals[row])
            TURN(vec4, scores[row])
        }
    }
    EACH_QUERY {
        EACH_PAIR
            sums[row][i][p] *= shrink[row][i];
    }
}

/* Channels 2 LANE and the next one of every sixteen of the value row that begins at element `row`. */
vec2 load_channels(ReadS from, uint row, uint channel)
{
    vec2 pair;
    if (ALIGNED != 0)
        pair = load_aligned_pair(from, (row + min(channel, push.d - 2)) / 2);
    else
        pair = vec2(load(from, row + min(channel, push.d - 1)),
                    load(from, row + min(channel + 1, push.d - 1)));
    return pair;
}

/* Adds the values of the keys `first` to `first` + UNROLLED_KEYS - 1 of the eight whose weights are scores'
 * x. */
void add_values(ReadS from_v, uint rows[UNROLLED_KEYS], uint first, uint channel)
{
    [[unroll]] for (uint key = 0; key < UNROLLED_KEYS; key++) {
        vec2 values[PAIRS];
        EACH_PAIR
            values[p] = load_channels(from_v, rows[key], channel + 2 * CLUSTER * p);
        EACH_QUERY {
            const float weight = from_lane(scores[row][i].x, first + key);
            EACH_PAIR
                sums[row][i][p] = fma(vec2(weight), values[p], sums[row][i][p]);
        }
    }
}

void store_channels(uint row, uint channel, vec2 pair)
{
    if (channel < push.d)
        store(y, row + channel, pair.x);
    if (channel + 1 < push.d)
        store(y, row + channel + 1, pair.y);
}

void main()
{
    const uint cluster = CLUSTER_ID, slice = cluster % SLICES;
    const uint tiles = (push.queries + QUERIES - 1) / QUERIES;
    const uint tile = GROUP.x * (PS_ATTENTION_CLUSTERS / SLICES) + cluster / SLICES;
    const bool idle = tile >= tiles * push.heads * push.batch;
    if (SLICES == 1 && idle)
        return;

    /* Queries, keys and channels beyond the last are computed as copies of it and not used; an idle team of a
     * work group that has to meet at barriers works on the first tile. */
    const uint place = idle ? 0 : tile;
    const uint first_query = place % tiles * QUERIES, head = place / tiles % push.heads * push.d;
    const uint batch = place / tiles / push.heads;
    ReadS from_q = q, from_k = k, from_v = v;
    const uint keys = push.keys, kv_token = push.kv_token;
    const uint k_head = push.k_first + batch * push.kv_batch + head;
    const uint v_head = push.v_first + batch * push.kv_batch + head;
    const uint first_channel = slice * LANE_PAIRS * (2 * CLUSTER), channel = first_channel + 2 * LANE;
    const uint first_quad = first_channel / 4;
    const uint end_quad = min((push.d + 3) / 4, first_quad + LANE_PAIRS * (2 * CLUSTER / 4));
    const float factor = push.scale * LOG2_E;
    uint q_rows[MAX_ROWS];
    EACH_ROW
        q_rows[row] = push.q_first + batch * push.q_batch + head +
                      min(first_query + row * CLUSTER + LANE, push.queries - 1) * push.q_token;

    EACH_QUERY {
        highest[row][i] = LOWEST;
        totals[row][i] = 0;
        EACH_PAIR
            sums[row][i][p] = vec2(0);
    }
    for (uint key = 0; key < keys; key += KEYS) {
        uint k_rows[LANE_KEYS];
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
            k_rows[j] = k_head + min(key + j * CLUSTER + LANE, keys - 1) * kv_token;
        EACH_QUERY
            scores[row][i] = vec4(0);
        for (uint quad = first_quad; quad < end_quad; quad++)
            add_scores(from_q, from_k, q_rows, k_rows, quad);
        if (SLICES > 1)
            add_slices(cluster);
        weigh(keys - key, factor);

        for (uint group = 0; group < LANE_KEYS; group++) {
            for (uint first = 0; first < CLUSTER; first += UNROLLED_KEYS) {
                uint rows[UNROLLED_KEYS];
                [[unroll]] for (uint i = 0; i < UNROLLED_KEYS; i++)
                    rows[i] = v_head + min(key + group * CLUSTER + first + i, keys - 1) * kv_token;
                add_values(from_v, rows, first, channel);
            }
            /* The next eight keys move to the front. */
            EACH_QUERY
                scores[row][i] = scores[row][i].yzwx;
        }
    }

    const uint y_head = batch * push.y_batch + head;
    for (uint i = 0; i < CLUSTER; i++) {
        EACH_ROW {
            const float norm = 1 / cluster_sum(totals[row][0]);
            const uint query = first_query + row * CLUSTER + i;
            if (query < push.queries && !idle) {
                EACH_PAIR
                    store_channels(y_head + query * push.y_token, channel + 2 * CLUSTER * p,
                                   sums[row][0][p] * norm);
            }
            TURN(float, totals[row])
            [[unroll]] for (uint next = 1; next < CLUSTER; next++)
                EACH_PAIR
                    sums[row][next - 1][p] = sums[row][next][p];
        }
    }
}
