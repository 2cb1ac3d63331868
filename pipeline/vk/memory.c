#include "vk/state.h"

#include <string.h>

#include "base/checked.h"
#include "base/host.h"

#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

static const VkBufferUsageFlags usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                        VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

/* Of two queues both may use it at any time. Ranges of the ring change hands with each weight; to hand them over would
 * take two barriers each time, and drivers treat shared buffers (unlike images) as they do others. */
static VkBufferCreateInfo buffer_info(const struct ps_vk *vk, uint64_t bytes)
{
    return (VkBufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage = usage,
        .sharingMode = vk->queue_count > 1 ? VK_SHARING_MODE_CONCURRENT : VK_SHARING_MODE_EXCLUSIVE,
        .queueFamilyIndexCount = vk->queue_count > 1 ? vk->queue_count : 0,
        .pQueueFamilyIndices = vk->families,
    };
}

/* Which memory types a buffer of this usage can have; that does not depend on its size. */
static bool allowed_types(struct ps_vk *vk, uint32_t *types, struct ps_error *error)
{
    const VkBufferCreateInfo info = buffer_info(vk, PS_ALIGNMENT);
    VkBuffer probe;
    if (!PS_VK(vk, error, CreateBuffer, vk->device, &info, NULL, &probe))
        return false;
    VkMemoryRequirements needs;
    vk->fn.GetBufferMemoryRequirements(vk->device, probe, &needs);
    vk->fn.DestroyBuffer(vk->device, probe, NULL);
    *types = needs.memoryTypeBits;
    return true;
}

/* The allowed type with all of `flags` whose heap is the largest; UINT32_MAX where there is none. */
static uint32_t find_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t types,
                          VkMemoryPropertyFlags flags)
{
    uint32_t found = UINT32_MAX;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        const uint64_t size = memory->memoryHeaps[memory->memoryTypes[i].heapIndex].size;
        if (types >> i & 1 && (memory->memoryTypes[i].propertyFlags & flags) == flags && size > largest) {
            found = i;
            largest = size;
        }
    }
    return found;
}

/* Transfers go straight to mapped memory where all of the device's memory is the host's or cached by it.
 * Where the host sees a card's memory through the bus, reading it back is slow, so that a card gets staging
 * memory. */
bool ps_vk_memory_open(struct ps_vk *vk, bool stage, struct ps_error *error)
{
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const VkMemoryPropertyFlags host =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    VkPhysicalDeviceMemoryProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    vk->fn.GetPhysicalDeviceMemoryProperties2(vk->physical, &properties);
    const VkPhysicalDeviceMemoryProperties *memory = &properties.memoryProperties;
    uint32_t types;
    if (!allowed_types(vk, &types, error))
        return false;

    const uint32_t plain = find_type(memory, types, local);
    uint32_t direct = find_type(memory, types, local | host | cached);
    if (direct == UINT32_MAX && vk->kind != VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
        direct = find_type(memory, types, local | host);
    const bool whole = direct != UINT32_MAX && plain != UINT32_MAX &&
                       memory->memoryTypes[direct].heapIndex == memory->memoryTypes[plain].heapIndex;
    vk->base.staging_needed = stage || !whole;
    vk->device_memory = vk->base.staging_needed ? plain : direct;
    if (!vk->base.staging_needed)
        vk->queue_count = 1;
    vk->staging_memory = find_type(memory, types, host | cached);
    if (vk->staging_memory == UINT32_MAX)
        vk->staging_memory = find_type(memory, types, host);
    if (vk->device_memory == UINT32_MAX || vk->staging_memory == UINT32_MAX) {
        ps_fail(error, PS_ERR_DEVICE, "device.memory-types",
                "the device %s offers no memory for storage buffers", vk->info.name);
        return false;
    }
    return true;
}

uint64_t ps_vk_free_bytes(const struct ps_backend *backend)
{
    const struct ps_vk *vk = (const struct ps_vk *)backend;
    /* What is reserved but has not been touched yet is still available to the system, but not free. */
    if (vk->info.software) {
        const uint64_t total = vk->info.memory_bytes, taken = backend->allocated_bytes;
        const uint64_t available = ps_host_available_bytes(), rest = total > taken ? total - taken : 0;
        return available ? ps_min_u64(available, rest) : rest;
    }
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 properties = {.sType =
                                                        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                    .pNext = vk->has_budget ? &budget : NULL};
    vk->fn.GetPhysicalDeviceMemoryProperties2(vk->physical, &properties);
    const uint32_t heap = properties.memoryProperties.memoryTypes[vk->device_memory].heapIndex;
    const uint64_t size = properties.memoryProperties.memoryHeaps[heap].size;
    const uint64_t whole = vk->has_budget ? budget.heapBudget[heap] : size;
    const uint64_t taken = vk->has_budget ? budget.heapUsage[heap] : backend->allocated_bytes;
    return whole > taken ? whole - taken : 0;
}

static bool out_of_memory(struct ps_vk *vk, uint64_t bytes, struct ps_error *error)
{
    const uint64_t unused = ps_vk_free_bytes(&vk->base);
    ps_fail(error, PS_ERR_MEMORY, "memory.device",
            "%s has too little memory: %llu MiB asked for, %llu MiB free, %llu MiB in use", vk->info.name,
            MIB(bytes), MIB(unused), MIB(vk->base.allocated_bytes));
    return false;
}

static bool allocate(struct ps_vk *vk, uint64_t bytes, uint32_t type, VkDeviceMemory *memory,
                     struct ps_error *error)
{
    /* Main memory is promised before it exists: a driver that takes more than there is ends the process
     * later. */
    if (vk->info.software && bytes > ps_vk_free_bytes(&vk->base))
        return out_of_memory(vk, bytes, error);
    const VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &flags,
        .allocationSize = bytes,
        .memoryTypeIndex = type,
    };
    const VkResult result = vk->fn.AllocateMemory(vk->device, &info, NULL, memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return out_of_memory(vk, bytes, error);
    return ps_vk_check(result, "vkAllocateMemory", error);
}

static bool fill_buffer(struct ps_vk *vk, uint64_t bytes, bool staging, struct ps_vk_buffer *buffer,
                        struct ps_error *error)
{
    const VkBufferCreateInfo info = buffer_info(vk, bytes);
    if (!PS_VK(vk, error, CreateBuffer, vk->device, &info, NULL, &buffer->buffer))
        return false;
    VkMemoryRequirements needs;
    vk->fn.GetBufferMemoryRequirements(vk->device, buffer->buffer, &needs);
    const uint32_t type = staging ? vk->staging_memory : vk->device_memory;
    if (!allocate(vk, needs.size, type, &buffer->memory, error))
        return false;
    buffer->allocated = needs.size;
    ps_backend_account(&vk->base, (int64_t)buffer->allocated);
    if (!PS_VK(vk, error, BindBufferMemory, vk->device, buffer->buffer, buffer->memory, 0))
        return false;
    const VkBufferDeviceAddressInfo address = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
        .buffer = buffer->buffer,
    };
    buffer->address = vk->fn.GetBufferDeviceAddress(vk->device, &address);
    void *mapped = NULL;
    if ((staging || !vk->base.staging_needed) &&
        !PS_VK(vk, error, MapMemory, vk->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &mapped))
        return false;
    buffer->mapped = mapped;
    return true;
}

bool ps_vk_buffer_create(struct ps_vk *vk, uint64_t bytes, bool staging, struct ps_vk_buffer *buffer,
                         struct ps_error *error)
{
    *buffer = (struct ps_vk_buffer){.bytes = ps_align_up(bytes, PS_ALIGNMENT)};
    if (!bytes || fill_buffer(vk, buffer->bytes, staging, buffer, error))
        return true;
    ps_vk_buffer_destroy(vk, buffer);
    return false;
}

void ps_vk_buffer_destroy(struct ps_vk *vk, struct ps_vk_buffer *buffer)
{
    if (buffer->buffer)
        vk->fn.DestroyBuffer(vk->device, buffer->buffer, NULL);
    if (buffer->memory)
        vk->fn.FreeMemory(vk->device, buffer->memory, NULL);
    ps_backend_account(&vk->base, -(int64_t)buffer->allocated);
    memset(buffer, 0, sizeof *buffer);
}

/* Accesses by device address are checked by nobody else: this is where an operand outside its segment is
 * caught. */
bool ps_vk_locate(struct ps_vk *vk, struct ps_tensor t, struct ps_range *range,
                  const struct ps_vk_buffer **buffer, struct ps_error *error)
{
    const uint64_t segment = t.offset >> PS_SEGMENT_SHIFT;
    const uint64_t at = t.offset & ((1ull << PS_SEGMENT_SHIFT) - 1);
    const uint64_t bytes = ps_span_bytes(t);
    if (segment >= vk->spaces[t.space].count || at > vk->spaces[t.space].segments[segment].bytes ||
        bytes > vk->spaces[t.space].segments[segment].bytes - at) {
        char shape[PS_SHAPE_TEXT];
        ps_fail(error, PS_ERR_INTERNAL, "launch.bounds",
                "a tensor %s at %llu is outside segment %llu of space %d", ps_shape_text(t, shape),
                (unsigned long long)at, (unsigned long long)segment, (int)t.space);
        return false;
    }
    const struct ps_vk_buffer *found = &vk->spaces[t.space].segments[segment];
    *range = (struct ps_range){found->address + at, found->address + at + bytes, false};
    if (buffer)
        *buffer = found;
    return true;
}
