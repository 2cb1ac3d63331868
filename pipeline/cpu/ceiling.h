/* What the processor reaches at best, measured, for a kernel's rate to be seen beside. */
#ifndef PS_CPU_CEILING_H
#define PS_CPU_CEILING_H

#include "cpu/isa.h"
#include "cpu/pool.h"
#include "tensor/tensor.h"

/* Floating-point operations a second of all threads: the products that the instruction set makes of the
 * storage type, on registers alone. Takes about a tenth of a second. */
double ps_cpu_ceiling_flops(struct ps_pool *pool, enum ps_cpu_isa isa, enum ps_type type);

/* Bytes read and written a second when memory larger than a cache is copied; 0 where memory is out. Takes
 * 256 MB meanwhile. */
double ps_cpu_ceiling_copy(struct ps_pool *pool);

#endif
