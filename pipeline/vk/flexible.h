/* VK_NV_cooperative_matrix2: what of it a device has for the matrices of a subgroup and of a work group. */
#ifndef PS_VK_FLEXIBLE_H
#define PS_VK_FLEXIBLE_H

#include "vk/coop.h"

/* The headers of Debian 12, Vulkan 1.3.239, are older than the extension. */
#ifndef VK_NV_cooperative_matrix2
#define VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME "VK_NV_cooperative_matrix2"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV ((VkStructureType)1000593000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV ((VkStructureType)1000593001)
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV ((VkStructureType)1000593002)

typedef struct VkPhysicalDeviceCooperativeMatrix2FeaturesNV {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrixWorkgroupScope, cooperativeMatrixFlexibleDimensions,
        cooperativeMatrixReductions, cooperativeMatrixConversions, cooperativeMatrixPerElementOperations,
        cooperativeMatrixTensorAddressing, cooperativeMatrixBlockLoads;
} VkPhysicalDeviceCooperativeMatrix2FeaturesNV;

typedef struct VkCooperativeMatrixFlexibleDimensionsPropertiesNV {
    VkStructureType sType;
    void *pNext;
    uint32_t MGranularity, NGranularity, KGranularity;
    VkComponentTypeKHR AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    VkScopeKHR scope;
    uint32_t workgroupInvocations;
} VkCooperativeMatrixFlexibleDimensionsPropertiesNV;

typedef struct VkPhysicalDeviceCooperativeMatrix2PropertiesNV {
    VkStructureType sType;
    void *pNext;
    uint32_t cooperativeMatrixWorkgroupScopeMaxWorkgroupSize, cooperativeMatrixFlexibleDimensionsMaxDimension,
        cooperativeMatrixWorkgroupScopeReservedSharedMemory;
} VkPhysicalDeviceCooperativeMatrix2PropertiesNV;

typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)(
    VkPhysicalDevice physicalDevice, uint32_t *pPropertyCount,
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV *pProperties);
#endif

/* What the sizes of a subgroup's matrices are multiples of, float16 in, and sums in float as well as in float16; zeros where
 * the device lacks a feature that attention_coop2 needs. The device has the extension. */
struct ps_vk_matrix ps_vk_find_flexible(const struct ps_vk *vk);

/* Work groups whose matrices are looked for are of so many lanes, and of twice as many. */
#define PS_VK_WIDE_LANES 128

/* The same of the matrices of a work group, for linear_coop2 and conv_coop2. */
struct ps_vk_wide {
    struct ps_vk_matrix units[2]; /* of PS_VK_WIDE_LANES, of twice as many; zeros: there are none */
    uint32_t most;                /* rows or columns of a matrix; 0: there are none at all */
};
struct ps_vk_wide ps_vk_find_wide(const struct ps_vk *vk);

/* The features that the device is to be opened with for what was found. */
VkPhysicalDeviceCooperativeMatrix2FeaturesNV ps_vk_flexible_features(const struct ps_vk *vk);

#endif
