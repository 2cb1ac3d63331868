/* What the tests of finishing and encoding share. */
#ifndef PS_TESTS_FINISH_SUPPORT_H
#define PS_TESTS_FINISH_SUPPORT_H

#include "media/clip.h"
#include "media/support.h"

/* A dark ball that moves over soft ramps; its chroma is soft too, so that 4:2:0 loses little. */
struct ps_clip *moving_ball(uint32_t width, uint32_t height, uint32_t frames, uint32_t fps);

/* Frame f is a grey of levels[f]. */
struct ps_clip *grey_clip(uint32_t width, uint32_t height, const uint8_t *levels, uint32_t frames,
                          uint32_t fps);

/* Noise in every frame: what costs an encoder most. */
void fill_noise(struct ps_clip *clip);

/* A picture of one colour, 0xRRGGBB. */
struct ps_photo *flat_photo(uint32_t width, uint32_t height, uint32_t colour);

/* The same with alpha: opaque in its left half, transparent in the right one. */
struct ps_photo *half_photo(uint32_t width, uint32_t height, uint32_t colour);

#endif
