/* volk finds the loader library at run time, so that the program starts where there is none. Its global
 * pointers are written once and only read here; each context keeps a table of its own. */
#define VOLK_IMPLEMENTATION
#include <volk.h>

#include <pthread.h>

#include "vk/state.h"

static pthread_once_t volk_once = PTHREAD_ONCE_INIT;

static void initialize_volk(void)
{
    /* A failure shows in vkGetInstanceProcAddr staying null. */
    (void)volkInitialize();
}

static bool missing(struct ps_error *error, const char *name)
{
    ps_fail(error, PS_ERR_DEVICE, "device.function", "the Vulkan driver lacks %s", name);
    ps_hint(error, "packshot needs Vulkan 1.2; update the driver.");
    return false;
}

bool ps_vk_load_entry(struct ps_vk_functions *fn, struct ps_error *error)
{
    pthread_once(&volk_once, initialize_volk);
    if (!vkGetInstanceProcAddr) {
        ps_fail(error, PS_ERR_DEVICE, "device.no-loader",
                "no Vulkan loader: libvulkan.so.1 cannot be opened");
        ps_hint(error, PS_VK_INSTALL_HINT);
        return false;
    }
#define PS_VK_ENTRY(name)                                                                                    \
    fn->name = (PFN_vk##name)vkGetInstanceProcAddr(NULL, "vk" #name);                                        \
    if (!fn->name)                                                                                           \
        return missing(error, "vk" #name);
#define PS_VK_INSTANCE(name)
#define PS_VK_OPTIONAL(name)
#define PS_VK_DEVICE(name)
#include "vk/functions.def"
#undef PS_VK_ENTRY
#undef PS_VK_INSTANCE
#undef PS_VK_OPTIONAL
#undef PS_VK_DEVICE
    return true;
}

bool ps_vk_load_instance(struct ps_vk *vk, struct ps_error *error)
{
#define PS_VK_ENTRY(name)
#define PS_VK_INSTANCE(name)                                                                                 \
    vk->fn.name = (PFN_vk##name)vkGetInstanceProcAddr(vk->instance, "vk" #name);                             \
    if (!vk->fn.name)                                                                                        \
        return missing(error, "vk" #name);
#define PS_VK_OPTIONAL(name) vk->fn.name = (PFN_vk##name)vkGetInstanceProcAddr(vk->instance, "vk" #name);
#define PS_VK_DEVICE(name)
#include "vk/functions.def"
#undef PS_VK_ENTRY
#undef PS_VK_INSTANCE
#undef PS_VK_OPTIONAL
#undef PS_VK_DEVICE
    return true;
}

bool ps_vk_load_device(struct ps_vk *vk, struct ps_error *error)
{
#define PS_VK_ENTRY(name)
#define PS_VK_INSTANCE(name)
#define PS_VK_OPTIONAL(name)
#define PS_VK_DEVICE(name)                                                                                   \
    vk->fn.name = (PFN_vk##name)vk->fn.GetDeviceProcAddr(vk->device, "vk" #name);                            \
    if (!vk->fn.name)                                                                                        \
        return missing(error, "vk" #name);
#include "vk/functions.def"
#undef PS_VK_ENTRY
#undef PS_VK_INSTANCE
#undef PS_VK_OPTIONAL
#undef PS_VK_DEVICE
    return true;
}
