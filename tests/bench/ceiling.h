/* What the machine can do at most, measured in the same run. */
#ifndef TESTS_BENCH_CEILING_H
#define TESTS_BENCH_CEILING_H

#include "tensor/tensor.h"

/* FLOP/s of products of registers alone, on `threads` threads: bf16 dot products or tiles where the
 * instruction set has them and the type is bf16, else float32 multiply-adds. */
double ceiling_flops(const char *isa, enum ps_type type, uint32_t threads);

/* Bytes per second, read and written, of copying memory larger than the caches. */
double ceiling_copy(uint32_t threads);

#endif
