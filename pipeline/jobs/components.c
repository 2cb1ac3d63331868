#include "jobs/components.h"

#include <sqlite3.h>

void ps_jobs_components(struct ps_component_list *list)
{
    ps_component_add(list, "sqlite", "%s", sqlite3_libversion());
}
