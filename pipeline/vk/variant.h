/* Which shader runs a launch on a device, and with which tile. */
#ifndef PS_VK_VARIANT_H
#define PS_VK_VARIANT_H

#include "base/error.h"
#include "lib/variant.h"
#include "vk/spirv.h"

struct ps_vk;
struct ps_vk_area;

#define PS_VK_MAX_SPEC PS_TILE_END

/* Work groups from which on a device of unknown width counts as filled: larger GPUs have some hundred
 * processors, each of which wants one group at least. */
#define PS_VK_ENOUGH_GROUPS 128

struct ps_vk_choice {
    uint32_t shader;   /* enum ps_vk_shader */
    uint32_t items[3]; /* the launch's, unless the variant counts others */
    uint32_t group[3]; /* items that one work group covers */
    /* Specialisation constants: the launch's, then those of lib/variant.h. */
    uint32_t spec[PS_VK_MAX_SPEC];
};

/* Ways to run a kernel that are worth more than its own shader on some devices. To add one: a shader, its row in
 * shaders/variants.def, and a row in variant.c. */
struct ps_vk_variant {
    const char *name; /* what ps_vk_params.variant calls it */
    enum ps_kernel kernel;
    enum ps_vk_shader shader;
    uint32_t
        tiles; /* that ps_vk.tile can ask for and that are tried; 0: only the one that it takes is tried */
    /* Whether the device can run it at all. */
    bool (*can)(const struct ps_vk *vk);
    /* Whether the device gains by it; a variant that is asked for by name runs without. */
    bool (*gains)(const struct ps_vk *vk);
    /* Fills in the group (and the items, where they are not the launch's) and the constants from PS_TILE_LANES on; false
     * where the variant is not for this launch. Launches of the same weights and channels must get the same bits, however
     * many rows they have: what decides how a sum is grouped may depend on the weight and on channels only. What leaves every
     * bit of a result as it is, such as the size of a tile that sums in order, may depend on anything. */
    bool (*fit)(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice);
    /* The part of a result that a tile covers; null where tiles are not timed. */
    struct ps_vk_area (*area)(const struct ps_vk *vk, uint32_t tile);
};

/* Decides which variants the device runs; `wanted` (null: what the device gains by) names the one to prefer.
 * False where no variant has that name or the device cannot run it. */
bool ps_vk_variants_open(struct ps_vk *vk, const char *wanted, struct ps_error *error);

uint32_t ps_vk_variant_count(void);
const struct ps_vk_variant *ps_vk_variant_at(uint32_t number);

/* The bits in ps_vk.variants of the variants of that name, of all kernels for PS_KERNELS. */
uint32_t ps_vk_variant_named(const char *name, enum ps_kernel kernel);

/* How a launch is run. */
struct ps_vk_choice ps_vk_choose(const struct ps_vk *vk, const struct ps_launch *launch);

#endif
