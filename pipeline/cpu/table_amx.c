/* The tile registers multiply bf16 alone; everything else is as without them. */
#include "cpu/kernels.h"

#define PS_KERNEL(name, reads, writes) bool ps_cpu_##name##_avx512_bf16(const struct ps_cpu_call *call);
#include "run/kernels.def"
#undef PS_KERNEL
void ps_cpu_pack_avx512_bf16(struct ps_pool *pool, struct ps_tensor t, const void *from, void *to);

static bool linear(const struct ps_cpu_call *call)
{
    return call->launch->type == PS_BF16 ? PS_NAME(linear)(call) : ps_cpu_linear_avx512_bf16(call);
}

static bool conv(const struct ps_cpu_call *call)
{
    return call->launch->type == PS_BF16 ? PS_NAME(conv)(call) : ps_cpu_conv_avx512_bf16(call);
}

static bool attention(const struct ps_cpu_call *call)
{
    return call->launch->type == PS_BF16 ? PS_NAME(attention)(call) : ps_cpu_attention_avx512_bf16(call);
}

const struct ps_cpu_table ps_cpu_amx = {
    .kernels =
        {
            [PS_KERNEL_linear] = linear,
            [PS_KERNEL_conv] = conv,
            [PS_KERNEL_attention] = attention,
            [PS_KERNEL_norm_stats] = ps_cpu_norm_stats_avx512_bf16,
            [PS_KERNEL_norm_finish] = ps_cpu_norm_finish_avx512_bf16,
            [PS_KERNEL_norm_apply] = ps_cpu_norm_apply_avx512_bf16,
            [PS_KERNEL_layer_norm] = ps_cpu_layer_norm_avx512_bf16,
            [PS_KERNEL_blend] = ps_cpu_blend_avx512_bf16,
            [PS_KERNEL_concat] = ps_cpu_concat_avx512_bf16,
            [PS_KERNEL_narrow] = ps_cpu_narrow_avx512_bf16,
            [PS_KERNEL_widen] = ps_cpu_widen_avx512_bf16,
            [PS_KERNEL_guide] = ps_cpu_guide_avx512_bf16,
        },
    .pack = ps_cpu_pack_avx512_bf16,
    .native_bf16 = true,
};
