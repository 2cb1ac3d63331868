/* The fast interpreter for machines without a GPU: vectorised, threaded kernels on host memory, for whatever
 * instruction set the processor turns out to have. */
#ifndef PS_CPU_CPU_H
#define PS_CPU_CPU_H

#include "base/log.h"
#include "run/backend.h"

/* How the interpreter is opened. Zero is the default of every field. */
struct ps_cpu_params {
    uint32_t threads; /* 0: as many as the set of processors that the caller may run on has */
    /* "avx2", "avx512", "avx512_bf16" or "amx"; "auto" or null: the last of them that this machine has. */
    const char *isa;
    /* Told of an instruction set that is passed over. */
    struct ps_log log;
};

/* Opens the interpreter; null with the reason in `error`: PS_ERR_DEVICE where the machine lacks the
 * instruction set or computes wrong sums with it, PS_ERR_USAGE where there is none of that name,
 * PS_ERR_MEMORY. Each time some small products are computed first; where "auto" meets a set whose products
 * are wrong it takes the one before. Close with ops->close.
 * Results depend on the instruction set, not on the number of threads. Of the storage types bfloat16 is
 * native to avx512_bf16 and amx; the others compute 16-bit types in float32. */
struct ps_backend *ps_cpu_open(const struct ps_cpu_params *params, struct ps_error *error);

/* The instruction set and the number of threads in use. */
const char *ps_cpu_isa(const struct ps_backend *backend);
uint32_t ps_cpu_threads(const struct ps_backend *backend);

/* What the threads reach together, measured now: floating-point operations a second with products of that
 * storage type on registers alone, and bytes read and written a second when memory is copied (0 where memory
 * is out). */
double ps_cpu_ceiling(const struct ps_backend *backend, enum ps_type type);
double ps_cpu_copy_rate(const struct ps_backend *backend);

/* Whether products of bfloat16 run faster than those of float32 on this machine. */
bool ps_cpu_prefers_bf16(const struct ps_backend *backend);

#endif
