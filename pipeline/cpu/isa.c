#include "cpu/isa.h"

#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* arch_prctl's request for a state component that is off by default, and the tile data's component
 * (Linux 5.16). */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

/* Bits of XCR0 that say that the system saves the registers. */
#define STATE_AVX 0x6u
#define STATE_AVX512 0xe6u
#define STATE_AMX 0x60000u

struct features {
    uint32_t ecx1, ebx7, edx7, eax71;
    uint64_t saved; /* XCR0 */
};

/* EDX of CPUID leaf 7; gcc and clang do not agree on names for them. */
#define AMX_BF16_BIT (1u << 22)
#define AMX_TILE_BIT (1u << 24)

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static struct features features(void)
{
    struct features f = {0};
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return f;
    f.ecx1 = c;
    if (c & bit_OSXSAVE)
        f.saved = read_xcr0();
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        f.ebx7 = b;
        f.edx7 = d;
        if (a && __get_cpuid_count(7, 1, &a, &b, &c, &d))
            f.eax71 = a;
    }
    return f;
}

static bool all(uint64_t value, uint64_t bits)
{
    return (value & bits) == bits;
}

bool ps_cpu_has(enum ps_cpu_isa isa)
{
    const struct features f = features();
    switch (isa) {
    case PS_CPU_AVX2:
        return all(f.ecx1, bit_AVX | bit_FMA | bit_F16C) && all(f.ebx7, bit_AVX2 | bit_BMI2) &&
               all(f.saved, STATE_AVX);
    case PS_CPU_AVX512:
        return ps_cpu_has(PS_CPU_AVX2) && all(f.saved, STATE_AVX512) &&
               all(f.ebx7, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ);
    case PS_CPU_AVX512_BF16:
        return ps_cpu_has(PS_CPU_AVX512) && all(f.eax71, bit_AVX512BF16);
    case PS_CPU_AMX:
        return ps_cpu_has(PS_CPU_AVX512_BF16) && all(f.edx7, AMX_TILE_BIT | AMX_BF16_BIT) &&
               all(f.saved, STATE_AMX) && !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
    default:
        return false;
    }
}

const char *ps_cpu_isa_name(enum ps_cpu_isa isa)
{
    static const char *const names[PS_CPU_ISAS] = {"avx2", "avx512", "avx512_bf16", "amx"};
    return names[isa];
}
