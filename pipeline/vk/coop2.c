#include "vk/coop2.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "conv.h"
#include "linear.h"
#include "vk/state.h"

/* The operands of linear and conv; the packed weight is [taps, ceil(K / 4), columns, 4]. */
enum { X, WEIGHT, BIAS, VECTOR, RESIDUAL, Y };

#define DEPTH 64

struct tile {
    uint32_t rows, columns, lanes;
    double cost; /* of an element of it against the first: smaller tiles load more for each product */
};

/* The costs are for devices whose tiles have not been timed (trial.c); they are an estimate. */
static const struct tile tiles[PS_VK_COOP2_TILES] = {
    {256, 128, 256, 1}, {128, 128, 256, 1.1}, {128, 64, 128, 1.3}, {64, 64, 128, 1.6}};

/* What the stand-ins of tests do: any size. */
static const struct ps_vk_wide emulated = {.units = {{1, 1, 1}, {1, 1, 1}}, .most = 256};

static const struct ps_vk_wide *wide_of(const struct ps_vk *vk)
{
    return vk->stand_in ? &emulated : &vk->wide;
}

/* GEGLU has two matrices of half as many columns, which must be possible too. */
static bool is_possible(const struct ps_vk *vk, const struct tile *tile)
{
    const struct ps_vk_wide *wide = wide_of(vk);
    const struct ps_vk_matrix unit = wide->units[tile->lanes / PS_VK_WIDE_LANES - 1];
    return unit.m && tile->rows % unit.m == 0 && tile->columns / 2 % unit.n == 0 && DEPTH % unit.k == 0 &&
           tile->rows <= wide->most && tile->columns <= wide->most && DEPTH <= wide->most &&
           tile->lanes <= vk->max_lanes && tile->lanes % vk->subgroup == 0;
}

bool ps_vk_coop2_can(const struct ps_vk *vk)
{
    bool possible = false;
    for (size_t i = 0; i < PS_VK_COOP2_TILES; i++)
        possible |= is_possible(vk, &tiles[i]);
    return possible;
}

struct ps_vk_area ps_vk_coop2_area(const struct ps_vk *vk, uint32_t number)
{
    const struct tile *tile = &tiles[number];
    return is_possible(vk, tile) ? (struct ps_vk_area){tile->rows, tile->columns, false}
                                 : (struct ps_vk_area){0};
}

/* ---- the rows of a tile as a patch of the output ---- */

/* Frames, rows and columns, of the output or of a patch. */
struct extent {
    uint32_t frames, h, w;
};

static struct extent picture_of(const struct ps_launch *launch)
{
    struct ps_conv_push push;
    if (launch->kernel != PS_KERNEL_conv)
        return (struct extent){1, 1, launch->items[1]};
    memcpy(&push, launch->push, sizeof push);
    return (struct extent){push.frames, push.out_h, push.out_w};
}

static uint64_t patches(struct extent picture, struct extent patch)
{
    return (uint64_t)ps_div_up(picture.frames, patch.frames) * ps_div_up(picture.h, patch.h) *
           ps_div_up(picture.w, patch.w);
}

/* The patch of so many rows, a power of two, of which fewest cover the picture; of those the widest. */
static struct extent best_patch(struct extent picture, uint32_t rows)
{
    struct extent best = {1, 1, rows};
    for (uint32_t w = rows; w; w /= 2)
        for (uint32_t h = rows / w; h; h /= 2) {
            const struct extent patch = {rows / w / h, h, w};
            if (patches(picture, patch) < patches(picture, best))
                best = patch;
        }
    return best;
}

/* ---- which launches, and with which tile ---- */

/* Rows of all operands begin at multiples of 16 bytes, so that positions of the kernel and phases do. A stride has to divide
 * the input's height, as strides of a tensor may not overlap. Enlarging by index is no tensor's address, and whole
 * numbers have scales: both are for lib/coop.glsl. */
static bool is_taken(const struct ps_launch *launch)
{
    const struct ps_tensor *o = launch->operands;
    const uint32_t channels = o[X].c | o[Y].c;
    const uint64_t offsets = o[X].offset | o[WEIGHT].offset | o[RESIDUAL].offset | o[Y].offset;
    if (launch->spec[PS_LINEAR_SPEC_Q8] || channels % 8 || offsets % 16)
        return false;
    if (launch->kernel != PS_KERNEL_conv)
        return true;
    struct ps_conv_push push;
    memcpy(&push, launch->push, sizeof push);
    return push.wide_h == push.in_h && push.wide_w == push.in_w &&
           push.in_h % launch->spec[PS_CONV_SPEC_STRIDE] == 0;
}

static double estimate(const struct ps_vk *vk, const struct ps_launch *launch, size_t number)
{
    const struct tile *tile = &tiles[number];
    const struct ps_vk_pace *paces = vk->paces[PS_VK_PACES_COOP2];
    const struct extent picture = picture_of(launch);
    const double groups = (double)(patches(picture, best_patch(picture, tile->rows)) *
                                   ps_div_up(launch->items[0], tile->columns));
    if (ps_vk_is_timed(paces))
        return paces[number].seconds > 0 ? ceil(groups / paces[number].groups) * paces[number].seconds
                                         : INFINITY;
    return ceil(groups / PS_VK_ENOUGH_GROUPS) * tile->rows * tile->columns * tile->cost;
}

static const struct tile *choose_tile(const struct ps_vk *vk, const struct ps_launch *launch)
{
    const struct tile *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < PS_VK_COOP2_TILES; i++) {
        if (!is_possible(vk, &tiles[i]))
            continue;
        if (vk->tile == i + 1)
            return &tiles[i];
        const double takes = vk->unequal & 1u << i ? INFINITY : estimate(vk, launch, i);
        if (takes < least)
            best = &tiles[i];
        least = fmin(least, takes);
    }
    return best;
}

bool ps_vk_coop2_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice)
{
    const struct tile *tile = is_taken(launch) ? choose_tile(vk, launch) : NULL;
    if (!tile)
        return false;
    const bool geglu = launch->spec[PS_LINEAR_SPEC_ACT] == PS_ACT_GEGLU;
    const struct extent picture = picture_of(launch), patch = best_patch(picture, tile->rows);
    uint32_t *spec = choice->spec;
    choice->items[1] = (uint32_t)patches(picture, patch);
    choice->group[0] = tile->columns;
    choice->group[1] = choice->group[2] = 1;
    spec[PS_TILE_LANES] = tile->lanes;
    spec[PS_TILE_ROWS] = tile->rows;
    spec[PS_TILE_COLUMNS] = geglu ? tile->columns / 2 : tile->columns;
    spec[PS_TILE_DEPTH] = DEPTH;
    spec[PS_TILE_PATCH_FRAMES] = patch.frames;
    spec[PS_TILE_PATCH_H] = patch.h;
    spec[PS_TILE_PATCH_W] = patch.w;
    return true;
}
