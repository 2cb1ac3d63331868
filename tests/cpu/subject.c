/* The cpu interpreter as the subject of the kernel tests. The tests read back all memory and expect weights
 * as they were uploaded, where this interpreter keeps packed matrices in an order of its own: so a matrix is
 * handed over when a launch reads it, and replaced by the uploaded bytes afterwards. */
#include "kernels/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

struct subject {
    struct ps_backend base;
    struct ps_backend *cpu;
    uint64_t staged; /* bytes reserved */
};

static struct ps_backend *cpu_of(struct ps_backend *backend)
{
    return ((struct subject *)backend)->cpu;
}

static void close_cpu(struct ps_backend *backend)
{
    cpu_of(backend)->ops->close(cpu_of(backend));
    free(backend);
}

static bool reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes, uint32_t count,
                    struct ps_error *error)
{
    return cpu_of(backend)->ops->reserve(cpu_of(backend), space, bytes, count, error);
}

static bool reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    ((struct subject *)backend)->staged = bytes;
    return cpu_of(backend)->ops->reserve_staging(cpu_of(backend), bytes, error);
}

static bool put(struct ps_backend *cpu, struct ps_tensor t, const void *bytes, struct ps_error *error)
{
    void *to = cpu->ops->upload_begin(cpu, t, error);
    if (!to)
        return false;
    memcpy(to, bytes, ps_span_bytes(t));
    return cpu->ops->upload_end(cpu, error);
}

static bool launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    struct ps_backend *cpu = cpu_of(backend);
    const uint64_t bytes_wanted = cpu->ops->launch_bytes(cpu, launch);
    if (bytes_wanted > ((struct subject *)backend)->staged && !reserve_staging(backend, bytes_wanted, error))
        return false;
    const struct ps_tensor packed = launch->operands[1];
    if (!packed.packed)
        return cpu->ops->launch(cpu, launch, error);
    struct ps_tensor plain = packed;
    plain.packed = false;
    void *bytes = malloc(ps_span_bytes(plain)), *own = malloc(ps_span_bytes(plain)),
         *after = malloc(ps_span_bytes(plain));
    bool done = bytes && own && after && cpu->ops->download(cpu, plain, bytes, error) &&
                put(cpu, packed, bytes, error) && cpu->ops->download(cpu, plain, own, error) &&
                cpu->ops->launch(cpu, launch, error) && cpu->ops->download(cpu, plain, after, error);
    /* A weight that the launch has changed is left changed, for the tests to see. */
    if (done && !memcmp(own, after, ps_span_bytes(plain)))
        done = put(cpu, plain, bytes, error);
    free(bytes);
    free(own);
    free(after);
    return done;
}

static void *upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    to.packed = false;
    return cpu_of(backend)->ops->upload_begin(cpu_of(backend), to, error);
}

static bool upload_end(struct ps_backend *backend, struct ps_error *error)
{
    return cpu_of(backend)->ops->upload_end(cpu_of(backend), error);
}

static bool download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    return cpu_of(backend)->ops->download(cpu_of(backend), from, to, error);
}

static bool finish(struct ps_backend *backend, struct ps_error *error)
{
    return cpu_of(backend)->ops->finish(cpu_of(backend), error);
}

static const struct ps_backend_ops subject_ops = {
    .name = "cpu, weights in the uploaded order",
    .close = close_cpu,
    .reserve = reserve,
    .reserve_staging = reserve_staging,
    .launch = launch,
    .upload_begin = upload_begin,
    .upload_end = upload_end,
    .download = download,
    .finish = finish,
};

/* The device is an instruction set, and after a slash a number of threads if not all: "avx2/1". */
struct ps_backend *bed_subject_open(const struct bed_subject_params *params, struct ps_error *error)
{
    const char *device = params->device;
    char isa[32] = "auto";
    unsigned threads = 0;
    if (device && sscanf(device, "%31[^/]/%u", isa, &threads) < 1)
        return NULL;
    struct subject *subject = calloc(1, sizeof *subject);
    if (!subject)
        return NULL;
    const struct ps_cpu_params cpu = {.threads = threads, .isa = isa};
    subject->cpu = ps_cpu_open(&cpu, error);
    if (!subject->cpu) {
        free(subject);
        return NULL;
    }
    subject->base = *subject->cpu;
    subject->base.ops = &subject_ops;
    return &subject->base;
}

/* The processor has no variants. */
bool bed_subject_offers(const struct ps_backend *subject, enum ps_kernel kernel)
{
    (void)subject;
    (void)kernel;
    return false;
}

uint64_t bed_subject_by_variant(const struct ps_backend *subject)
{
    (void)subject;
    return 0;
}

const char *bed_subject_shader(const struct ps_backend *subject)
{
    (void)subject;
    return "";
}

uint64_t bed_subject_close(struct ps_backend *subject)
{
    if (subject)
        subject->ops->close(subject);
    return 0;
}
