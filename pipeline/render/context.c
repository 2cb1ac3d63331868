#include "render/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "cpu/cpu.h"
#include "ref/ref.h"
#include "vk/ceiling.h"
#include "vk/vk.h"

static struct ps_device reference_device(void)
{
    struct ps_device device = {.selector = "ref", .software = true, .usable = true};
    snprintf(device.name, sizeof device.name, "reference interpreter (one thread, exact, slow)");
    snprintf(device.driver, sizeof device.driver, "packshot %s", PS_VERSION);
    device.memory_bytes = ps_host_available_bytes();
    return device;
}

/* The processor; not usable, with the reason, where it lacks the least instruction set. */
static struct ps_device cpu_device(const struct ps_backend *opened)
{
    struct ps_device device = {
        .selector = "cpu", .software = true, .memory_bytes = ps_host_available_bytes()};
    struct ps_error error = {0};
    struct ps_backend *own = opened ? NULL : ps_cpu_open(&(struct ps_cpu_params){.threads = 1}, &error);
    const struct ps_backend *backend = opened ? opened : own;
    device.usable = backend != NULL;
    if (backend)
        snprintf(device.name, sizeof device.name, "processor (%s)", ps_cpu_isa(backend));
    else {
        snprintf(device.name, sizeof device.name, "processor");
        snprintf(device.reason, sizeof device.reason, "%.120s", error.message);
    }
    snprintf(device.driver, sizeof device.driver, "packshot %s", PS_VERSION);
    if (own)
        own->ops->close(own);
    return device;
}

enum ps_status ps_devices(struct ps_device *devices, size_t capacity, size_t *count, char *note,
                          size_t note_size)
{
    if (note && note_size)
        note[0] = '\0';
    const size_t found = ps_vk_devices(devices, capacity, note, note_size);
    if (found < capacity)
        devices[found] = cpu_device(NULL);
    if (found + 1 < capacity)
        devices[found + 1] = reference_device();
    *count = found + 2;
    return PS_OK;
}

static void open_cpu(struct ps_context *context, const struct ps_context_params *params,
                     struct ps_error *error)
{
    context->interpreter = PS_ON_CPU;
    const struct ps_cpu_params cpu = {.threads = params->threads, .log = {params->log, params->user}};
    context->backend = ps_cpu_open(&cpu, error);
    if (context->backend)
        context->device = cpu_device(context->backend);
}

static struct ps_vk_params vk_params(const struct ps_context *context, const char *selector)
{
    return (struct ps_vk_params){.selector = selector,
                                 .log = context->log,
                                 .validate = context->validate,
                                 .variant = context->kernels,
                                 .cache = context->cache};
}

static void open_vulkan(struct ps_context *context, const struct ps_context_params *params,
                        struct ps_error *error)
{
    const struct ps_vk_params vk = vk_params(context, params->device);
    context->interpreter = PS_ON_VULKAN;
    context->backend = ps_vk_open(&vk, error);
    if (context->backend)
        context->device = *ps_vk_device(context->backend);
}

/* A real GPU where there is one, else the processor; software Vulkan is for who names it, being much slower.
 */
static void open_best(struct ps_context *context, const struct ps_context_params *params,
                      struct ps_error *error)
{
    struct ps_device devices[16];
    const size_t found = ps_vk_devices(devices, 16, NULL, 0);
    for (size_t i = 0; i < found && i < 16; i++)
        if (devices[i].usable && !devices[i].software) {
            open_vulkan(context, params, error);
            return;
        }
    open_cpu(context, params, error);
}

static void free_context(struct ps_context *context)
{
    free(context->cache);
    free(context->kernels);
    free(context);
}

enum ps_status ps_context_open(struct ps_context **out, const struct ps_context_params *params,
                               struct ps_error *error)
{
    static const struct ps_context_params defaults;
    struct ps_error local = {0};
    *out = NULL;
    error = error ? error : &local;
    params = params ? params : &defaults;
    struct ps_context *context = calloc(1, sizeof *context);
    if (!context)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    context->log = (struct ps_log){params->log, params->user};
    context->validate = params->validate;
    context->cache = params->cache ? strdup(params->cache) : NULL;
    context->kernels = params->kernels ? strdup(params->kernels) : NULL;
    const char *device = params->device ? params->device : "auto";
    if (!strcmp(device, "ref")) {
        context->interpreter = PS_ON_REF;
        context->backend = ps_ref_open(error);
        context->device = reference_device();
    } else if (!strcmp(device, "cpu")) {
        open_cpu(context, params, error);
    } else if (!strcmp(device, "auto")) {
        open_best(context, params, error);
    } else {
        open_vulkan(context, params, error);
    }
    if (!context->backend) {
        free_context(context);
        return error->status;
    }
    *out = context;
    return PS_OK;
}

void ps_context_close(struct ps_context **context)
{
    if (!*context)
        return;
    (*context)->backend->ops->close((*context)->backend);
    free_context(*context);
    *context = NULL;
}

enum ps_status ps_context_reopen(struct ps_context *context, struct ps_error *error)
{
    const struct ps_device *device = &context->device;
    const struct ps_vk_params vk = vk_params(context, device->selector);
    if (context->interpreter != PS_ON_VULKAN)
        return ps_fail(error, PS_ERR_DEVICE, "device.unknown", "%s is not opened twice", device->name);
    struct ps_backend *opened = ps_vk_open(&vk, error);
    if (!opened)
        return error->status;
    const struct ps_device *found = ps_vk_device(opened);
    if (strcmp(found->name, device->name) != 0 || strcmp(found->driver, device->driver) != 0) {
        ps_fail(error, PS_ERR_DEVICE, "device.unknown", "device %s was %s and is %s now", device->selector,
                device->name, found->name);
        opened->ops->close(opened);
        return error->status;
    }
    struct ps_backend *lost = context->backend;
    opened->peak_bytes = lost->peak_bytes;
    context->messages += ps_vk_messages(lost);
    context->backend = opened;
    lost->ops->close(lost);
    return PS_OK;
}

const struct ps_device *ps_context_device(const struct ps_context *context)
{
    return &context->device;
}

uint64_t ps_context_validation_messages(const struct ps_context *context)
{
    return context->interpreter == PS_ON_VULKAN ? context->messages + ps_vk_messages(context->backend) : 0;
}

uint64_t ps_context_free_bytes(const struct ps_context *context)
{
    return context->interpreter == PS_ON_VULKAN ? ps_vk_free_bytes(context->backend)
                                                : ps_host_available_bytes();
}

static bool measure_vulkan(struct ps_backend *backend, struct ps_ceiling *ceiling, struct ps_error *error)
{
    struct ps_vk_ceiling *loop = ps_vk_ceiling_open(backend, PS_F32, error);
    if (loop)
        ceiling->flops = ps_vk_ceiling_measure(loop, error);
    ps_vk_ceiling_close(loop);
    if (!error->status)
        ceiling->copy_bytes = ps_vk_copy_rate(backend, error);
    return !error->status;
}

bool ps_context_ceiling(const struct ps_context *context, enum ps_type type, struct ps_ceiling *ceiling,
                        struct ps_error *error)
{
    *ceiling = (struct ps_ceiling){0};
    if (context->interpreter == PS_ON_VULKAN)
        return measure_vulkan(context->backend, ceiling, error);
    if (context->interpreter == PS_ON_CPU) {
        ceiling->flops = ps_cpu_ceiling(context->backend, type);
        ceiling->copy_bytes = ps_cpu_copy_rate(context->backend);
    }
    return true;
}

uint32_t ps_context_threads(const struct ps_context *context)
{
    return context->interpreter == PS_ON_CPU ? ps_cpu_threads(context->backend) : 0;
}

enum ps_dtype ps_context_dtype(const struct ps_context *context)
{
    if (!context->device.software)
        return PS_DTYPE_F16;
    const bool bf16 = context->interpreter == PS_ON_CPU && ps_cpu_prefers_bf16(context->backend);
    return bf16 ? PS_DTYPE_BF16 : PS_DTYPE_F32;
}

const char *ps_version(void)
{
    return PS_VERSION;
}

const char *ps_status_name(enum ps_status status)
{
    switch (status) {
    case PS_OK:
        return "ok";
    case PS_ERR_INTERNAL:
        return "internal";
    case PS_ERR_USAGE:
        return "usage";
    case PS_ERR_INPUT:
        return "input";
    case PS_ERR_CHECKPOINT:
        return "checkpoint";
    case PS_ERR_DEVICE:
        return "device";
    case PS_ERR_MEMORY:
        return "memory";
    case PS_ERR_OUTPUT:
        return "output";
    case PS_ERR_DEVICE_LOST:
        return "device-lost";
    case PS_ERR_TRY_AGAIN:
        return "try-again";
    case PS_ERR_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}
