#include "vk/flexible.h"

#include <stdlib.h>

#include "vk/state.h"

static VkPhysicalDeviceCooperativeMatrix2FeaturesNV features_of(const struct ps_vk *vk)
{
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV has = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &has};
    vk->fn.GetPhysicalDeviceFeatures2(vk->physical, &features);
    return has;
}

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    return b ? greatest_divisor(b, a % b) : a;
}

/* For work groups of so many lanes, where the scope is one. */
static bool is_sound(const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *p, VkScopeKHR scope,
                     uint32_t lanes, VkComponentTypeKHR sums)
{
    return p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           p->CType == sums && p->ResultType == sums && p->scope == scope &&
           (scope != VK_SCOPE_WORKGROUP_KHR || p->workgroupInvocations == lanes) &&
           !p->saturatingAccumulation && p->MGranularity && p->NGranularity && p->KGranularity;
}

static struct ps_vk_matrix least_unit(const struct ps_vk *vk, VkScopeKHR scope, uint32_t lanes,
                                      VkComponentTypeKHR sums)
{
    struct ps_vk_matrix least = {0};
    uint32_t count = 0;
    const PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV get =
        vk->fn.GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV;
    if (!get || get(vk->physical, &count, NULL) != VK_SUCCESS)
        return least;
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list = calloc(count ? count : 1, sizeof *list);
    for (uint32_t i = 0; list && i < count; i++)
        list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
    if (list && get(vk->physical, &count, list) == VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++) {
            const struct ps_vk_matrix unit = {list[i].MGranularity, list[i].NGranularity,
                                              list[i].KGranularity};
            if (is_sound(&list[i], scope, lanes, sums) &&
                (!least.m || unit.m * unit.n * unit.k < least.m * least.n * least.k))
                least = unit;
        }
    free(list);
    return least;
}

/* What sizes are multiples of, of sums in float as well as of the float16 matrices that residuals come and results go by, which
 * have the use of sums. */
static struct ps_vk_matrix unit_of(const struct ps_vk *vk, VkScopeKHR scope, uint32_t lanes)
{
    struct ps_vk_matrix unit = least_unit(vk, scope, lanes, VK_COMPONENT_TYPE_FLOAT32_KHR);
    const struct ps_vk_matrix halves = least_unit(vk, scope, lanes, VK_COMPONENT_TYPE_FLOAT16_KHR);
    if (!unit.m || !halves.m)
        return (struct ps_vk_matrix){0};
    unit.m *= halves.m / greatest_divisor(unit.m, halves.m);
    unit.n *= halves.n / greatest_divisor(unit.n, halves.n);
    return unit;
}

struct ps_vk_matrix ps_vk_find_flexible(const struct ps_vk *vk)
{
    const VkPhysicalDeviceCooperativeMatrix2FeaturesNV has = features_of(vk);
    if (!has.cooperativeMatrixFlexibleDimensions || !has.cooperativeMatrixReductions ||
        !has.cooperativeMatrixConversions || !has.cooperativeMatrixPerElementOperations)
        return (struct ps_vk_matrix){0};
    return unit_of(vk, VK_SCOPE_SUBGROUP_KHR, 0);
}

struct ps_vk_wide ps_vk_find_wide(const struct ps_vk *vk)
{
    struct ps_vk_wide wide = {0};
    const VkPhysicalDeviceCooperativeMatrix2FeaturesNV has = features_of(vk);
    VkPhysicalDeviceCooperativeMatrix2PropertiesNV limits = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = &limits};
    if (!has.cooperativeMatrixWorkgroupScope || !has.cooperativeMatrixFlexibleDimensions ||
        !has.cooperativeMatrixTensorAddressing || !has.cooperativeMatrixPerElementOperations)
        return wide;
    vk->fn.GetPhysicalDeviceProperties2(vk->physical, &properties);
    for (uint32_t i = 0; i < 2; i++)
        if ((i + 1) * PS_VK_WIDE_LANES <= limits.cooperativeMatrixWorkgroupScopeMaxWorkgroupSize)
            wide.units[i] = unit_of(vk, VK_SCOPE_WORKGROUP_KHR, (i + 1) * PS_VK_WIDE_LANES);
    if (wide.units[0].m || wide.units[1].m)
        wide.most = limits.cooperativeMatrixFlexibleDimensionsMaxDimension;
    return wide;
}

VkPhysicalDeviceCooperativeMatrix2FeaturesNV ps_vk_flexible_features(const struct ps_vk *vk)
{
    return (VkPhysicalDeviceCooperativeMatrix2FeaturesNV){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
        .cooperativeMatrixWorkgroupScope = vk->wide.most != 0,
        .cooperativeMatrixFlexibleDimensions = VK_TRUE,
        .cooperativeMatrixReductions = vk->flexible.m != 0,
        .cooperativeMatrixConversions = vk->flexible.m != 0,
        .cooperativeMatrixPerElementOperations = VK_TRUE,
        .cooperativeMatrixTensorAddressing = vk->wide.most != 0,
    };
}
