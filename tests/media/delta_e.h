/* How different two colours look: CIEDE2000. */
#ifndef PS_TESTS_MEDIA_DELTA_E_H
#define PS_TESTS_MEDIA_DELTA_E_H

#include <stdint.h>

struct lab {
    double l, a, b;
};

/* CIELAB under D65 of an 8-bit sRGB colour. */
struct lab lab_of_srgb(const uint8_t rgb[3]);

/* Sharma, Wu and Dalal 2005, equations 2 to 22, with unit weights. About 1 is what an eye can just see. */
double delta_e_2000(struct lab one, struct lab two);

#endif
