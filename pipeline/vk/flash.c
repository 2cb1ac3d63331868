#include "vk/flash.h"

#include <string.h>

#include "base/checked.h"
#include "vk/state.h"

#include "attention.h"

enum { Q, K, V, Y };

#define OCTET 8 /* halves that are loaded and stored at a time */
#define OCTET_BYTES 16

/* What a work group of attention_coop or attention_coop2 does at a time. */
struct shape {
    uint32_t rows; /* of queries that a subgroup has: of matrices for coop, of queries for coop2 */
    uint32_t subgroups, keys;
    enum { USUAL, SMALL, BY_REQUEST } use; /* the last: only for ps_vk_params.tile */
};

/* How a head is cut up for it. */
struct cut {
    uint32_t slices, channels;
};

static struct ps_attention_push push_of(const struct ps_launch *launch)
{
    struct ps_attention_push push;
    memcpy(&push, launch->push, sizeof push);
    return push;
}

/* Whether every head of every row begins at a multiple of so many elements, and ends at one. */
static bool is_aligned(const struct ps_launch *launch, uint32_t elements)
{
    const struct ps_attention_push p = push_of(launch);
    const struct ps_tensor *o = launch->operands;
    const uint32_t distances = p.d | p.q_first | p.k_first | p.v_first | p.q_token | p.kv_token | p.y_token |
                               p.q_batch | p.kv_batch | p.y_batch;
    const uint64_t offsets = o[Q].offset | o[K].offset | o[V].offset | o[Y].offset;
    return distances % elements == 0 && offsets % (elements * ps_type_bytes(launch->type)) == 0;
}

/* Work groups: each takes `queries` of a head, or `heads` heads (or such parts of them). */
static void set_groups(struct ps_vk_choice *choice, const struct ps_attention_push *push, uint32_t queries,
                       uint32_t heads)
{
    choice->items[0] = ps_div_up(push->queries, queries) * push->heads * push->batch;
    choice->items[1] = choice->items[2] = 1;
    choice->group[0] = heads;
    choice->group[1] = choice->group[2] = 1;
}

static void set_shape(const struct ps_vk *vk, const struct shape *shape, const struct cut *cut,
                      uint32_t teams, bool packed, struct ps_vk_choice *choice)
{
    uint32_t *spec = choice->spec;
    spec[PS_TILE_LANES] = teams * cut->slices * vk->subgroup;
    spec[PS_TILE_SUBGROUP] = vk->subgroup;
    spec[PS_TILE_QUERIES] = shape->rows;
    spec[PS_TILE_KEYS] = shape->keys;
    spec[PS_TILE_CHANNELS] = cut->channels;
    spec[PS_TILE_SLICES] = cut->slices;
    spec[PS_TILE_PACKED] = packed;
}

/* Octets between rows of a tile of keys: lib/flash.glsl. */
static uint32_t tile_pitch(const struct cut *cut)
{
    return cut->slices * cut->channels / OCTET | 1;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Shapes decide about bits by their number of keys. So which one is taken depends on the device and on the channels of a
 * head alone; how many teams a work group has, and whether they are packed, may depend on the queries. */
typedef uint32_t shared_bytes_of(const struct ps_vk *vk, const struct shape *shape, const struct cut *cut,
                                 uint32_t teams, uint32_t tiles);

/* On a processor each row of matrices more is more code to compile, for nothing. */
static bool is_offered(const struct ps_vk *vk, const struct shape *shape, const struct shape *shapes)
{
    if (vk->tile)
        return vk->tile == (uint32_t)(shape - shapes) + 1;
    return shape->use == SMALL || (shape->use == USUAL && !vk->info.software);
}

static uint32_t teams_of(const struct shape *shape, const struct cut *cut)
{
    return larger(shape->subgroups / cut->slices, 1);
}

static const struct shape *choose_shape(const struct ps_vk *vk, const struct shape *shapes, size_t count,
                                        const struct cut *cut, shared_bytes_of *shared_bytes)
{
    for (const struct shape *shape = shapes; shape < shapes + count; shape++) {
        const uint32_t teams = teams_of(shape, cut);
        if (is_offered(vk, shape, shapes) && teams * cut->slices * vk->subgroup <= vk->max_lanes &&
            shared_bytes(vk, shape, cut, teams, 1) <= vk->shared_bytes)
            return shape;
    }
    return NULL;
}

/* Fits a shape of which a team has `queries`. Teams are packed where the queries of a head are for half of them or less. */
static void fit(const struct ps_vk *vk, const struct ps_launch *launch, const struct shape *shape,
                const struct cut *cut, uint32_t queries, shared_bytes_of *shared_bytes,
                struct ps_vk_choice *choice)
{
    const struct ps_attention_push push = push_of(launch);
    uint32_t teams = teams_of(shape, cut);
    const bool packed = teams > 1 && push.queries <= queries * teams / 2;
    while (packed && teams > 1 && shared_bytes(vk, shape, cut, teams, teams) > vk->shared_bytes)
        teams /= 2;
    set_shape(vk, shape, cut, teams, packed, choice);
    set_groups(choice, &push, packed ? queries : teams * queries, packed ? teams : 1);
}

/* ---- attention_coop ---- */

/* Scores and sums of a subgroup of 32 are 112 registers a lane with 2 rows of 16 x 16 matrices, 32 keys and 64 channels.
 * None of it has been measured (shaders/SPEED.md). */
static const struct shape coop_shapes[] = {
    {2, 4, 32, USUAL}, {2, 4, 64, BY_REQUEST}, {1, 4, 64, BY_REQUEST}, {1, 8, 32, BY_REQUEST},
    {2, 4, 16, USUAL}, {1, 4, 32, USUAL},      {1, 4, 16, SMALL},      {1, 2, 16, SMALL},
};
#define COOP_SHAPES (sizeof coop_shapes / sizeof *coop_shapes)

/* Channels that a subgroup has at most: its sums are in registers. */
#define MOST_CHANNELS 80

static uint32_t coop_shared_bytes(const struct ps_vk *vk, const struct shape *shape, const struct cut *cut,
                                  uint32_t teams, uint32_t tiles)
{
    const uint32_t handed = larger(shape->keys / 4, vk->matrix.n / 4 + shape->keys / OCTET) | 1;
    return (tiles * shape->keys * tile_pitch(cut) +
            teams * cut->slices * shape->rows * vk->matrix.m * handed) *
           OCTET_BYTES;
}

static struct cut coop_cut(const struct ps_vk *vk, uint32_t d)
{
    struct cut cut = {.slices = 1};
    while (cut.slices * MOST_CHANNELS < d)
        cut.slices *= 2;
    const uint32_t unit = larger(vk->matrix.n, vk->matrix.k);
    cut.channels = ps_div_up(ps_div_up(d, cut.slices), unit) * unit;
    return cut;
}

bool ps_vk_flash_coop_can(const struct ps_vk *vk)
{
    const struct cut cut = {1, MOST_CHANNELS};
    return vk->matrix.m && vk->matrix.n % OCTET == 0 && vk->matrix.k % OCTET == 0 && vk->matrix.n <= 16 &&
           vk->matrix.k <= 16 && choose_shape(vk, coop_shapes, COOP_SHAPES, &cut, coop_shared_bytes);
}

bool ps_vk_flash_coop_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice)
{
    const struct cut cut = coop_cut(vk, push_of(launch).d);
    const struct shape *shape = choose_shape(vk, coop_shapes, COOP_SHAPES, &cut, coop_shared_bytes);
    if (!shape || !is_aligned(launch, OCTET) || !ps_vk_has_matrix_of(vk, launch->type))
        return false;
    fit(vk, launch, shape, &cut, shape->rows * vk->matrix.m, coop_shared_bytes, choice);
    choice->spec[PS_TILE_M] = vk->matrix.m;
    choice->spec[PS_TILE_N] = vk->matrix.n;
    choice->spec[PS_TILE_K] = vk->matrix.k;
    return true;
}

/* ---- attention_coop2 ---- */

/* Four subgroups of 16 queries with 64 keys at a time is what FlashAttention-2, Dao 2023, has on GPUs whose matrix units work
 * for one subgroup; its sums are 32 registers a lane with 64 channels. Mesa's software driver reduces matrices of more
 * rows than the unit of sizes, 8, wrongly. */
static const struct shape coop2_shapes[] = {
    {16, 4, 64, USUAL},      {16, 8, 64, BY_REQUEST}, {32, 4, 32, BY_REQUEST},
    {32, 4, 64, BY_REQUEST}, {16, 4, 32, USUAL},      {8, 4, 16, SMALL},
};
#define COOP2_SHAPES (sizeof coop2_shapes / sizeof *coop2_shapes)
#define COOP2_MOST_CHANNELS 128

static uint32_t coop2_shared_bytes(const struct ps_vk *vk, const struct shape *shape, const struct cut *cut,
                                   uint32_t teams, uint32_t tiles)
{
    const struct ps_vk_matrix unit = vk->flexible;
    const bool whole = shape->rows % unit.m == 0 && shape->keys % unit.n == 0 && shape->keys % unit.k == 0;
    if (!whole)
        return UINT32_MAX;
    return (2 * tiles * shape->keys + teams * shape->rows) * tile_pitch(cut) * OCTET_BYTES;
}

bool ps_vk_flash_coop2_can(const struct ps_vk *vk)
{
    const struct cut cut = {1, COOP2_MOST_CHANNELS};
    return vk->flexible.m && choose_shape(vk, coop2_shapes, COOP2_SHAPES, &cut, coop2_shared_bytes);
}

bool ps_vk_flash_coop2_fit(const struct ps_vk *vk, const struct ps_launch *launch,
                           struct ps_vk_choice *choice)
{
    const uint32_t unit = larger(larger(vk->flexible.n, vk->flexible.k), OCTET), d = push_of(launch).d;
    const struct cut cut = {1, ps_div_up(d, unit) * unit};
    const struct shape *shape = choose_shape(vk, coop2_shapes, COOP2_SHAPES, &cut, coop2_shared_bytes);
    if (d > COOP2_MOST_CHANNELS || !shape || !is_aligned(launch, OCTET))
        return false;
    fit(vk, launch, shape, &cut, shape->rows, coop2_shared_bytes, choice);
    choice->spec[PS_TILE_N] = vk->flexible.n;
    return true;
}

/* ---- attention_portable ---- */

/* Queries, keys or their values, and the weights of 32 keys; in float. */
static uint32_t portable_shared_bytes(uint32_t lanes, uint32_t d)
{
    const uint32_t keys = 32, pitch = ps_div_up(d, 4) | 1;
    return ((lanes + keys) * pitch * 4 + lanes * keys) * 4;
}

bool ps_vk_flash_portable_can(const struct ps_vk *vk)
{
    return portable_shared_bytes(larger(vk->subgroup, 32), 64) <= vk->shared_bytes;
}

bool ps_vk_flash_portable_fit(const struct ps_vk *vk, const struct ps_launch *launch,
                              struct ps_vk_choice *choice)
{
    const struct ps_attention_push push = push_of(launch);
    if (push.d > PS_ATTENTION_PORTABLE_MAX_D ||
        (launch->spec[PS_ATTENTION_SPEC_ALIGNED] && !is_aligned(launch, 4)))
        return false;
    const uint32_t fewest = larger(vk->subgroup, 32);
    uint32_t lanes = larger(fewest, 64);
    if (push.queries <= fewest || portable_shared_bytes(lanes, push.d) > vk->shared_bytes)
        lanes = fewest;
    if (portable_shared_bytes(lanes, push.d) > vk->shared_bytes)
        return false;
    choice->spec[PS_TILE_LANES] = lanes;
    choice->spec[PS_TILE_CHANNELS] = ps_div_up(push.d, 4) * 4;
    set_groups(choice, &push, lanes, 1);
    return true;
}
