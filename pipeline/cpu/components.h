/* What of the processor the interpreter can use. */
#ifndef PS_CPU_COMPONENTS_H
#define PS_CPU_COMPONENTS_H

#include "base/component.h"

void ps_cpu_components(struct ps_component_list *list);

#endif
