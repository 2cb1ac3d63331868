/* Which instruction sets the machine has, and the kernels compiled for each. */
#ifndef PS_CPU_ISA_H
#define PS_CPU_ISA_H

#include <stdbool.h>

/* In order of preference, the last being the best. Every level includes those before it. */
enum ps_cpu_isa { PS_CPU_AVX2, PS_CPU_AVX512, PS_CPU_AVX512_BF16, PS_CPU_AMX, PS_CPU_ISAS };

const char *ps_cpu_isa_name(enum ps_cpu_isa isa);

/* Whether this process may use the level. Asks the kernel for the tile registers' state where that is needed.
 */
bool ps_cpu_has(enum ps_cpu_isa isa);

#endif
