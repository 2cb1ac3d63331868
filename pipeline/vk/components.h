/* The loader that Vulkan drivers are found by. */
#ifndef PS_VK_COMPONENTS_H
#define PS_VK_COMPONENTS_H

#include "base/component.h"

void ps_vk_components(struct ps_component_list *list);

#endif
