/* Colour match: one curve a channel that gives a picture the mean and the spread of another. */
#ifndef PS_FINISH_COLOUR_H
#define PS_FINISH_COLOUR_H

#include <stddef.h>
#include <stdint.h>

struct ps_curves {
    uint8_t to[3][256];
};

/* The curves that take `from` to `reference`, both `pixels` of RGB. Mean and standard deviation are those of linear
 * light, where exposure and white balance are factors; the contrast changes by at most two either way. */
void ps_match_colours(struct ps_curves *curves, const uint8_t *from, const uint8_t *reference, size_t pixels);

void ps_apply_curves(uint8_t *to, const uint8_t *from, const struct ps_curves *curves, size_t pixels);

#endif
