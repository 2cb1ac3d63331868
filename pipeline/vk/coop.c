#include "vk/coop.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "vk/state.h"

/* The operands of linear and conv that decide about tiles; the packed weight is [taps, ceil(K / 4), columns, 4]. */
enum { X, WEIGHT };

/* Sums of so many terms are cut in two, so that products of few rows and columns occupy the device twice as
 * much. It decides about bits, so it is the same for all of a weight's launches. */
#define HALVES_FROM 4096

struct tile {
    uint32_t rows, columns, depth, part_rows, part_columns;
    bool apart;  /* two crews of subgroups, each for one half of K */
    double cost; /* of an element of it against the first: smaller tiles load more for each product */
};

/* The costs are for devices whose tiles have not been timed (trial.c); they are an estimate. */
static const struct tile tiles[PS_VK_COOP_TILES] = {
    {128, 128, 32, 64, 64, false, 1}, {128, 64, 32, 64, 32, false, 1.15}, {64, 64, 32, 32, 32, false, 1.4},
    {64, 64, 32, 32, 32, true, 1.4},  {32, 64, 32, 32, 32, false, 1.9},   {16, 64, 32, 16, 32, false, 2.8},
    {32, 64, 32, 32, 32, true, 1.9},
};

static bool is_sound(const VkCooperativeMatrixPropertiesKHR *p, VkComponentTypeKHR type)
{
    return p->AType == type && p->BType == type && p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           p->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR && p->scope == VK_SCOPE_SUBGROUP_KHR &&
           !p->saturatingAccumulation && p->MSize && 32 % p->MSize == 0 && p->NSize >= 4 &&
           32 % p->NSize == 0 && p->KSize >= 4 && 32 % p->KSize == 0;
}

/* The sound products of a type among those that the device has, in memory to be freed; null where there is none. */
static VkCooperativeMatrixPropertiesKHR *list_products(const struct ps_vk *vk, VkComponentTypeKHR type,
                                                       uint32_t *count)
{
    const PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
        vk->fn.GetPhysicalDeviceCooperativeMatrixPropertiesKHR;
    uint32_t all = 0;
    *count = 0;
    if (!get || get(vk->physical, &all, NULL) != VK_SUCCESS)
        return NULL;
    VkCooperativeMatrixPropertiesKHR *list = calloc(all ? all : 1, sizeof *list);
    for (uint32_t i = 0; list && i < all; i++)
        list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    if (list && get(vk->physical, &all, list) == VK_SUCCESS)
        for (uint32_t i = 0; i < all; i++)
            if (is_sound(&list[i], type))
                list[(*count)++] = list[i];
    return list;
}

struct ps_vk_matrix ps_vk_find_matrix(const struct ps_vk *vk)
{
    struct ps_vk_matrix largest = {0};
    uint32_t count;
    VkCooperativeMatrixPropertiesKHR *list = list_products(vk, VK_COMPONENT_TYPE_FLOAT16_KHR, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].MSize * list[i].NSize * list[i].KSize > largest.m * largest.n * largest.k)
            largest = (struct ps_vk_matrix){list[i].MSize, list[i].NSize, list[i].KSize};
    free(list);
    return largest;
}

bool ps_vk_has_bfloat16(const struct ps_vk *vk)
{
    VkPhysicalDeviceShaderBfloat16FeaturesKHR has = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &has};
    uint32_t count;
    vk->fn.GetPhysicalDeviceFeatures2(vk->physical, &features);
    if (!has.shaderBFloat16Type || !has.shaderBFloat16CooperativeMatrix)
        return false;
    VkCooperativeMatrixPropertiesKHR *list = list_products(vk, VK_COMPONENT_TYPE_BFLOAT16_KHR, &count);
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        found |=
            list[i].MSize == vk->matrix.m && list[i].NSize == vk->matrix.n && list[i].KSize == vk->matrix.k;
    free(list);
    return found;
}

bool ps_vk_has_matrix_of(const struct ps_vk *vk, enum ps_type type)
{
    return vk->matrix.m && (type == PS_F16 || (type == PS_BF16 && vk->has_bfloat16));
}

static uint32_t subgroups_of(const struct tile *tile)
{
    return tile->rows / tile->part_rows * (tile->columns / tile->part_columns) * (tile->apart ? 2 : 1);
}

/* Two stages of both operands for each crew, rows padded by 16 bytes, and a matrix of sums a subgroup. */
static uint32_t shared_bytes(const struct ps_vk *vk, const struct tile *tile)
{
    const uint32_t stages = tile->apart ? 4 : 2;
    return stages * (tile->rows + tile->columns) * (tile->depth + 8) * 2 +
           subgroups_of(tile) * vk->matrix.m * vk->matrix.n * 4;
}

/* Lanes load eight channels of rows and of columns at a time, each lane as many as any other. */
static bool is_possible(const struct ps_vk *vk, const struct tile *tile)
{
    const uint32_t lanes = subgroups_of(tile) * vk->subgroup, crew = tile->apart ? lanes / 2 : lanes;
    const uint32_t eighths = tile->depth / 8;
    return tile->part_rows % vk->matrix.m == 0 && tile->part_columns % vk->matrix.n == 0 &&
           lanes <= vk->max_lanes && shared_bytes(vk, tile) <= vk->shared_bytes &&
           tile->rows * eighths % crew == 0 && tile->columns * eighths % crew == 0 && crew % eighths == 0;
}

bool ps_vk_coop_can(const struct ps_vk *vk)
{
    bool possible = false;
    for (size_t i = 0; i < PS_VK_COOP_TILES; i++)
        possible |= vk->matrix.m && is_possible(vk, &tiles[i]);
    return possible;
}

bool ps_vk_coop_gains(const struct ps_vk *vk)
{
    return !vk->info.software;
}

struct ps_vk_area ps_vk_coop_area(const struct ps_vk *vk, uint32_t number)
{
    const struct tile *tile = &tiles[number];
    return is_possible(vk, tile) ? (struct ps_vk_area){tile->rows, tile->columns, tile->apart}
                                 : (struct ps_vk_area){0};
}

bool ps_vk_is_timed(const struct ps_vk_pace paces[PS_VK_TILES])
{
    bool timed = false;
    for (size_t i = 0; i < PS_VK_TILES; i++)
        timed |= paces[i].seconds > 0;
    return timed;
}

/* How long the launch takes with a tile, from what was timed on the device: seconds for each term of a sum; else
 * in arbitrary units, for a device of PS_VK_ENOUGH_GROUPS at a time. */
static double estimate(const struct ps_vk *vk, const struct ps_launch *launch, size_t number)
{
    const struct tile *tile = &tiles[number];
    const uint64_t groups =
        (uint64_t)ps_div_up(launch->items[0], tile->columns) * ps_div_up(launch->items[1], tile->rows);
    if (!ps_vk_is_timed(vk->paces[PS_VK_PACES_COOP]))
        return ceil((double)groups / PS_VK_ENOUGH_GROUPS) * tile->rows * tile->columns * tile->cost *
               (tile->apart ? 0.6 : 1);
    const struct ps_vk_pace pace = vk->paces[PS_VK_PACES_COOP][number];
    return pace.seconds > 0 ? ceil((double)groups / pace.groups) * pace.seconds : INFINITY;
}

static const struct tile *choose_tile(const struct ps_vk *vk, const struct ps_launch *launch, bool halves)
{
    const struct tile *best = NULL;
    for (size_t i = 0; i < PS_VK_COOP_TILES; i++) {
        if ((tiles[i].apart && !halves) || !is_possible(vk, &tiles[i]))
            continue;
        if (vk->tile == i + 1)
            return &tiles[i];
        if (!best || estimate(vk, launch, i) < estimate(vk, launch, (size_t)(best - tiles)))
            best = &tiles[i];
    }
    return best;
}

bool ps_vk_coop_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice)
{
    const struct ps_tensor x = launch->operands[X], weight = launch->operands[WEIGHT];
    const bool halves = (uint64_t)weight.n * weight.h * 4 >= HALVES_FROM;
    const struct tile *best = choose_tile(vk, launch, halves);
    if (!best || !ps_vk_has_matrix_of(vk, launch->type))
        return false;
    choice->group[0] = best->columns;
    choice->group[1] = best->rows;
    choice->group[2] = 1;
    uint32_t *spec = choice->spec;
    spec[PS_TILE_LANES] = subgroups_of(best) * vk->subgroup;
    spec[PS_TILE_ROWS] = best->rows;
    spec[PS_TILE_COLUMNS] = best->columns;
    spec[PS_TILE_DEPTH] = best->depth;
    spec[PS_TILE_SUBGROUP] = vk->subgroup;
    spec[PS_TILE_PART_ROWS] = best->part_rows;
    spec[PS_TILE_PART_COLUMNS] = best->part_columns;
    spec[PS_TILE_M] = vk->matrix.m;
    spec[PS_TILE_N] = vk->matrix.n;
    spec[PS_TILE_K] = vk->matrix.k;
    spec[PS_TILE_WIDE] = x.c % 8 == 0 && x.offset % 16 == 0;
    spec[PS_TILE_HALVES] = !halves ? PS_HALVES_NONE : best->apart ? PS_HALVES_APART : PS_HALVES_SERIAL;
    return true;
}
