#version 460
#include "lib/kernel.glsl"
#include "lib/cluster.glsl"
#include "attention.h"

/* A cluster computes QUERIES queries for a slice of the head's channels, KEYS keys at a time. The head is cut into SLICES
 * slices of 8 LANE_CHANNELS channels; clusters of a work group that share their queries add their parts of a score in
 * shared memory, in the order of the slices. While scoring, a lane holds its own keys; while summing values, its own
 * channels, and takes the probabilities from the lane that holds the key. */
layout(local_size_x = CLUSTER * PS_ATTENTION_CLUSTERS) in;
layout(constant_id = PS_ATTENTION_SPEC_ALIGNED) const uint ALIGNED = 0;
layout(constant_id = PS_ATTENTION_SPEC_SLICES) const uint SLICES = 1;
layout(constant_id = PS_ATTENTION_SPEC_LANE_CHANNELS) const uint LANE_CHANNELS = PS_ATTENTION_MAX_LANE_CHANNELS;
layout(push_constant) uniform Arguments {
    ReadS q;
    ReadS k;
    ReadS v;
    WriteS y;
    ps_attention_push push;
    PS_PIECE
};

#include "lib/quad.glsl"

#define QUERIES PS_ATTENTION_QUERIES
#define LANE_KEYS 4
#define KEYS (LANE_KEYS * CLUSTER)
#define LOWEST -3.402823466e38

shared float parts[SLICES > 1 ? PS_ATTENTION_CLUSTERS * QUERIES * KEYS : 1];

float scores[QUERIES][LANE_KEYS];        /* then probabilities; of key block + 8 j + LANE */
float sums[QUERIES][PS_ATTENTION_MAX_LANE_CHANNELS]; /* of channel slice + 8 j + LANE */
float highest[QUERIES], weights[QUERIES]; /* of this lane's keys so far: weights; of all: highest */

/* Adds up the parts of every score that the clusters of the same queries hold. */
void gather_scores(uint cluster, uint slice)
{
    const uint own = cluster * (QUERIES * KEYS) + LANE, first = (cluster - slice) * (QUERIES * KEYS) + LANE;
    barrier();
    [[unroll]] for (uint i = 0; i < QUERIES; i++)
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
            parts[own + i * KEYS + j * CLUSTER] = scores[i][j];
    barrier();
    [[unroll]] for (uint i = 0; i < QUERIES; i++)
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++) {
            float sum = 0;
            for (uint part = 0; part < SLICES; part++)
                sum += parts[first + part * (QUERIES * KEYS) + i * KEYS + j * CLUSTER];
            scores[i][j] = sum;
        }
}

/* Online softmax, Milakov and Gimelshein 2018: scores of the block at `key` become weights relative to the highest score
 * so far, and what was summed relative to a lower one is scaled down. */
void weigh_scores(uint key)
{
    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        float top = LOWEST;
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++) {
            scores[i][j] = key + j * CLUSTER + LANE < push.keys ? scores[i][j] * push.scale : LOWEST;
            top = max(top, scores[i][j]);
        }
        top = max(highest[i], cluster_max(top));
        const float shrink = exp(highest[i] - top);
        highest[i] = top;
        weights[i] *= shrink;
        [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++)
            sums[i][j] *= shrink;
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++) {
            scores[i][j] = key + j * CLUSTER + LANE < push.keys ? exp(scores[i][j] - top) : 0;
            weights[i] += scores[i][j];
        }
    }
}

void main()
{
    const uint cluster = CLUSTER_ID, slice = cluster % SLICES;
    const uint tile = GROUP.x * (PS_ATTENTION_CLUSTERS / SLICES) + cluster / SLICES;
    const uint first_query = tile * QUERIES, first_channel = slice * LANE_CHANNELS * CLUSTER;
    if (SLICES == 1 && first_query >= push.queries)
        return;

    /* Queries, keys and channels beyond the last are computed as copies of it and not used. */
    ReadS from_q = q, from_k = k, from_v = v;
    const uint d = push.d, keys = push.keys, kv_token = push.kv_token;
    const uint head = GROUP.y * d, kv = GROUP.z * push.kv_batch + head;
    const uint q_row = push.q_first + GROUP.z * push.q_batch + head +
                       min(first_query + LANE, push.queries - 1) * push.q_token;
    const uint k_head = push.k_first + kv, v_head = push.v_first + kv;
    const uint first_quad = first_channel / 4;
    const uint end_quad = min((d + 3) / 4, first_quad + LANE_CHANNELS * CLUSTER / 4);
    uint channels[PS_ATTENTION_MAX_LANE_CHANNELS];
    [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++)
        channels[j] = min(first_channel + j * CLUSTER + LANE, d - 1);

    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        highest[i] = LOWEST;
        weights[i] = 0;
        [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++)
            sums[i][j] = 0;
    }
    for (uint key = 0; key < keys; key += KEYS) {
        uint k_rows[LANE_KEYS];
        [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
            k_rows[j] = k_head + min(key + j * CLUSTER + LANE, keys - 1) * kv_token;
        [[unroll]] for (uint i = 0; i < QUERIES; i++)
            [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
                scores[i][j] = 0;
        for (uint quad = first_quad; quad < end_quad; quad++) {
            const vec4 own = load_quad(from_q, q_row, quad, d, ALIGNED != 0);
            vec4 ks[LANE_KEYS];
            [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
                ks[j] = load_quad(from_k, k_rows[j], quad, d, ALIGNED != 0);
            [[unroll]] for (uint i = 0; i < QUERIES; i++)
                [[unroll]] for (uint c = 0; c < 4; c++) {
                    const float qc = from_lane(own[c], i);
                    [[unroll]] for (uint j = 0; j < LANE_KEYS; j++)
                        scores[i][j] = fma(qc, ks[j][c], scores[i][j]);
                }
        }
        if (SLICES > 1)
            gather_scores(cluster, slice);
        weigh_scores(key);

        for (uint group = 0; group < LANE_KEYS; group++) {
            for (uint lane = 0; lane < CLUSTER; lane++) {
                const uint row = v_head + min(key + group * CLUSTER + lane, keys - 1) * kv_token;
                float values[PS_ATTENTION_MAX_LANE_CHANNELS];
                [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++)
                    values[j] = load(from_v, row + channels[j]);
                [[unroll]] for (uint i = 0; i < QUERIES; i++) {
                    const float weight = from_lane(scores[i][0], lane);
                    [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++)
                        sums[i][j] = fma(weight, values[j], sums[i][j]);
                }
            }
            /* Registers cannot be indexed by a loop's counter: the next eight keys move to the front. */
            [[unroll]] for (uint i = 0; i < QUERIES; i++)
                [[unroll]] for (uint j = 0; j + 1 < LANE_KEYS; j++)
                    scores[i][j] = scores[i][j + 1];
        }
    }

    const uint y_row = GROUP.z * push.y_batch + head;
    [[unroll]] for (uint i = 0; i < QUERIES; i++) {
        const float total = cluster_sum(weights[i]);
        const uint query = first_query + i;
        if (query < push.queries)
            [[unroll]] for (uint j = 0; j < LANE_CHANNELS; j++) {
                const uint channel = first_channel + j * CLUSTER + LANE;
                if (channel < d)
                    store(y, y_row + query * push.y_token + channel, sums[i][j] / total);
            }
    }
}
