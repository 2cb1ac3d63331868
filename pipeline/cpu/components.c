#include "cpu/components.h"

#include <stdio.h>

#include "cpu/isa.h"

void ps_cpu_components(struct ps_component_list *list)
{
    char names[64] = "";
    size_t used = 0;
    for (enum ps_cpu_isa isa = 0; isa < PS_CPU_ISAS; isa++)
        if (ps_cpu_has(isa))
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? " " : "",
                                     ps_cpu_isa_name(isa));
    ps_component_add(list, "instruction sets", "%s", used ? names : "none that packshot has kernels for");
}
