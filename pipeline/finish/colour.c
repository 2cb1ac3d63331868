#include "finish/colour.h"

#include <math.h>

/* IEC 61966-2-1. */
static double linear_from_srgb(double value)
{
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double srgb_from_linear(double value)
{
    return value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055;
}

struct statistics {
    double mean, spread; /* standard deviation */
};

/* From a histogram, so that no picture of doubles is needed. */
static struct statistics measure(const uint8_t *rgb, size_t channel, size_t pixels, const double linear[256])
{
    uint64_t counts[256] = {0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < pixels; i++)
        counts[rgb[i * 3 + channel]]++;
    for (size_t v = 0; v < 256; v++) {
        sum += (double)counts[v] * linear[v];
        squares += (double)counts[v] * linear[v] * linear[v];
    }
    const double mean = sum / (double)pixels, variance = squares / (double)pixels - mean * mean;
    return (struct statistics){mean, variance > 0 ? sqrt(variance) : 0};
}

void ps_match_colours(struct ps_curves *curves, const uint8_t *from, const uint8_t *reference, size_t pixels)
{
    /* Below one step of 8 bits there is no spread to speak of. */
    const double flat = 0.5 / 255, most = 2;
    double linear[256];
    for (size_t v = 0; v < 256; v++)
        linear[v] = linear_from_srgb((double)v / 255);
    for (size_t c = 0; c < 3; c++) {
        const struct statistics is = measure(from, c, pixels, linear);
        const struct statistics wanted = measure(reference, c, pixels, linear);
        double gain = is.spread > flat && wanted.spread > flat ? wanted.spread / is.spread : 1;
        gain = gain > most ? most : gain < 1 / most ? 1 / most : gain;
        for (size_t v = 0; v < 256; v++) {
            const double light = (linear[v] - is.mean) * gain + wanted.mean;
            const double clipped = light < 0 ? 0 : light > 1 ? 1 : light;
            curves->to[c][v] = (uint8_t)(srgb_from_linear(clipped) * 255 + 0.5);
        }
    }
}

void ps_apply_curves(uint8_t *to, const uint8_t *from, const struct ps_curves *curves, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, to += 3, from += 3)
        for (size_t c = 0; c < 3; c++)
            to[c] = curves->to[c][from[c]];
}
