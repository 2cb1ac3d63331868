#include "ref/ref.h"

#include <math.h>
#include <stdlib.h>

#include "base/half.h"
#include "run/arena.h"

#include "lib/shared.h"

struct ref_backend {
    struct ps_backend base;
    struct {
        uint32_t count;
        void *data[PS_MAX_SEGMENTS];
        uint64_t bytes[PS_MAX_SEGMENTS];
    } spaces[PS_SPACES];
};

static void (*const kernels[PS_KERNELS])(const struct ps_ref_call *) = {
#define PS_KERNEL(name, reads, writes) [PS_KERNEL_##name] = ps_ref_##name,
#include "run/kernels.def"
#undef PS_KERNEL
};

static void *address(struct ref_backend *ref, struct ps_tensor t)
{
    if (ps_is_null(t))
        return NULL;
    char *segment = ref->spaces[t.space].data[t.offset >> PS_SEGMENT_SHIFT];
    return segment + (t.offset & ((1ull << PS_SEGMENT_SHIFT) - 1));
}

static void release_space(struct ref_backend *ref, enum ps_space space)
{
    for (uint32_t i = 0; i < ref->spaces[space].count; i++) {
        free(ref->spaces[space].data[i]);
        ps_backend_account(&ref->base, -(int64_t)ref->spaces[space].bytes[i]);
    }
    ref->spaces[space].count = 0;
}

static bool ref_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes,
                        uint32_t count, struct ps_error *error)
{
    struct ref_backend *ref = (struct ref_backend *)backend;
    release_space(ref, space);
    for (uint32_t i = 0; i < count; i++) {
        if (posix_memalign(&ref->spaces[space].data[i], PS_ALIGNMENT, bytes[i] ? bytes[i] : PS_ALIGNMENT)) {
            ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory: %llu MiB asked for",
                    (unsigned long long)(bytes[i] >> 20));
            return false;
        }
        ref->spaces[space].bytes[i] = bytes[i];
        ref->spaces[space].count = i + 1;
        ps_backend_account(backend, (int64_t)bytes[i]);
    }
    return true;
}

static bool ref_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    (void)backend, (void)bytes, (void)error;
    return true;
}

static bool ref_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    (void)error;
    struct ps_ref_call call = {.launch = launch, .push = launch->push};
    for (uint32_t i = 0; i < PS_MAX_OPERANDS; i++)
        call.operands[i] = address((struct ref_backend *)backend, launch->operands[i]);
    kernels[launch->kernel](&call);
    return true;
}

static void *ref_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    (void)error;
    return address((struct ref_backend *)backend, to);
}

static bool ref_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    (void)error;
    memcpy(to, address((struct ref_backend *)backend, from), ps_span_bytes(from));
    return true;
}

static bool ref_nothing(struct ps_backend *backend, struct ps_error *error)
{
    (void)backend, (void)error;
    return true;
}

static void ref_close(struct ps_backend *backend)
{
    for (int space = 0; space < PS_SPACES; space++)
        release_space((struct ref_backend *)backend, (enum ps_space)space);
    free(backend);
}

static const struct ps_backend_ops ref_ops = {
    .name = "ref",
    .close = ref_close,
    .reserve = ref_reserve,
    .reserve_staging = ref_reserve_staging,
    .launch = ref_launch,
    .upload_begin = ref_upload_begin,
    .upload_end = ref_nothing,
    .download = ref_download,
    .finish = ref_nothing,
};

struct ps_backend *ps_ref_open(struct ps_error *error)
{
    struct ref_backend *ref = calloc(1, sizeof *ref);
    if (!ref) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return NULL;
    }
    ref->base = (struct ps_backend){
        .ops = &ref_ops, .segment_limit = (1ull << PS_SEGMENT_SHIFT) - PS_ALIGNMENT, .synchronous = true};
    return &ref->base;
}

float ps_ref_load(const struct ps_ref_call *call, uint32_t operand, uint64_t index)
{
    switch (call->launch->operands[operand].type) {
    case PS_F16:
        return ps_float_from_half(((const uint16_t *)call->operands[operand])[index]);
    case PS_BF16:
        return ps_float_from_bf16(((const uint16_t *)call->operands[operand])[index]);
    default:
        return ((const float *)call->operands[operand])[index];
    }
}

void ps_ref_store(const struct ps_ref_call *call, uint32_t operand, uint64_t index, double value)
{
    switch (call->launch->operands[operand].type) {
    case PS_F16:
        ((uint16_t *)call->operands[operand])[index] = ps_half_from_float((float)value);
        break;
    case PS_BF16:
        ((uint16_t *)call->operands[operand])[index] = ps_bf16_from_float((float)value);
        break;
    default:
        ((float *)call->operands[operand])[index] = (float)value;
    }
}

double ps_ref_act(uint32_t act, double x)
{
    switch (act) {
    case PS_ACT_SILU:
        return x / (1 + exp(-x));
    case PS_ACT_GELU:
        return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case PS_ACT_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    default:
        return x;
    }
}
