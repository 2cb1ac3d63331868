/* isa.c for programs whose tile registers are a model. */
#include "cpu/isa.h"

const char *ps_cpu_isa_name(enum ps_cpu_isa isa)
{
    static const char *const names[PS_CPU_ISAS] = {"avx2", "avx512", "avx512_bf16", "amx"};
    return names[isa];
}

bool ps_cpu_has(enum ps_cpu_isa isa)
{
    (void)isa;
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
