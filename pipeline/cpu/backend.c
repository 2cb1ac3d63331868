#include "cpu/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "cpu/ceiling.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/selfcheck.h"
#include "run/arena.h"

#define MAX_THREADS 256

struct block {
    void *data;
    uint64_t bytes;
};

struct cpu_backend {
    struct ps_backend base;
    enum ps_cpu_isa isa;
    const struct ps_cpu_table *table;
    struct ps_pool *pool, *planner;
    struct {
        uint32_t count;
        struct block segments[PS_MAX_SEGMENTS];
    } spaces[PS_SPACES];
    /* A packed matrix as it is uploaded, before it is put in order; while a launch runs, the threads' scratch.
     * The one never overlaps the other. */
    struct block staging;
    struct ps_tensor uploading;
};

static void *address(const struct cpu_backend *cpu, struct ps_tensor t)
{
    if (ps_is_null(t))
        return NULL;
    char *segment = cpu->spaces[t.space].segments[t.offset >> PS_SEGMENT_SHIFT].data;
    return segment + (t.offset & ((1ull << PS_SEGMENT_SHIFT) - 1));
}

/* Memory straight from the system, so that freeing it returns it; huge pages where it can have them. */
static bool allocate(struct cpu_backend *cpu, struct block *block, uint64_t bytes, struct ps_error *error)
{
    const uint64_t mapped = ps_max_u64(bytes, PS_ALIGNMENT);
    void *data =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory: %llu MiB asked for",
                (unsigned long long)(bytes >> 20));
        return false;
    }
    madvise(data, mapped, MADV_HUGEPAGE);
    *block = (struct block){data, bytes};
    ps_backend_account(&cpu->base, (int64_t)bytes);
    return true;
}

static void release(struct cpu_backend *cpu, struct block *block)
{
    if (!block->data)
        return;
    munmap(block->data, ps_max_u64(block->bytes, PS_ALIGNMENT));
    ps_backend_account(&cpu->base, -(int64_t)block->bytes);
    *block = (struct block){0};
}

static bool cpu_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes,
                        uint32_t count, struct ps_error *error)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    for (uint32_t i = 0; i < cpu->spaces[space].count; i++)
        release(cpu, &cpu->spaces[space].segments[i]);
    cpu->spaces[space].count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!allocate(cpu, &cpu->spaces[space].segments[i], bytes[i], error))
            return false;
        cpu->spaces[space].count = i + 1;
    }
    return true;
}

static bool cpu_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    release(cpu, &cpu->staging);
    const bool reserved = !bytes || allocate(cpu, &cpu->staging, bytes, error);
    ps_pool_lend(cpu->pool, cpu->staging.data, cpu->staging.bytes);
    return reserved;
}

static uint64_t cpu_launch_bytes(const struct ps_backend *backend, const struct ps_launch *launch)
{
    const struct cpu_backend *cpu = (const struct cpu_backend *)backend;
    const struct ps_cpu_call call = {.launch = launch, .push = launch->push, .pool = cpu->planner};
    ps_pool_scratch(cpu->planner, 0);
    cpu->table->kernels[launch->kernel](&call);
    return ps_pool_wanted(cpu->planner);
}

static bool cpu_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    const struct cpu_backend *cpu = (const struct cpu_backend *)backend;
    struct ps_cpu_call call = {.launch = launch, .push = launch->push, .pool = cpu->pool};
    for (uint32_t i = 0; i < PS_MAX_OPERANDS; i++)
        call.operands[i] = address(cpu, launch->operands[i]);
    if (cpu->table->kernels[launch->kernel](&call))
        return true;
    ps_fail(error, PS_ERR_INTERNAL, "memory.staging",
            "the threads of %s take %llu bytes of the staging memory, which has %llu",
            ps_kernel_row(launch->kernel)->name, (unsigned long long)ps_pool_wanted(cpu->pool),
            (unsigned long long)cpu->staging.bytes);
    return false;
}

static void *cpu_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    cpu->uploading = to;
    if (!to.packed)
        return address(cpu, to);
    if (ps_span_bytes(to) <= cpu->staging.bytes)
        return cpu->staging.data;
    ps_fail(error, PS_ERR_INTERNAL, "memory.staging",
            "a matrix of %llu bytes exceeds the staging memory of %llu",
            (unsigned long long)ps_span_bytes(to), (unsigned long long)cpu->staging.bytes);
    return NULL;
}

static bool cpu_upload_end(struct ps_backend *backend, struct ps_error *error)
{
    (void)error;
    const struct cpu_backend *cpu = (const struct cpu_backend *)backend;
    if (cpu->uploading.packed)
        cpu->table->pack(cpu->pool, cpu->uploading, cpu->staging.data, address(cpu, cpu->uploading));
    return true;
}

static bool cpu_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    (void)error;
    memcpy(to, address((struct cpu_backend *)backend, from), ps_span_bytes(from));
    return true;
}

static bool cpu_finish(struct ps_backend *backend, struct ps_error *error)
{
    (void)backend, (void)error;
    return true;
}

static void cpu_close(struct ps_backend *backend)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    for (int space = 0; space < PS_SPACES; space++)
        cpu_reserve(backend, (enum ps_space)space, NULL, 0, NULL);
    release(cpu, &cpu->staging);
    if (cpu->pool)
        ps_pool_close(cpu->pool);
    if (cpu->planner)
        ps_pool_close(cpu->planner);
    free(cpu);
}

static const struct ps_backend_ops cpu_ops = {
    .name = "cpu",
    .close = cpu_close,
    .reserve = cpu_reserve,
    .reserve_staging = cpu_reserve_staging,
    .launch = cpu_launch,
    .launch_bytes = cpu_launch_bytes,
    .upload_begin = cpu_upload_begin,
    .upload_end = cpu_upload_end,
    .download = cpu_download,
    .finish = cpu_finish,
};

static const struct ps_cpu_table *const tables[PS_CPU_ISAS] = {&ps_cpu_avx2, &ps_cpu_avx512,
                                                               &ps_cpu_avx512_bf16, &ps_cpu_amx};

/* Whether the level can be used, which a processor may have and still get wrong: emulated, or in a virtual
 * machine that does not keep its registers. */
static bool works(const struct cpu_backend *cpu, enum ps_cpu_isa isa, bool named,
                  const struct ps_cpu_params *params, struct ps_error *error)
{
    char line[128];
    switch (ps_cpu_selfcheck(tables[isa], cpu->pool)) {
    case PS_SELFCHECK_RIGHT:
        return true;
    case PS_SELFCHECK_NO_MEMORY:
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return false;
    case PS_SELFCHECK_WRONG:
        snprintf(line, sizeof line, "this processor's %s computes wrong sums and is not used",
                 ps_cpu_isa_name(isa));
        if (named)
            ps_fail(error, PS_ERR_DEVICE, "cpu.isa-wrong", "%s", line);
        else
            ps_log(&params->log, PS_LOG_WARNING, "%s", line);
    }
    return false;
}

/* The level of the name asked for, the best one for "auto"; PS_CPU_ISAS after an error. */
static enum ps_cpu_isa choose(const struct cpu_backend *cpu, const struct ps_cpu_params *params,
                              struct ps_error *error)
{
    const char *name = params->isa;
    const bool any = !name || !strcmp(name, "auto");
    for (enum ps_cpu_isa isa = PS_CPU_ISAS; isa-- > 0 && !error->status;) {
        if (!any && strcmp(name, ps_cpu_isa_name(isa)))
            continue;
        if (!ps_cpu_has(isa)) {
            if (!any)
                ps_fail(error, PS_ERR_DEVICE, "cpu.isa", "this processor (or its kernel) does not offer %s",
                        name);
        } else if (works(cpu, isa, !any, params, error)) {
            return isa;
        }
    }
    if (any)
        ps_fail(error, PS_ERR_DEVICE, "cpu.isa", "this processor lacks AVX2 with FMA and F16C");
    else
        ps_fail(error, PS_ERR_USAGE, "cpu.isa-name",
                "no instruction set is called '%s': there are avx2, avx512, avx512_bf16 and amx", name);
    return PS_CPU_ISAS;
}

static uint32_t processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    return (uint32_t)ps_max_u64(1, (uint64_t)CPU_COUNT(&set));
}

struct ps_backend *ps_cpu_open(const struct ps_cpu_params *params, struct ps_error *error)
{
    const uint32_t threads =
        (uint32_t)ps_min_u64(params->threads ? params->threads : processors(), MAX_THREADS);
    struct cpu_backend *cpu = calloc(1, sizeof *cpu);
    if (cpu) {
        cpu->base.ops = &cpu_ops;
        cpu->pool = ps_pool_open(threads);
        cpu->planner = ps_pool_plan(threads);
    }
    if (!cpu || !cpu->pool || !cpu->planner) {
        if (cpu)
            cpu_close(&cpu->base);
        ps_fail(error, PS_ERR_MEMORY, "memory.threads", "cannot start %u threads", threads);
        return NULL;
    }
    cpu->base.segment_limit = (1ull << PS_SEGMENT_SHIFT) - PS_ALIGNMENT;
    cpu->base.matrices_staged = true;
    cpu->base.synchronous = true;
    cpu->isa = choose(cpu, params, error);
    if (cpu->isa == PS_CPU_ISAS) {
        cpu_close(&cpu->base);
        return NULL;
    }
    cpu->table = tables[cpu->isa];
    return &cpu->base;
}

const char *ps_cpu_isa(const struct ps_backend *backend)
{
    return ps_cpu_isa_name(((const struct cpu_backend *)backend)->isa);
}

uint32_t ps_cpu_threads(const struct ps_backend *backend)
{
    return ps_pool_threads(((const struct cpu_backend *)backend)->pool);
}

bool ps_cpu_prefers_bf16(const struct ps_backend *backend)
{
    return ((const struct cpu_backend *)backend)->table->native_bf16;
}

double ps_cpu_ceiling(const struct ps_backend *backend, enum ps_type type)
{
    const struct cpu_backend *cpu = (const struct cpu_backend *)backend;
    return ps_cpu_ceiling_flops(cpu->pool, cpu->isa, type);
}

double ps_cpu_copy_rate(const struct ps_backend *backend)
{
    return ps_cpu_ceiling_copy(((const struct cpu_backend *)backend)->pool);
}
