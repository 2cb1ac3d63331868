/* The library that hashes are taken with. */
#ifndef PS_PROVENANCE_COMPONENTS_H
#define PS_PROVENANCE_COMPONENTS_H

#include "base/component.h"

void ps_provenance_components(struct ps_component_list *list);

#endif
