/* Cooperative matrices: what of them a device has, and how the variants built on them are fitted to it. */
#ifndef PS_VK_COOP_H
#define PS_VK_COOP_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <stdbool.h>

#include "tensor/tensor.h"

/* The headers of Debian 12, Vulkan 1.3.239, are older than the extension. */
#ifndef VK_KHR_cooperative_matrix
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR ((VkStructureType)1000506000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506001)

typedef enum VkComponentTypeKHR {
    VK_COMPONENT_TYPE_FLOAT16_KHR = 0,
    VK_COMPONENT_TYPE_FLOAT32_KHR = 1,
    VK_COMPONENT_TYPE_MAX_ENUM_KHR = 0x7fffffff
} VkComponentTypeKHR;

typedef enum VkScopeKHR {
    VK_SCOPE_WORKGROUP_KHR = 2,
    VK_SCOPE_SUBGROUP_KHR = 3,
    VK_SCOPE_MAX_ENUM_KHR = 0x7fffffff
} VkScopeKHR;

typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;

typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize, NSize, KSize;
    VkComponentTypeKHR AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    VkScopeKHR scope;
} VkCooperativeMatrixPropertiesKHR;

typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(
    VkPhysicalDevice physicalDevice, uint32_t *pPropertyCount, VkCooperativeMatrixPropertiesKHR *pProperties);
#endif

/* Newer still. */
#ifndef VK_KHR_shader_bfloat16
#define VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME "VK_KHR_shader_bfloat16"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR ((VkStructureType)1000141000)
#define VK_COMPONENT_TYPE_BFLOAT16_KHR ((VkComponentTypeKHR)1000141000)

typedef struct VkPhysicalDeviceShaderBfloat16FeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 shaderBFloat16Type, shaderBFloat16DotProduct, shaderBFloat16CooperativeMatrix;
} VkPhysicalDeviceShaderBfloat16FeaturesKHR;
#endif

struct ps_launch;
struct ps_vk;
struct ps_vk_choice;

/* A product that the device multiplies at once: m x k times k x n of float16, summed in float. */
struct ps_vk_matrix {
    uint32_t m, n, k; /* 0: it has none */
};

/* The largest such product that a subgroup computes and the shaders' tiles are multiples of. The device has the
 * extension. */
struct ps_vk_matrix ps_vk_find_matrix(const struct ps_vk *vk);

/* Whether the device has the product `vk->matrix` for bfloat16 as well. It has VK_KHR_shader_bfloat16. */
bool ps_vk_has_bfloat16(const struct ps_vk *vk);

/* Whether launches of the type can be by matrices of it. */
bool ps_vk_has_matrix_of(const struct ps_vk *vk, enum ps_type type);

#define PS_VK_COOP_TILES 7

/* How fast a tile is on a device: seconds of one for each term of the sums, and how many run at a time. */
struct ps_vk_pace {
    double seconds, groups; /* 0: not known */
};
#define PS_VK_TILES 8 /* at most, of a variant */

/* Whether any tile of a variant has been timed. */
bool ps_vk_is_timed(const struct ps_vk_pace paces[PS_VK_TILES]);

/* The part of a result that tile `number` covers; no rows where the device cannot have it. */
struct ps_vk_area {
    uint32_t rows, columns;
    bool apart; /* it is for sums in halves */
};
struct ps_vk_area ps_vk_coop_area(const struct ps_vk *vk, uint32_t number);

/* For the table of variant.c: linear and conv by lib/coop.glsl. */
bool ps_vk_coop_can(const struct ps_vk *vk);
bool ps_vk_coop_gains(const struct ps_vk *vk);
bool ps_vk_coop_fit(const struct ps_vk *vk, const struct ps_launch *launch, struct ps_vk_choice *choice);

#endif
