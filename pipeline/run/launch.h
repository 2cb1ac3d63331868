/* A launch: one kernel's work as plain data. Ops fill it, interpreters (plan, ref, vk) read it. */
#ifndef PS_RUN_LAUNCH_H
#define PS_RUN_LAUNCH_H

#include "tensor/tensor.h"

enum ps_kernel {
#define PS_KERNEL(name, reads, writes) PS_KERNEL_##name,
#include "run/kernels.def"
#undef PS_KERNEL
    PS_KERNELS
};

#define PS_MAX_OPERANDS 6
#define PS_MAX_SPEC 9
#define PS_MAX_PUSH_BYTES 80

/* A row of kernels.def. */
struct ps_kernel_row {
    const char *name;
    const char *reads, *writes; /* a letter an operand */
    uint32_t push_bytes;
};

const struct ps_kernel_row *ps_kernel_row(enum ps_kernel kernel);

struct ps_launch {
    enum ps_kernel kernel;
    enum ps_type type;          /* of the operands that the row calls S */
    uint32_t spec[PS_MAX_SPEC]; /* specialisation constants, by the ids of the kernel's header */
    struct ps_tensor operands[PS_MAX_OPERANDS]; /* what is read, then what is written, as in the row */
    uint32_t push[PS_MAX_PUSH_BYTES / 4];       /* the kernel's push constants */
    uint32_t items[3]; /* outputs along x, y, z; an interpreter cuts them into its tiles */
    uint64_t flops;    /* floating-point operations, a multiply-add being two */
};

#endif
