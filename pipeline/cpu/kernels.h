/* The kernels of one instruction set. Their sources are compiled once a set, each time with its name as
 * PS_ISA, into functions PS_NAME(kernel) that only the set's table is seen of. */
#ifndef PS_CPU_KERNELS_H
#define PS_CPU_KERNELS_H

#include "cpu/pool.h"
#include "run/launch.h"

/* A launch with host addresses for its operands (null where an operand is absent). */
struct ps_cpu_call {
    const struct ps_launch *launch;
    const void *push;
    void *operands[PS_MAX_OPERANDS];
    struct ps_pool *pool;
};

struct ps_cpu_table {
    /* False where the threads have too little scratch; then nothing has been computed. */
    bool (*kernels[PS_KERNELS])(const struct ps_cpu_call *call);
    /* From the packed matrix of run/weight.h, whose shape t is, to the order that the products read; as many
     * bytes. Scales stay where they are. */
    void (*pack)(struct ps_pool *pool, struct ps_tensor t, const void *from, void *to);
    bool native_bf16; /* products of bfloat16 are faster than those of float32 */
};

extern const struct ps_cpu_table ps_cpu_avx2, ps_cpu_avx512, ps_cpu_avx512_bf16, ps_cpu_amx;

#ifdef PS_ISA
#define PS_JOIN_(name, isa) ps_cpu_##name##_##isa
#define PS_JOIN(name, isa) PS_JOIN_(name, isa)
#define PS_NAME(name) PS_JOIN(name, PS_ISA)

#define PS_KERNEL(name, reads, writes) bool PS_NAME(name)(const struct ps_cpu_call *call);
#include "run/kernels.def"
#undef PS_KERNEL
void PS_NAME(pack)(struct ps_pool *pool, struct ps_tensor t, const void *from, void *to);
#endif

#endif
