/* The libraries that photos are read with. */
#ifndef PS_MEDIA_COMPONENTS_H
#define PS_MEDIA_COMPONENTS_H

#include "base/component.h"

void ps_media_components(struct ps_component_list *list);

#endif
