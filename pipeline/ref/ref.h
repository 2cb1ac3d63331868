/* The reference interpreter: one readable C function a kernel, accumulating in double. It is the oracle of
 * the kernel tests, and runs toy models with no GPU. */
#ifndef PS_REF_REF_H
#define PS_REF_REF_H

#include "run/backend.h"

/* Opens the interpreter; null, with the reason in `error`, where memory is out. Close with ops->close. */
struct ps_backend *ps_ref_open(struct ps_error *error);

/* What a reference kernel is handed: the launch, its push constants, and host addresses of its operands (null
 * where an operand is absent). */
struct ps_ref_call {
    const struct ps_launch *launch;
    const void *push;
    void *operands[PS_MAX_OPERANDS];
};

/* Element `index` of operand `operand`, in the storage type that the operand has. */
float ps_ref_load(const struct ps_ref_call *call, uint32_t operand, uint64_t index);
void ps_ref_store(const struct ps_ref_call *call, uint32_t operand, uint64_t index, double value);

/* act(x) for PS_ACT_NONE, SILU, GELU and QUICK_GELU. */
double ps_ref_act(uint32_t act, double x);

#define PS_KERNEL(name, reads, writes) void ps_ref_##name(const struct ps_ref_call *call);
#include "run/kernels.def"
#undef PS_KERNEL

#endif
