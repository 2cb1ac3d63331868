/* What the variants of attention for matrix units share: who works on what, and how rows come and go.
 *
 * A work group has teams of SLICES subgroups, and a team has TEAM_QUERIES queries of one head. Either the teams have
 * queries of the same head, one behind the other, and share the tiles of keys and values in shared memory; or, PACKED,
 * each has a head of its own with tiles of its own, for heads of few queries. Channels come in octets, 16 bytes; a row
 * beyond the last one, and channels beyond a head's, are zeros in shared memory and are never stored. */
#ifndef PS_FLASH_GLSL
#define PS_FLASH_GLSL

#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#include "attention.h"
#include "lib/matrix.glsl"
#include "lib/variant.h"

layout(local_size_x_id = PS_TILE_LANES) in;
layout(constant_id = PS_TILE_LANES) const uint LANES = 128;
layout(constant_id = PS_TILE_SUBGROUP) const uint SUBGROUP = 32;
layout(constant_id = PS_TILE_KEYS) const uint KEYS = 32;
layout(constant_id = PS_TILE_CHANNELS) const uint CHANNELS = 64;
layout(constant_id = PS_TILE_SLICES) const uint SLICES = 1;
layout(constant_id = PS_TILE_PACKED) const uint PACKED = 0;
layout(push_constant) uniform Arguments {
    ReadS q;
    ReadS k;
    ReadS v;
    WriteS y;
    ps_attention_push push;
    PS_PIECE
};

#define LOWEST -3.402823466e38
#define LOG2_E 1.44269504089
#define OCTET 8
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ReadOctets {
    uvec4 at[];
};
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer WriteOctets {
    uvec4 at[];
};

const uint TEAM_LANES = SLICES * SUBGROUP;
const uint TEAMS = LANES / TEAM_LANES;
const uint HEAD_OCTETS = SLICES * CHANNELS / OCTET;

/* A tile of keys or values. Its rows are an odd number of octets apart, so that eight lanes that read an octet of eight rows
 * read from different banks. */
const uint TILE_PITCH = HEAD_OCTETS | 1;
const uint TILE = KEYS * TILE_PITCH;
const uint TILES = PACKED != 0 ? TEAMS : 1;

/* Lanes that load a tile, and how many octets each. */
const uint LOADERS = PACKED != 0 ? TEAM_LANES : LANES;
const uint LOADS = (KEYS * HEAD_OCTETS + LOADERS - 1) / LOADERS;

uint team, slice; /* of this subgroup */
uint team_tile;   /* octets where the team's tile begins */
uint loader;      /* which of the loaders this lane is */

/* Where the team's queries begin, and elements where the head begins in the first row of each operand. */
uint first_query, q_head, k_head, v_head, y_head;

/* Finds all of the above. A team that is left over, behind the last head, goes along with the others without queries: Mesa's
 * software driver ends a work group with the first subgroup that returns. */
void find_place(uint team_queries)
{
    team = gl_SubgroupID / SLICES;
    slice = gl_SubgroupID % SLICES;
    team_tile = PACKED != 0 ? team * TILE : 0;
    loader = (PACKED != 0 ? slice : gl_SubgroupID) * SUBGROUP + gl_SubgroupInvocationID;

    const uint tile_queries = PACKED != 0 ? team_queries : TEAMS * team_queries;
    const uint place = PACKED != 0 ? GROUP.x * TEAMS + team : GROUP.x;
    const uint tiles = (push.queries + tile_queries - 1) / tile_queries;
    const bool left_over = place / tiles / push.heads >= push.batch;
    const uint head = place / tiles % push.heads * push.d, batch = left_over ? 0 : place / tiles / push.heads;
    first_query = left_over ? push.queries
                            : place % tiles * tile_queries + (PACKED != 0 ? 0 : team * team_queries);
    q_head = push.q_first + batch * push.q_batch + head;
    k_head = push.k_first + batch * push.kv_batch + head;
    v_head = push.v_first + batch * push.kv_batch + head;
    y_head = batch * push.y_batch + head;
}

/* What the subgroups of a team wrote into shared memory is seen by all of them. */
void meet_team()
{
    if (SLICES > 1)
        barrier();
    else
        subgroupBarrier();
}

/* The same for those that share a tile. */
void meet_loaders()
{
    if (PACKED != 0)
        meet_team();
    else
        barrier();
}

/* An octet of a row of the head that begins at element `head` of its first row. */
uvec4 octet_at(ReadS from, uint head, uint row, uint pitch, uint rows, uint octet)
{
    uvec4 value = uvec4(0);
    if (row < rows && octet * OCTET < push.d)
        value = ReadOctets(from).at[(head + row * pitch) / OCTET + octet];
    return value;
}

/* Row and octet of this lane's load i of a tile; there is none where the row is KEYS or more. */
uvec2 load_place(uint i)
{
    const uint unit = i * LOADERS + loader;
    return uvec2(unit / HEAD_OCTETS, unit % HEAD_OCTETS);
}

/* Takes this lane's part of the tile that begins with row `key` on its way from memory. */
void fetch(ReadS from, uint head, uint key, out uvec4 ahead[LOADS])
{
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        const uvec2 place = load_place(i);
        ahead[i] = place.x < KEYS
                       ? octet_at(from, head, key + place.x, push.kv_token, push.keys, place.y)
                       : uvec4(0);
    }
}

/* Whether it is so in any lane of the subgroup. */
bool in_any_lane(bool is)
{
    uint any = is ? 1 : 0;
    [[unroll]] for (uint bit = 1; bit < SUBGROUP; bit *= 2)
        any |= subgroupShuffleXor(any, bit);
    return any != 0;
}

void store_octet(uint row, uint octet, uvec4 value)
{
    const uint query = first_query + row;
    if (query < push.queries && octet * OCTET < push.d)
        WriteOctets(y).at[(y_head + query * push.y_token) / OCTET + octet] = value;
}

#endif
