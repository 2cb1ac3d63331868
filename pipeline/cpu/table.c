/* The table of one instruction set. */
#include "cpu/kernels.h"

#define PS_TABLE_(isa) ps_cpu_##isa
#define PS_TABLE(isa) PS_TABLE_(isa)

const struct ps_cpu_table PS_TABLE(PS_ISA) = {
    .kernels =
        {
#define PS_KERNEL(name, reads, writes) [PS_KERNEL_##name] = PS_NAME(name),
#include "run/kernels.def"
#undef PS_KERNEL
        },
    .pack = PS_NAME(pack),
#ifdef __AVX512BF16__
    .native_bf16 = true,
#endif
};
