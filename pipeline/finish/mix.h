/* Mixtures of 8-bit pixels. Every dissolve, fade and lock of this room is one of these; a share counts in 65536
 * parts, and 0 and 65536 give the one side exactly. */
#ifndef PS_FINISH_MIX_H
#define PS_FINISH_MIX_H

#include <stddef.h>
#include <stdint.h>

/* to = a * (1 - share) + b * share over `count` bytes; `to` may be `a` or `b`. */
void ps_mix(uint8_t *to, const uint8_t *a, const uint8_t *b, size_t count, uint32_t share);

/* The same with one colour for b, over pixels of three bytes. */
void ps_mix_colour(uint8_t *to, const uint8_t *a, uint32_t colour, size_t pixels, uint32_t share);

/* The same with the share scaled by alpha / 255 for each pixel. */
void ps_mix_masked(uint8_t *to, const uint8_t *a, const uint8_t *b, const uint8_t *alpha, size_t pixels,
                   uint32_t share);

#endif
