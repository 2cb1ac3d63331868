/* Tensors of tests/golden, which diffusers and PyTorch made. */
#ifndef TESTS_SAMPLE_GOLDEN_H
#define TESTS_SAMPLE_GOLDEN_H

#include "base/suite.h"
#include "weights/safetensors.h"

/* Opens tests/golden/NAME; the test fails if it cannot. */
struct ps_safetensors *golden_open(const char *name);

/* Reads a float32 tensor of at most `capacity` elements and returns how many it has; the test fails if there
 * is none. */
size_t golden_read(const struct ps_safetensors *file, float *out, size_t capacity, const char *format, ...)
    PS_PRINTF(4, 5);

#endif
