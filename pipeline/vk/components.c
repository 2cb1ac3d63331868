#include "vk/components.h"

#include "vk/state.h"

void ps_vk_components(struct ps_component_list *list)
{
    struct ps_vk_functions fn;
    struct ps_error error = {0};
    uint32_t version = 0;
    if (!ps_vk_load_entry(&fn, &error) || fn.EnumerateInstanceVersion(&version) != VK_SUCCESS)
        ps_component_add(list, "vulkan loader", "none");
    else
        ps_component_add(list, "vulkan loader", "%u.%u.%u", VK_API_VERSION_MAJOR(version),
                         VK_API_VERSION_MINOR(version), VK_API_VERSION_PATCH(version));
}
