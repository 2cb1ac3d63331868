#include "run/launch.h"

#include <assert.h>

#include "attention.h"
#include "blend.h"
#include "concat.h"
#include "conv.h"
#include "guide.h"
#include "layer_norm.h"
#include "linear.h"
#include "narrow.h"
#include "norm_apply.h"
#include "norm_finish.h"
#include "norm_stats.h"
#include "widen.h"

static const struct ps_kernel_row table[PS_KERNELS] = {
#define PS_KERNEL(kernel, read_letters, write_letters)                                                       \
    [PS_KERNEL_##kernel] = {#kernel, read_letters, write_letters, sizeof(struct ps_##kernel##_push)},
#include "run/kernels.def"
#undef PS_KERNEL
};

#define PS_KERNEL(kernel, read_letters, write_letters)                                                       \
    _Static_assert(sizeof(struct ps_##kernel##_push) <= PS_MAX_PUSH_BYTES, "push constants of " #kernel);    \
    _Static_assert(sizeof(read_letters) + sizeof(write_letters) - 2 <= PS_MAX_OPERANDS,                      \
                   "operands of " #kernel);
#include "run/kernels.def"
#undef PS_KERNEL

const struct ps_kernel_row *ps_kernel_row(enum ps_kernel kernel)
{
    return &table[kernel];
}
