/* Whether the kernels of an instruction set compute what they should on this machine. */
#ifndef PS_CPU_SELFCHECK_H
#define PS_CPU_SELFCHECK_H

#include "cpu/kernels.h"

enum ps_selfcheck { PS_SELFCHECK_RIGHT, PS_SELFCHECK_WRONG, PS_SELFCHECK_NO_MEMORY };

/* Computes small matrix products with the table's kernel, in the storage type that it is the fastest in, and
 * with a plain loop. Takes less than a millisecond; the pool's scratch is lent and taken back. */
enum ps_selfcheck ps_cpu_selfcheck(const struct ps_cpu_table *table, struct ps_pool *pool);

#endif
