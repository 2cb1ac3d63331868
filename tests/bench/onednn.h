/* oneDNN's matrix product, to compare with, where the machine has the library. */
#ifndef TESTS_BENCH_ONEDNN_H
#define TESTS_BENCH_ONEDNN_H

#include "tensor/tensor.h"

/* FLOP/s of y [m, n] = x [m, k] w [k, n] with weights in the order that the library prefers, the median of
 * several runs on as many threads as OpenMP is told to use; 0 where there is no library. */
double onednn_product(enum ps_type type, uint32_t m, uint32_t k, uint32_t n);

/* The same of a 3x3 convolution over [frames, h, w, k], everything channels last. */
double onednn_conv3x3(enum ps_type type, uint32_t frames, uint32_t h, uint32_t w, uint32_t k, uint32_t n);

#endif
