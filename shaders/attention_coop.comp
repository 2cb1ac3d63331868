#version 460
#include "lib/kernel.glsl"
#include "lib/flash.glsl"

/* Flash attention by the device's matrix units: products of M x K by K x N float16 or bfloat16, summed in float. A team has
 * MATRICES x M queries, KEYS keys at a time; each subgroup of it has CHANNELS of the head's channels: of the scores it
 * sums the part that those add, of the result it has those.
 *
 * Which lane has which element of a matrix is not told. So scores pass through shared memory to where a lane has a row of
 * them, or a part of one, and the row's online softmax to itself. The weights go back in 16 bits, with what the row's
 * sums shrink by as a matrix that repeats it in N columns; both take the place of the scores. */
layout(constant_id = PS_TILE_QUERIES) const uint MATRICES = 2;
layout(constant_id = PS_TILE_M) const uint M = 16;
layout(constant_id = PS_TILE_N) const uint N = 16;
layout(constant_id = PS_TILE_K) const uint K = 16;

#define Left coopmat<Element, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define Right coopmat<Element, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define Sums coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define ROW_MAJOR gl_CooperativeMatrixLayoutRowMajor
#define COLUMN_MAJOR gl_CooperativeMatrixLayoutColumnMajor

const uint QUERIES = MATRICES * M;
const uint ACROSS = CHANNELS / N, DEEP = CHANNELS / K;

/* First of keys, then in the same place of their values. */
shared uvec4 tiles[TILES * TILE];

/* What a subgroup hands its lanes and back: a row of it has KEYS scores; then N times what the row shrinks by, and from
 * WEIGHTS on KEYS halves. Before and after the loop queries and results pass through it. */
const uint WEIGHTS = N / 4;
const uint PITCH = (KEYS / 4 > WEIGHTS + KEYS / OCTET ? KEYS / 4 : WEIGHTS + KEYS / OCTET) | 1;
const uint SCRATCH = QUERIES * PITCH;
shared uvec4 scratch[LANES / SUBGROUP * SCRATCH];

/* Lanes of a team that share a row, octets of it that each has, and rows of a lane. */
const uint WANTED = TEAM_LANES > QUERIES ? TEAM_LANES / QUERIES : 1;
const uint SHARERS = WANTED > KEYS / OCTET ? KEYS / OCTET : WANTED;
const uint LANE_OCTETS = KEYS / OCTET / SHARERS;
const uint LANE_ROWS = TEAM_LANES > QUERIES ? 1 : QUERIES / TEAM_LANES;

uint own, first; /* octets where the scratch of this subgroup and of the team's first one begin */
uint sharer;     /* which of its row's lanes this one is */
float highest[LANE_ROWS];
float totals[LANE_ROWS]; /* of this lane's part of the keys */
uvec4 ahead[LOADS];
Left queries[DEEP * MATRICES];
Sums sums[MATRICES * ACROSS];

/* Row i of this lane; QUERIES or more where it has none. */
uint lane_row(uint i)
{
    return i * (TEAM_LANES / SHARERS) + (slice * SUBGROUP + gl_SubgroupInvocationID) / SHARERS;
}

/* Makes what was fetched the tile, once nobody reads the one before. */
void stage()
{
    meet_loaders();
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        const uvec2 place = load_place(i);
        if (place.x < KEYS)
            tiles[team_tile + place.x * TILE_PITCH + place.y] = ahead[i];
    }
    meet_loaders();
}

void load_queries()
{
    const uint octets = K / OCTET;
    [[unroll]] for (uint part = 0; part < DEEP; part++) {
        for (uint unit = gl_SubgroupInvocationID; unit < QUERIES * octets; unit += SUBGROUP) {
            const uint row = unit / octets, octet = unit % octets;
            scratch[own + row * PITCH + octet] =
                octet_at(q, q_head, first_query + row, push.q_token, push.queries,
                         (slice * CHANNELS + part * K) / OCTET + octet);
        }
        subgroupBarrier();
        [[unroll]] for (uint i = 0; i < MATRICES; i++)
            coopMatLoad(queries[part * MATRICES + i], scratch, own + i * M * PITCH, PITCH, ROW_MAJOR);
        subgroupBarrier();
    }
}

/* Scores of the tile, as far as this subgroup's channels go, into its scratch. */
void score()
{
    for (uint n = 0; n < KEYS / N; n++) {
        Sums scores[MATRICES];
        [[unroll]] for (uint i = 0; i < MATRICES; i++)
            scores[i] = Sums(0);
        [[unroll]] for (uint part = 0; part < DEEP; part++) {
            Right keys;
            coopMatLoad(keys, tiles,
                        team_tile + n * N * TILE_PITCH + (slice * CHANNELS + part * K) / OCTET, TILE_PITCH,
                        COLUMN_MAJOR);
            [[unroll]] for (uint i = 0; i < MATRICES; i++)
                scores[i] = coopMatMulAdd(queries[part * MATRICES + i], keys, scores[i]);
        }
        [[unroll]] for (uint i = 0; i < MATRICES; i++)
            coopMatStore(scores[i], scratch, own + i * M * PITCH + n * (N / 4), PITCH, ROW_MAJOR);
    }
}

/* Four scaled scores of a row of the team: the parts of all slices, in their order. */
vec4 scaled_scores(uint row, uint quad, uint keys)
{
    vec4 sum = uintBitsToFloat(scratch[first + row * PITCH + quad]);
    [[unroll]] for (uint other = 1; other < SLICES; other++)
        sum += uintBitsToFloat(scratch[first + other * SCRATCH + row * PITCH + quad]);
    const bvec4 exist = lessThan(uvec4(0, 1, 2, 3) + 4 * quad, uvec4(keys));
    return mix(vec4(LOWEST), sum * (push.scale * LOG2_E), exist);
}

void repeat_in_row(uint row, float value)
{
    [[unroll]] for (uint i = 0; i < N / 4; i++)
        scratch[first + row * PITCH + i] = floatBitsToUint(vec4(value));
}

/* Weights of the scores relative to `top`, of octet `octet` of the row; returns their sum as they were rounded. */
float put_weights(uint row, uint octet, vec4 low, vec4 high, float top)
{
    low = exp2(low - top);
    high = exp2(high - top);
    const uvec4 halves =
        uvec4(word_of(low.xy), word_of(low.zw), word_of(high.xy), word_of(high.zw));
    scratch[first + row * PITCH + WEIGHTS + octet] = halves;
    const vec2 sum = (pair_of(halves.x) + pair_of(halves.y)) +
                     (pair_of(halves.z) + pair_of(halves.w));
    return sum.x + sum.y;
}

/* Online softmax, Milakov and Gimelshein 2018: scores become weights relative to the highest score so far, and what was
 * summed relative to a lower one shrinks. `keys` of the tile exist. True where a row of this lane shrinks. */
bool weigh(uint keys)
{
    bool shrinks = false;
    [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) {
        const uint row = lane_row(i);
        vec4 low[LANE_OCTETS], high[LANE_OCTETS];
        float top = highest[i];
        if (row < QUERIES) {
            [[unroll]] for (uint j = 0; j < LANE_OCTETS; j++) {
                const uint quad = 2 * (j * SHARERS + sharer);
                low[j] = scaled_scores(row, quad, keys);
                high[j] = scaled_scores(row, quad + 1, keys);
                const vec4 larger = max(low[j], high[j]);
                top = max(top, max(max(larger.x, larger.y), max(larger.z, larger.w)));
            }
        }
        [[unroll]] for (uint bit = 1; bit < SHARERS; bit *= 2)
            top = max(top, subgroupShuffleXor(top, bit));
        if (SHARERS > 1)
            subgroupBarrier(); /* all have read before one writes in the place of another's */
        if (row < QUERIES) {
            const float shrink = exp2(highest[i] - top);
            shrinks = shrinks || top != highest[i];
            highest[i] = top;
            totals[i] *= shrink;
            [[unroll]] for (uint j = 0; j < LANE_OCTETS; j++)
                totals[i] += put_weights(row, j * SHARERS + sharer, low[j], high[j], top);
            if (sharer == 0)
                repeat_in_row(row, shrink);
        }
    }
    return shrinks;
}

/* Multiplies every row of the sums by what repeat_in_row put into the scratch. */
void multiply_rows()
{
    [[unroll]] for (uint i = 0; i < MATRICES; i++) {
        Sums factors;
        coopMatLoad(factors, scratch, first + i * M * PITCH, PITCH, ROW_MAJOR);
        [[unroll]] for (uint n = 0; n < ACROSS; n++)
            sums[i * ACROSS + n] *= factors;
    }
}

void add_values()
{
    for (uint part = 0; part < KEYS / K; part++) {
        Left weights[MATRICES];
        [[unroll]] for (uint i = 0; i < MATRICES; i++)
            coopMatLoad(weights[i], scratch, first + i * M * PITCH + WEIGHTS + part * (K / OCTET), PITCH,
                        ROW_MAJOR);
        [[unroll]] for (uint n = 0; n < ACROSS; n++) {
            Right values;
            coopMatLoad(values, tiles, team_tile + part * K * TILE_PITCH + (slice * CHANNELS + n * N) / OCTET,
                        TILE_PITCH, ROW_MAJOR);
            [[unroll]] for (uint i = 0; i < MATRICES; i++)
                sums[i * ACROSS + n] = coopMatMulAdd(weights[i], values, sums[i * ACROSS + n]);
        }
    }
}

/* Divides the sums by the totals and stores them, N channels at a time. */
void store_sums()
{
    meet_team();
    [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) {
        float total = totals[i];
        [[unroll]] for (uint bit = 1; bit < SHARERS; bit *= 2)
            total += subgroupShuffleXor(total, bit);
        if (lane_row(i) < QUERIES && sharer == 0)
            repeat_in_row(lane_row(i), 1 / total);
    }
    meet_team();
    multiply_rows();
    meet_team();
    const uint octets = N / OCTET;
    [[unroll]] for (uint n = 0; n < ACROSS; n++) {
        [[unroll]] for (uint i = 0; i < MATRICES; i++)
            coopMatStore(sums[i * ACROSS + n], scratch, own + i * M * PITCH, PITCH, ROW_MAJOR);
        subgroupBarrier();
        for (uint unit = gl_SubgroupInvocationID; unit < QUERIES * octets; unit += SUBGROUP) {
            const uint row = unit / octets, octet = unit % octets, at = own + row * PITCH + 2 * octet;
            const vec4 low = uintBitsToFloat(scratch[at]), high = uintBitsToFloat(scratch[at + 1]);
            store_octet(row, (slice * CHANNELS + n * N) / OCTET + octet,
                        uvec4(word_of(low.xy), word_of(low.zw), word_of(high.xy),
                              word_of(high.zw)));
        }
        subgroupBarrier();
    }
}

void main()
{
    find_place(QUERIES);
    own = gl_SubgroupID * SCRATCH;
    first = team * SLICES * SCRATCH;
    sharer = gl_SubgroupInvocationID % SHARERS;
    fetch(k, k_head, 0, ahead);
    load_queries();
    [[unroll]] for (uint i = 0; i < LANE_ROWS; i++) {
        highest[i] = LOWEST;
        totals[i] = 0;
    }
    [[unroll]] for (uint i = 0; i < MATRICES * ACROSS; i++)
        sums[i] = Sums(0);

    for (uint key = 0; key < push.keys; key += KEYS) {
        stage();
        fetch(v, v_head, key, ahead);
        score();
        meet_team();
        const bool shrinks = weigh(push.keys - key);
        stage(); /* where the team meets again */
        if (key + KEYS < push.keys)
            fetch(k, k_head, key + KEYS, ahead);
        if (SLICES > 1 || in_any_lane(shrinks))
            multiply_rows();
        add_values();
    }
    store_sums();
}
