/* Random normals: packshot's own counter-based generator, and PyTorch's CPU generator. */
#ifndef PS_BASE_RNG_H
#define PS_BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Philox: value i of a stream depends on (seed, stream, i) alone.
 *
 * Block b holds the values 4b to 4b+3. It is Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3") of counter {b mod 2^32, b div 2^32, stream, 0} and key {seed mod 2^32, seed div 2^32}.
 * Its words w0..w3 become uniforms u_k = (2 w_k + 1) / 2^33, strictly between 0 and 1, and two Box-Muller
 * pairs:
 *
 *   n0 = sqrt(-2 ln u0) cos(2 pi u1)    n1 = sqrt(-2 ln u0) sin(2 pi u1)
 *   n2 = sqrt(-2 ln u2) cos(2 pi u3)    n3 = sqrt(-2 ln u2) sin(2 pi u3)
 *
 * in double precision out of additions, multiplications, divisions and square roots only, each rounded as
 * IEEE 754 says, then rounded to float: the bits are the same on every machine. No value is beyond 6.77. */

/* Writes the values first to first + count - 1. */
void ps_philox_normals(uint64_t seed, uint32_t stream, uint64_t first, float *out, size_t count);

/* One block of the generator, for whoever checks it against the published vectors. */
void ps_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* torch-cpu: torch.Generator("cpu").manual_seed(seed), then torch.randn(count, float32) per call.
 *
 * Bit for bit what PyTorch 2.15 computes on x86-64 with AVX2 or AVX-512 (the golden values are of that).
 * PyTorch's builds without AVX2 take other logarithms and cosines and differ by up to 3e-6. */

struct ps_torch_rng {
    uint32_t state[624]; /* MT19937 */
    uint32_t used;       /* words of state already given out */
    bool has_spare;      /* spare is the next value of a draw below 16 values */
    double spare;
};

/* As in PyTorch only the low 32 bits of the seed count: 5 and 2^32 + 5 are the same generator. */
void ps_torch_seed(struct ps_torch_rng *rng, uint64_t seed);

/* One draw. How the values come about depends on count, so a tensor must be drawn in one call. */
void ps_torch_normals(struct ps_torch_rng *rng, float *out, size_t count);

#endif
