#include "vk/state.h"

#include <stdlib.h>
#include <string.h>

struct key {
    uint32_t shader, type, spec[PS_VK_MAX_SPEC];
};

struct ps_vk_pipeline {
    struct key key;
    VkPipeline pipeline; /* null in an empty entry */
};

#define PUSH_BYTES 128

bool ps_vk_pipelines_open(struct ps_vk *vk, struct ps_error *error)
{
    const VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = PUSH_BYTES};
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    void *kept = ps_vk_kept_read(vk, "pipelines", &vk->pipelines.kept_bytes);
    const VkPipelineCacheCreateInfo cache = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                             .initialDataSize = vk->pipelines.kept_bytes,
                                             .pInitialData = kept};
    const bool made =
        PS_VK(vk, error, CreatePipelineLayout, vk->device, &layout, NULL, &vk->pipelines.layout) &&
        PS_VK(vk, error, CreatePipelineCache, vk->device, &cache, NULL, &vk->pipelines.cache);
    free(kept);
    return made;
}

/* Keeps what the driver compiled for the next run, where it is more than was found. */
static void keep(struct ps_vk *vk)
{
    size_t bytes = 0;
    if (!vk->cache || !vk->pipelines.cache || !vk->pipelines.count || vk->lost ||
        vk->fn.GetPipelineCacheData(vk->device, vk->pipelines.cache, &bytes, NULL) != VK_SUCCESS ||
        bytes == vk->pipelines.kept_bytes)
        return;
    void *data = malloc(bytes);
    if (data && vk->fn.GetPipelineCacheData(vk->device, vk->pipelines.cache, &bytes, data) == VK_SUCCESS)
        ps_vk_kept_write(vk, "pipelines", data, bytes);
    free(data);
}

void ps_vk_pipelines_close(struct ps_vk *vk)
{
    struct ps_vk_pipelines *pipelines = &vk->pipelines;
    keep(vk);
    for (uint32_t i = 0; i < pipelines->capacity; i++)
        if (pipelines->entries[i].pipeline)
            vk->fn.DestroyPipeline(vk->device, pipelines->entries[i].pipeline, NULL);
    if (pipelines->cache)
        vk->fn.DestroyPipelineCache(vk->device, pipelines->cache, NULL);
    if (pipelines->layout)
        vk->fn.DestroyPipelineLayout(vk->device, pipelines->layout, NULL);
    free(pipelines->entries);
    memset(pipelines, 0, sizeof *pipelines);
}

/* FNV-1a over the key's words. */
static uint32_t hash(const struct key *key)
{
    uint32_t words[sizeof *key / 4], value = 2166136261u;
    memcpy(words, key, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        value = (value ^ words[i]) * 16777619u;
    return value ^ value >> 15;
}

/* The entry that holds `key`, or the empty one where it belongs. */
static struct ps_vk_pipeline *find(struct ps_vk_pipeline *entries, uint32_t capacity, const struct key *key)
{
    uint32_t at = hash(key) & (capacity - 1);
    while (entries[at].pipeline && memcmp(&entries[at].key, key, sizeof *key))
        at = (at + 1) & (capacity - 1);
    return &entries[at];
}

/* Keeps the table at most half full. */
static bool make_room(struct ps_vk_pipelines *pipelines, struct ps_error *error)
{
    if (pipelines->count * 2 < pipelines->capacity)
        return true;
    const uint32_t capacity = pipelines->capacity ? pipelines->capacity * 2 : 64;
    struct ps_vk_pipeline *entries = calloc(capacity, sizeof *entries);
    if (!entries) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < pipelines->capacity; i++)
        if (pipelines->entries[i].pipeline)
            *find(entries, capacity, &pipelines->entries[i].key) = pipelines->entries[i];
    free(pipelines->entries);
    pipelines->entries = entries;
    pipelines->capacity = capacity;
    return true;
}

/* A driver's own compiler works here, and fails in ways of its own: what matters is with which shader. */
static bool is_made(const struct ps_vk *vk, const struct key *key, VkResult result, const char *call,
                    struct ps_error *error)
{
    struct ps_error cause = {0};
    const char *shader = ps_vk_shaders[key->shader].name, *type = ps_type_name((enum ps_type)key->type);
    if (ps_vk_check(result, call, &cause))
        return true;
    const bool common = cause.status == PS_ERR_MEMORY || cause.status == PS_ERR_DEVICE_LOST;
    ps_fail(error, common ? cause.status : PS_ERR_DEVICE, common ? cause.id : "device.shader",
            "the shader %s for %s cannot be made on %s: %s", shader, type, vk->info.name, cause.message);
    ps_hint(error, "update the driver, or render with --device cpu");
    return false;
}

static struct ps_vk_spirv spirv_of(const struct ps_vk *vk, const struct key *key)
{
    if (vk->stand_in && key->shader == PS_SHADER_linear_coop2)
        return vk->stand_in->linear;
    if (vk->stand_in && key->shader == PS_SHADER_conv_coop2)
        return vk->stand_in->conv;
    return ps_vk_shaders[key->shader].spirv[key->type];
}

static bool create(struct ps_vk *vk, const struct key *key, VkPipeline *pipeline, struct ps_error *error)
{
    const struct ps_vk_spirv spirv = spirv_of(vk, key);
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = spirv.bytes,
        .pCode = spirv.words,
    };
    VkSpecializationMapEntry map[PS_VK_MAX_SPEC];
    for (uint32_t i = 0; i < PS_VK_MAX_SPEC; i++)
        map[i] = (VkSpecializationMapEntry){.constantID = i, .offset = i * 4, .size = 4};
    const VkSpecializationInfo spec = {
        .mapEntryCount = PS_VK_MAX_SPEC,
        .pMapEntries = map,
        .dataSize = sizeof key->spec,
        .pData = key->spec,
    };
    VkShaderModule module;
    VkResult result = vk->fn.CreateShaderModule(vk->device, &module_info, NULL, &module);
    if (!is_made(vk, key, result, "vkCreateShaderModule", error))
        return false;
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroups = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = vk->subgroup,
    };
    const bool is_variant = key->shader >= PS_KERNELS;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = is_variant && vk->fixed_subgroup ? &subgroups : NULL,
                .flags = vk->full_subgroups ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = &spec,
            },
        .layout = vk->pipelines.layout,
    };
    result = vk->fn.CreateComputePipelines(vk->device, vk->pipelines.cache, 1, &info, NULL, pipeline);
    vk->fn.DestroyShaderModule(vk->device, module, NULL);
    return is_made(vk, key, result, "vkCreateComputePipelines", error);
}

VkPipeline ps_vk_pipeline(struct ps_vk *vk, const struct ps_vk_choice *choice, enum ps_type type,
                          struct ps_error *error)
{
    struct key key = {.shader = choice->shader, .type = type};
    memcpy(key.spec, choice->spec, sizeof key.spec);
    if (!make_room(&vk->pipelines, error))
        return VK_NULL_HANDLE;
    struct ps_vk_pipeline *entry = find(vk->pipelines.entries, vk->pipelines.capacity, &key);
    if (!entry->pipeline) {
        if (!create(vk, &key, &entry->pipeline, error))
            return VK_NULL_HANDLE;
        entry->key = key;
        vk->pipelines.count++;
        vk->counts.pipelines++;
    }
    return entry->pipeline;
}
