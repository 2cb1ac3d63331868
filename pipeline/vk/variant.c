#include "vk/variant.h"

#include <string.h>

#include "base/checked.h"
#include "vk/coop.h"
#include "vk/flash.h"
#include "vk/state.h"

struct tile {
    uint32_t rows, columns, depth;
};

static uint64_t groups_of(const struct ps_launch *launch, const struct tile *tile)
{
    return (uint64_t)ps_div_up(launch->items[0], tile->columns) * ps_div_up(launch->items[1], tile->rows);
}

static void set_tile(struct ps_vk_choice *choice, const struct tile *tile, uint32_t lanes)
{
    choice->group[0] = tile->columns;
    choice->group[1] = tile->rows;
    choice->group[2] = 1;
    choice->spec[PS_TILE_LANES] = lanes;
    choice->spec[PS_TILE_ROWS] = tile->rows;
    choice->spec[PS_TILE_COLUMNS] = tile->columns;
    choice->spec[PS_TILE_DEPTH] = tile->depth;
}

/* ---- portable: multiply-adds through shared memory, lib/portable.glsl ---- */

/* The largest first; the last one fits in what Vulkan promises of shared memory, 16 KiB. */
static const struct tile portable_tiles[] = {{128, 128, 16}, {64, 64, 16}, {64, 64, 8}};
#define PORTABLE_TILES (sizeof portable_tiles / sizeof *portable_tiles)

static uint32_t portable_shared_bytes(const struct tile *tile)
{
    return 2 * tile->depth * (tile->rows + 4 + tile->columns + 4) * 4;
}

static bool portable_can(const struct ps_vk *vk)
{
    (void)vk;
    return true;
}

/* On a processor lanes that hand each other registers are faster (shaders/SPEED.md). */
static bool portable_gains(const struct ps_vk *vk)
{
    return !vk->info.software;
}

static bool portable_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice)
{
    const struct tile *tile = &portable_tiles[PORTABLE_TILES - 1];
    for (size_t i = 0; i < PORTABLE_TILES - 1; i++)
        if (portable_shared_bytes(&portable_tiles[i]) <= vk->shared_bytes &&
            (vk->tile ? vk->tile - 1 == i
                      : i || groups_of(launch, &portable_tiles[i]) >= PS_VK_ENOUGH_GROUPS)) {
            tile = &portable_tiles[i];
            break;
        }
    const uint32_t lanes = tile->rows * tile->columns / 64;
    /* A part of the tile that is as square as a power of two allows; one subgroup at most. */
    uint32_t subgroup = vk->subgroup && lanes % vk->subgroup == 0 ? vk->subgroup : 8;
    subgroup = (uint32_t)ps_min_u64(subgroup, 64);
    set_tile(choice, tile, lanes);
    choice->spec[PS_TILE_SUBGROUP] = subgroup;
    choice->spec[PS_TILE_ACROSS] = subgroup >= 32 ? 8 : 4;
    return true;
}

/* ---- all of them ---- */

/* For each kernel the fastest first. */
static const struct ps_vk_variant variants[] = {
    {"coop2", PS_KERNEL_linear, PS_SHADER_linear_coop2, PS_VK_COOP2_TILES, ps_vk_coop2_can, ps_vk_coop_gains,
     ps_vk_coop2_fit, ps_vk_coop2_area},
    {"coop2", PS_KERNEL_conv, PS_SHADER_conv_coop2, PS_VK_COOP2_TILES, ps_vk_coop2_can, ps_vk_coop_gains,
     ps_vk_coop2_fit, NULL},
    {"coop", PS_KERNEL_linear, PS_SHADER_linear_coop, PS_VK_COOP_TILES, ps_vk_coop_can, ps_vk_coop_gains,
     ps_vk_coop_fit, ps_vk_coop_area},
    {"coop", PS_KERNEL_conv, PS_SHADER_conv_coop, PS_VK_COOP_TILES, ps_vk_coop_can, ps_vk_coop_gains,
     ps_vk_coop_fit, NULL},
    {"portable", PS_KERNEL_linear, PS_SHADER_linear_portable, PORTABLE_TILES, portable_can, portable_gains,
     portable_fit, NULL},
    {"portable", PS_KERNEL_conv, PS_SHADER_conv_portable, PORTABLE_TILES, portable_can, portable_gains,
     portable_fit, NULL},
    {"coop2", PS_KERNEL_attention, PS_SHADER_attention_coop2, 0, ps_vk_flash_coop2_can, ps_vk_coop_gains,
     ps_vk_flash_coop2_fit, NULL},
    {"coop", PS_KERNEL_attention, PS_SHADER_attention_coop, 0, ps_vk_flash_coop_can, ps_vk_coop_gains,
     ps_vk_flash_coop_fit, NULL},
    {"portable", PS_KERNEL_attention, PS_SHADER_attention_portable, 0, ps_vk_flash_portable_can,
     portable_gains, ps_vk_flash_portable_fit, NULL},
};
#define VARIANTS (sizeof variants / sizeof *variants)

_Static_assert(PS_TILE_LANES == PS_MAX_SPEC, "constants of a variant follow those of its kernel");
_Static_assert(VARIANTS <= 32, "a bit for each in ps_vk.variants");

uint32_t ps_vk_variant_count(void)
{
    return VARIANTS;
}

const struct ps_vk_variant *ps_vk_variant_at(uint32_t number)
{
    return &variants[number];
}

uint32_t ps_vk_variant_named(const char *name, enum ps_kernel kernel)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < VARIANTS; i++)
        if ((kernel == PS_KERNELS || variants[i].kernel == kernel) && !strcmp(variants[i].name, name))
            bits |= 1u << i;
    return bits;
}

bool ps_vk_variants_open(struct ps_vk *vk, const char *wanted, struct ps_error *error)
{
    const bool own = wanted && !strcmp(wanted, PS_VK_OWN);
    bool known = !wanted || own, able = known;
    for (uint32_t i = 0; i < VARIANTS && !own; i++) {
        const bool named = wanted && !strcmp(wanted, variants[i].name), can = variants[i].can(vk);
        known |= named;
        able |= named && can;
        if (can && (wanted ? named : variants[i].gains(vk)))
            vk->variants |= 1u << i;
    }
    if (known && able)
        return true;
    if (!known)
        ps_fail(error, PS_ERR_USAGE, "device.variant", "there are no kernels \"%s\"", wanted);
    else
        ps_fail(error, PS_ERR_DEVICE, "device.variant", "%s cannot run the kernels \"%s\"", vk->info.name,
                wanted);
    ps_hint(error, "There are \"own\", which every device runs, \"portable\", \"coop\" and \"coop2\".");
    return false;
}

struct ps_vk_choice ps_vk_choose(const struct ps_vk *vk, const struct ps_launch *launch)
{
    struct ps_vk_choice choice = {.shader = (uint32_t)launch->kernel};
    memcpy(choice.spec, launch->spec, sizeof launch->spec);
    memcpy(choice.items, launch->items, sizeof choice.items);
    memcpy(choice.group, ps_vk_shaders[launch->kernel].group, sizeof choice.group);
    for (uint32_t i = 0; i < VARIANTS; i++) {
        const struct ps_vk_variant *variant = &variants[i];
        const bool excluded = launch->type == PS_BF16 && vk->not_bfloat16 & 1u << i;
        if (!(vk->variants & 1u << i) || variant->kernel != launch->kernel || excluded ||
            !ps_vk_shaders[variant->shader].spirv[launch->type].words)
            continue;
        struct ps_vk_choice fitted = choice;
        fitted.shader = variant->shader;
        if (variant->fit(vk, launch, &fitted))
            return fitted;
    }
    return choice;
}
