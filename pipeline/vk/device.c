#include "vk/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/host.h"
#include "vk/cut.h"

#define MAX_DEVICES 16

/* Everything asked of a physical device at once; the structures point at each other, so it stays where it is.
 */
struct survey {
    VkPhysicalDeviceProperties2 properties;
    VkPhysicalDeviceVulkan11Properties properties11;
    VkPhysicalDeviceVulkan12Properties properties12;
    VkPhysicalDeviceVulkan13Properties properties13;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan11Features features11;
    VkPhysicalDeviceVulkan12Features features12;
    VkPhysicalDeviceVulkan13Features features13;
    VkPhysicalDeviceMemoryProperties2 memory;
    uint32_t families[PS_VK_QUEUES]; /* of the queues; UINT32_MAX where there is none */
};

/* The first of the families but `but` that of these flags has those wanted alone. */
static uint32_t find_family(const VkQueueFamilyProperties *families, uint32_t count, uint32_t but,
                            VkQueueFlags of, VkQueueFlags wanted)
{
    for (uint32_t i = 0; i < count; i++)
        if (i != but && (families[i].queueFlags & of) == wanted)
            return i;
    return UINT32_MAX;
}

/* Uploads go to a copy engine, whose family has transfers and nothing else that works, where there is one; else to a
 * second family that computes. */
static void find_families(const struct ps_vk *vk, VkPhysicalDevice physical, uint32_t found[PS_VK_QUEUES])
{
    const VkQueueFlags harmless = VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT;
    VkQueueFamilyProperties families[32];
    uint32_t count = sizeof families / sizeof *families;
    vk->fn.GetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    found[PS_VK_COMPUTE] =
        find_family(families, count, UINT32_MAX, VK_QUEUE_COMPUTE_BIT, VK_QUEUE_COMPUTE_BIT);
    found[PS_VK_UPLOAD] =
        find_family(families, count, found[PS_VK_COMPUTE], ~harmless, VK_QUEUE_TRANSFER_BIT);
    if (found[PS_VK_UPLOAD] == UINT32_MAX)
        found[PS_VK_UPLOAD] =
            find_family(families, count, found[PS_VK_COMPUTE], VK_QUEUE_COMPUTE_BIT, VK_QUEUE_COMPUTE_BIT);
}

/* Fills `survey`; for a device below Vulkan 1.2 only its name and version are asked. */
static void survey_device(const struct ps_vk *vk, VkPhysicalDevice physical, struct survey *survey)
{
    memset(survey, 0, sizeof *survey);
    vk->fn.GetPhysicalDeviceProperties(physical, &survey->properties.properties);
    find_families(vk, physical, survey->families);
    const uint32_t version = survey->properties.properties.apiVersion;
    if (version < VK_API_VERSION_1_2)
        return;

    survey->properties13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES;
    survey->properties12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
    survey->properties12.pNext = version >= VK_API_VERSION_1_3 ? &survey->properties13 : NULL;
    survey->properties11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
    survey->properties11.pNext = &survey->properties12;
    survey->properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    survey->properties.pNext = &survey->properties11;
    vk->fn.GetPhysicalDeviceProperties2(physical, &survey->properties);

    survey->features13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
    survey->features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    survey->features12.pNext = version >= VK_API_VERSION_1_3 ? &survey->features13 : NULL;
    survey->features11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    survey->features11.pNext = &survey->features12;
    survey->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    survey->features.pNext = &survey->features11;
    vk->fn.GetPhysicalDeviceFeatures2(physical, &survey->features);

    survey->memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
    vk->fn.GetPhysicalDeviceMemoryProperties2(physical, &survey->memory);
}

/* A software device's heap is the machine's memory, whatever size the driver gives it. */
static uint64_t usable_bytes(const struct survey *survey)
{
    if (survey->properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) {
        const uint64_t available = ps_host_available_bytes();
        if (available)
            return available;
    }
    const VkPhysicalDeviceMemoryProperties *memory = &survey->memory.memoryProperties;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++)
        if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            largest = ps_max_u64(largest, memory->memoryHeaps[i].size);
    return largest;
}

static bool can_shuffle(const struct survey *survey)
{
    const VkPhysicalDeviceVulkan11Properties *properties = &survey->properties11;
    const VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    return properties->subgroupSize >= 8 &&
           (properties->subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
           (properties->subgroupSupportedOperations & needed) == needed;
}

static const char *why_unusable(const struct survey *survey)
{
    if (survey->properties.properties.apiVersion < VK_API_VERSION_1_2)
        return "Vulkan 1.2 is needed";
    if (survey->families[PS_VK_COMPUTE] == UINT32_MAX)
        return "it has no compute queue";
    if (!survey->features12.bufferDeviceAddress)
        return "the feature bufferDeviceAddress is needed";
    if (!survey->features11.storageBuffer16BitAccess)
        return "the feature storageBuffer16BitAccess is needed";
    if (survey->properties.properties.limits.maxComputeWorkGroupInvocations < 256)
        return "work groups of 256 invocations are needed";
    if (!can_shuffle(survey))
        return "subgroups of at least 8 invocations, with shuffles, are needed";
    return "";
}

static void describe(const struct survey *survey, uint32_t index, struct ps_device *device)
{
    const VkPhysicalDeviceProperties *properties = &survey->properties.properties;
    const uint32_t version = properties->apiVersion;
    memset(device, 0, sizeof *device);
    snprintf(device->selector, sizeof device->selector, "%u", index);
    snprintf(device->name, sizeof device->name, "%.*s", (int)sizeof device->name - 1, properties->deviceName);
    snprintf(device->driver, sizeof device->driver, "%.48s%s%.48s, Vulkan %u.%u.%u",
             survey->properties12.driverName, survey->properties12.driverName[0] ? " " : "",
             survey->properties12.driverInfo, VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
             VK_API_VERSION_PATCH(version));
    for (size_t i = 0; version >= VK_API_VERSION_1_2 && i < VK_UUID_SIZE; i++)
        snprintf(device->uuid + 2 * i, 3, "%02x", survey->properties11.deviceUUID[i]);
    snprintf(device->reason, sizeof device->reason, "%s", why_unusable(survey));
    device->usable = !device->reason[0];
    device->memory_bytes = usable_bytes(survey);
    device->software = properties->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

static bool enumerate(struct ps_vk *vk, VkPhysicalDevice physical[MAX_DEVICES], uint32_t *count,
                      struct ps_error *error)
{
    *count = MAX_DEVICES;
    const VkResult result = vk->fn.EnumeratePhysicalDevices(vk->instance, count, physical);
    if (result != VK_INCOMPLETE && !ps_vk_check(result, "vkEnumeratePhysicalDevices", error))
        return false;
    if (*count)
        return true;
    ps_fail(error, PS_ERR_DEVICE, "device.none", "the Vulkan loader finds no device");
    ps_hint(error, PS_VK_INSTALL_HINT);
    return false;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; strlen(text) >= length; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

/* The index of the device that `selector` means, or UINT32_MAX with the reason in `error`. */
static uint32_t choose(const struct ps_device *devices, uint32_t count, const char *selector,
                       struct ps_error *error)
{
    const bool automatic = !selector || !strcmp(selector, "auto");
    if (automatic) {
        for (int software = 0; software <= 1; software++)
            for (uint32_t i = 0; i < count; i++)
                if (devices[i].usable && devices[i].software == software)
                    return i;
        ps_fail(error, PS_ERR_DEVICE, "device.unusable", "no device can be used; device 0, %s: %s",
                devices[0].name, devices[0].reason);
        ps_hint(error, PS_VK_INSTALL_HINT);
        return UINT32_MAX;
    }
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < count && found == UINT32_MAX; i++)
        if (!strcmp(selector, devices[i].selector))
            found = i;
    for (uint32_t i = 0; i < count && found == UINT32_MAX && *selector; i++)
        if (contains_ignoring_case(devices[i].name, selector))
            found = i;
    if (found == UINT32_MAX) {
        ps_fail(error, PS_ERR_DEVICE, "device.unknown", "no device is named \"%s\"; there are %u", selector,
                count);
        ps_hint(error, "`packshot devices` lists what can be chosen.");
    } else if (!devices[found].usable) {
        ps_fail(error, PS_ERR_DEVICE, "device.unusable", "device %u, %s, cannot be used: %s", found,
                devices[found].name, devices[found].reason);
        ps_hint(error, "`packshot devices` lists what can be chosen.");
        found = UINT32_MAX;
    }
    return found;
}

static bool has_extension(const struct ps_vk *vk, const char *name)
{
    uint32_t count = 0;
    if (vk->fn.EnumerateDeviceExtensionProperties(vk->physical, NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *extensions = calloc(count ? count : 1, sizeof *extensions);
    if (!extensions)
        return false;
    bool found = false;
    if (vk->fn.EnumerateDeviceExtensionProperties(vk->physical, NULL, &count, extensions) == VK_SUCCESS)
        for (uint32_t i = 0; i < count && !found; i++)
            found = !strcmp(extensions[i].extensionName, name);
    free(extensions);
    return found;
}

/* Dispatches stay well under a second on the slowest device of a kind. A software device has no such watchdog, but a run must
 * be able to stop between dispatches. */
static uint64_t flops_bound(VkPhysicalDeviceType kind)
{
    switch (kind) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return PS_VK_CARD_FLOPS;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return 20000000000;
    default:
        return 100000000000;
    }
}

/* What is kept holds for this device, driver and version of packshot alone. */
static uint64_t key_of(const VkPhysicalDeviceProperties *properties)
{
    const uint32_t ids[] = {properties->vendorID, properties->deviceID, properties->driverVersion};
    uint64_t key = ps_vk_hash(PS_VK_HASH_BEGIN, PS_VERSION, sizeof PS_VERSION);
    key = ps_vk_hash(key, ids, sizeof ids);
    key = ps_vk_hash(key, properties->pipelineCacheUUID, sizeof properties->pipelineCacheUUID);
    for (size_t i = 0; i < PS_VK_SHADERS; i++)
        for (size_t type = 0; type < PS_TYPES; type++)
            key = ps_vk_hash(key, ps_vk_shaders[i].spirv[type].words, ps_vk_shaders[i].spirv[type].bytes);
    return key;
}

static void keep_limits(struct ps_vk *vk, const struct survey *survey)
{
    const VkPhysicalDeviceLimits *limits = &survey->properties.properties.limits;
    const uint64_t second = 1000000000;
    memcpy(vk->families, survey->families, sizeof vk->families);
    vk->queue_count = survey->families[PS_VK_UPLOAD] != UINT32_MAX && survey->features12.timelineSemaphore
                          ? PS_VK_QUEUES
                          : 1;
    vk->kind = survey->properties.properties.deviceType;
    /* A software device has nothing to be tried, and Mesa keeps its shaders itself. */
    if (vk->info.software && !vk->try_all) {
        free(vk->cache);
        vk->cache = NULL;
    }
    vk->key = vk->cache ? key_of(&survey->properties.properties) : 0;
    memcpy(vk->max_groups, limits->maxComputeWorkGroupCount, sizeof vk->max_groups);
    vk->subgroup = survey->properties11.subgroupSize;
    vk->shared_bytes = limits->maxComputeSharedMemorySize;
    vk->max_lanes = limits->maxComputeWorkGroupInvocations;
    vk->half_arithmetic = survey->features12.shaderFloat16;
    if (!vk->dispatch_flops)
        vk->dispatch_flops = flops_bound(vk->kind);
    if (!vk->timeout_ns)
        vk->timeout_ns = vk->info.software ? 1200 * second : 120 * second;

    /* Work groups are rows of a multiple of 64 invocations; the flag asks for whole subgroups to divide them
     * evenly. */
    vk->full_subgroups = survey->features13.subgroupSizeControl && survey->features13.computeFullSubgroups &&
                         64 % survey->properties11.subgroupSize == 0;

    /* 4 GiB keeps a kernel's 32-bit index below 2^31 two-byte elements. */
    uint64_t segment = ps_min_u64(survey->properties11.maxMemoryAllocationSize, 4ull << 30);
    if (survey->properties13.maxBufferSize)
        segment = ps_min_u64(segment, survey->properties13.maxBufferSize);
    vk->base.segment_limit = segment & ~(uint64_t)(PS_ALIGNMENT - 1);
}

/* The first version of Vulkan with VK_KHR_cooperative_matrix, and one with all that builds on it. A validation layer of an older
 * one takes these extensions and what their shaders declare for faults, so they are not used under it. */
#define MATRICES_VERSION VK_MAKE_API_VERSION(0, 1, 3, 255)
#define NEWER_MATRICES_VERSION VK_MAKE_API_VERSION(0, 1, 4, 321)

/* Cooperative matrices are the work of whole subgroups of a size that is known. */
static void keep_matrices(struct ps_vk *vk, const struct survey *survey)
{
    const VkPhysicalDeviceVulkan13Properties *sizes = &survey->properties13;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &matrices};
    vk->fixed_subgroup = vk->full_subgroups && sizes->minSubgroupSize <= vk->subgroup &&
                         vk->subgroup <= sizes->maxSubgroupSize &&
                         sizes->requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT;
    if (!vk->fixed_subgroup || !survey->features12.shaderFloat16 || !survey->features12.vulkanMemoryModel ||
        vk->known_version < MATRICES_VERSION || !has_extension(vk, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME))
        return;
    vk->fn.GetPhysicalDeviceFeatures2(vk->physical, &features);
    if (matrices.cooperativeMatrix)
        vk->matrix = ps_vk_find_matrix(vk);
    if (vk->known_version < NEWER_MATRICES_VERSION)
        return;
    vk->has_bfloat16 = vk->matrix.m && has_extension(vk, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME) &&
                       ps_vk_has_bfloat16(vk);
    /* Its shaders are of SPIR-V 1.6, where a work group's size as a constant needs that feature. */
    if (vk->matrix.m && survey->features13.maintenance4 &&
        has_extension(vk, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME)) {
        vk->flexible = ps_vk_find_flexible(vk);
        vk->wide = ps_vk_find_wide(vk);
    }
}

static bool create_device(struct ps_vk *vk, struct ps_error *error)
{
    const bool second = vk->flexible.m || vk->wide.most; /* VK_NV_cooperative_matrix2 */
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV flexible = ps_vk_flexible_features(vk);
    VkPhysicalDeviceShaderBfloat16FeaturesKHR bfloats = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR,
        .pNext = second ? &flexible : NULL,
        .shaderBFloat16Type = VK_TRUE,
        .shaderBFloat16CooperativeMatrix = VK_TRUE,
    };
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = vk->has_bfloat16 ? (void *)&bfloats : bfloats.pNext,
        .cooperativeMatrix = VK_TRUE,
    };
    VkPhysicalDeviceVulkan13Features features13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
        .pNext = vk->matrix.m ? &matrices : NULL,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE,
        .maintenance4 = second,
    };
    VkPhysicalDeviceVulkan12Features features12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .pNext = vk->full_subgroups ? &features13 : NULL,
        .shaderFloat16 = vk->half_arithmetic,
        .timelineSemaphore = vk->queue_count > 1,
        .bufferDeviceAddress = VK_TRUE,
        .vulkanMemoryModel = vk->matrix.m != 0,
    };
    VkPhysicalDeviceVulkan11Features features11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &features12,
        .storageBuffer16BitAccess = VK_TRUE,
    };
    const float priority = 1;
    VkDeviceQueueCreateInfo queues[PS_VK_QUEUES];
    for (uint32_t i = 0; i < vk->queue_count; i++)
        queues[i] = (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                              .queueFamilyIndex = vk->families[i],
                                              .queueCount = 1,
                                              .pQueuePriorities = &priority};
    const char *extensions[4];
    uint32_t extension_count = 0;
    vk->has_budget = has_extension(vk, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    if (vk->has_budget)
        extensions[extension_count++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    if (vk->matrix.m)
        extensions[extension_count++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    if (vk->has_bfloat16)
        extensions[extension_count++] = VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME;
    if (second)
        extensions[extension_count++] = VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME;
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features11,
        .queueCreateInfoCount = vk->queue_count,
        .pQueueCreateInfos = queues,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    if (!PS_VK(vk, error, CreateDevice, vk->physical, &info, NULL, &vk->device) ||
        !ps_vk_load_device(vk, error))
        return false;
    for (uint32_t i = 0; i < vk->queue_count; i++)
        vk->fn.GetDeviceQueue(vk->device, vk->families[i], 0, &vk->queues[i].handle);
    return true;
}

bool ps_vk_device_open(struct ps_vk *vk, const char *selector, struct ps_error *error)
{
    VkPhysicalDevice physical[MAX_DEVICES];
    struct ps_device devices[MAX_DEVICES];
    struct survey survey;
    uint32_t count;
    if (!enumerate(vk, physical, &count, error))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        survey_device(vk, physical[i], &survey);
        describe(&survey, i, &devices[i]);
    }
    const uint32_t index = choose(devices, count, selector, error);
    if (index == UINT32_MAX)
        return false;
    vk->physical = physical[index];
    vk->info = devices[index];
    survey_device(vk, vk->physical, &survey);
    keep_limits(vk, &survey);
    keep_matrices(vk, &survey);
    if (!create_device(vk, error))
        return false;
    ps_log(&vk->log, PS_LOG_INFO, "device %s: %s (%s)", vk->info.selector, vk->info.name, vk->info.driver);
    return true;
}

void ps_vk_device_close(struct ps_vk *vk)
{
    if (vk->device && vk->fn.DestroyDevice)
        vk->fn.DestroyDevice(vk->device, NULL);
    vk->device = VK_NULL_HANDLE;
}

size_t ps_vk_devices(struct ps_device *devices, size_t capacity, char *note, size_t note_size)
{
    struct ps_error error = {0};
    VkPhysicalDevice physical[MAX_DEVICES];
    uint32_t count = 0;
    struct ps_vk *vk = calloc(1, sizeof *vk);
    if (!vk)
        ps_fail(&error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (ps_vk_instance_open(vk, false, &error) && enumerate(vk, physical, &count, &error)) {
        for (uint32_t i = 0; i < count && i < capacity; i++) {
            struct survey survey;
            survey_device(vk, physical[i], &survey);
            describe(&survey, i, &devices[i]);
        }
    }
    if (note && note_size)
        snprintf(note, note_size, "%s%s%s", error.message, error.hint[0] ? ". " : "", error.hint);
    if (vk)
        ps_vk_instance_close(vk);
    free(vk);
    return count;
}
