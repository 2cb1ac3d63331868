#include "vk/flexible.h"

#include <stdlib.h>

#include "vk/state.h"

const VkPhysicalDeviceCooperativeMatrix2FeaturesNV ps_vk_flexible_features = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
    .cooperativeMatrixFlexibleDimensions = VK_TRUE,
    .cooperativeMatrixReductions = VK_TRUE,
    .cooperativeMatrixConversions = VK_TRUE,
    .cooperativeMatrixPerElementOperations = VK_TRUE,
};

static bool has_features(const struct ps_vk *vk)
{
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV has = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &has};
    vk->fn.GetPhysicalDeviceFeatures2(vk->physical, &features);
    return has.cooperativeMatrixFlexibleDimensions && has.cooperativeMatrixReductions &&
           has.cooperativeMatrixConversions && has.cooperativeMatrixPerElementOperations;
}

static bool is_sound(const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *p)
{
    return p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           p->scope == VK_SCOPE_SUBGROUP_KHR && !p->saturatingAccumulation && p->MGranularity &&
           p->NGranularity && p->KGranularity;
}

struct ps_vk_matrix ps_vk_find_flexible(const struct ps_vk *vk)
{
    struct ps_vk_matrix least = {0};
    uint32_t count = 0;
    const PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV get =
        vk->fn.GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV;
    if (!get || !has_features(vk) || get(vk->physical, &count, NULL) != VK_SUCCESS)
        return least;
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list = calloc(count ? count : 1, sizeof *list);
    for (uint32_t i = 0; list && i < count; i++)
        list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
    if (list && get(vk->physical, &count, list) == VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++) {
            const struct ps_vk_matrix unit = {list[i].MGranularity, list[i].NGranularity,
                                              list[i].KGranularity};
            if (is_sound(&list[i]) && (!least.m || unit.m * unit.n * unit.k < least.m * least.n * least.k))
                least = unit;
        }
    free(list);
    return least;
}
