#include "media/delta_e.h"

#include <math.h>

#define PI 3.14159265358979323846

static double linear(uint8_t value)
{
    const double x = value / 255.0;
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

static double lab_curve(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

struct lab lab_of_srgb(const uint8_t rgb[3])
{
    const double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
    const double x = lab_curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    const double y = lab_curve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    const double z = lab_curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    return (struct lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static double degrees(double radians)
{
    return radians * 180 / PI;
}

static double radians(double degree)
{
    return degree * PI / 180;
}

/* Hue angle in degrees, 0 to 360; 0 for grey. */
static double hue(double a, double b)
{
    if (a == 0 && b == 0)
        return 0;
    const double angle = degrees(atan2(b, a));
    return angle < 0 ? angle + 360 : angle;
}

static double share_of_seventh(double chroma)
{
    return sqrt(pow(chroma, 7) / (pow(chroma, 7) + pow(25, 7)));
}

/* Mean of two hues the short way round, as the paper has it. */
static double mean_hue(double one, double two, double product)
{
    if (product == 0)
        return one + two;
    if (fabs(one - two) <= 180)
        return (one + two) / 2;
    return one + two < 360 ? (one + two + 360) / 2 : (one + two - 360) / 2;
}

double delta_e_2000(struct lab one, struct lab two)
{
    const double mean_c = (hypot(one.a, one.b) + hypot(two.a, two.b)) / 2;
    const double g = 0.5 * (1 - share_of_seventh(mean_c));
    const double a1 = (1 + g) * one.a, a2 = (1 + g) * two.a;
    const double c1 = hypot(a1, one.b), c2 = hypot(a2, two.b);
    const double h1 = hue(a1, one.b), h2 = hue(a2, two.b);
    double dh = h2 - h1;
    if (c1 * c2 == 0)
        dh = 0;
    else if (dh > 180)
        dh -= 360;
    else if (dh < -180)
        dh += 360;
    const double dl = two.l - one.l, dc = c2 - c1, dH = 2 * sqrt(c1 * c2) * sin(radians(dh) / 2);
    const double l = (one.l + two.l) / 2, c = (c1 + c2) / 2, h = mean_hue(h1, h2, c1 * c2);
    const double t = 1 - 0.17 * cos(radians(h - 30)) + 0.24 * cos(radians(2 * h)) +
                     0.32 * cos(radians(3 * h + 6)) - 0.20 * cos(radians(4 * h - 63));
    const double turn = 30 * exp(-pow((h - 275) / 25, 2));
    const double sl = 1 + 0.015 * pow(l - 50, 2) / sqrt(20 + pow(l - 50, 2));
    const double sc = 1 + 0.045 * c, sh = 1 + 0.015 * c * t;
    const double rt = -sin(radians(2 * turn)) * 2 * share_of_seventh(c);
    return sqrt(pow(dl / sl, 2) + pow(dc / sc, 2) + pow(dH / sh, 2) + rt * (dc / sc) * (dH / sh));
}
