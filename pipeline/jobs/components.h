/* The library that the journal is kept with. */
#ifndef PS_JOBS_COMPONENTS_H
#define PS_JOBS_COMPONENTS_H

#include "base/component.h"

void ps_jobs_components(struct ps_component_list *list);

#endif
