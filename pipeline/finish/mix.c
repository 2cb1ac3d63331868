#include "finish/mix.h"

enum { WHOLE = 65536 };

static uint8_t mixed(uint32_t a, uint32_t b, uint32_t share)
{
    return (uint8_t)((a * (WHOLE - share) + b * share + WHOLE / 2) / WHOLE);
}

void ps_mix(uint8_t *to, const uint8_t *a, const uint8_t *b, size_t count, uint32_t share)
{
    for (size_t i = 0; i < count; i++)
        to[i] = mixed(a[i], b[i], share);
}

void ps_mix_colour(uint8_t *to, const uint8_t *a, uint32_t colour, size_t pixels, uint32_t share)
{
    const uint8_t red = (uint8_t)(colour >> 16), green = (uint8_t)(colour >> 8), blue = (uint8_t)colour;
    for (size_t i = 0; i < pixels; i++, to += 3, a += 3) {
        to[0] = mixed(a[0], red, share);
        to[1] = mixed(a[1], green, share);
        to[2] = mixed(a[2], blue, share);
    }
}

void ps_mix_masked(uint8_t *to, const uint8_t *a, const uint8_t *b, const uint8_t *alpha, size_t pixels,
                   uint32_t share)
{
    for (size_t i = 0; i < pixels; i++, to += 3, a += 3, b += 3) {
        const uint32_t here = (share * alpha[i] + 127) / 255;
        for (size_t c = 0; c < 3; c++)
            to[c] = mixed(a[c], b[c], here);
    }
}
