/* Pillow's 8-bit resampling (behaviour of libImaging/Resample.c in Pillow 13): weights in double, rounded to
 * fixed point; each pass rounds and clips to 8 bits, so their order shows; a pass whose size does not change
 * is left out. Pillow before 13 always does rows before columns; 13 does columns first where that drops most
 * of the pixels. */
#include "media/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 32 bits less 8 of the sample and 2 for sums outside 0 to 1. */
enum { FRACTION_BITS = 32 - 8 - 2 };

#define PI 3.14159265358979323846
#define LOBES 3.0

/* Of one axis: output i is the sum over t < counts[i] of sample[firsts[i] + t] * weights[i * taps + t]. */
struct filter {
    uint32_t *firsts, *counts;
    int32_t *weights;
    size_t taps;
};

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0.0;
}

static void filter_free(struct filter *filter)
{
    free(filter->firsts);
    free(filter->counts);
    free(filter->weights);
    *filter = (struct filter){0};
}

/* Rounds half away from zero. */
static int32_t to_fixed(double weight)
{
    const double scaled = weight * (1 << FRACTION_BITS);
    return (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

static bool filter_new(struct filter *filter, uint32_t in, uint32_t out)
{
    const double scale = (double)in / out;
    const double stretch = scale < 1.0 ? 1.0 : scale;
    const double support = LOBES * stretch, shrink = 1.0 / stretch;
    filter->taps = (size_t)ceil(support) * 2 + 1;
    filter->firsts = calloc(out, sizeof *filter->firsts);
    filter->counts = calloc(out, sizeof *filter->counts);
    filter->weights = calloc(out * filter->taps, sizeof *filter->weights);
    double *exact = calloc(filter->taps, sizeof *exact);
    const bool ok = filter->firsts && filter->counts && filter->weights && exact;

    for (uint32_t i = 0; ok && i < out; i++) {
        const double centre = (i + 0.5) * scale;
        const double low = centre - support + 0.5, high = centre + support + 0.5;
        const uint32_t first = low < 0 ? 0 : (uint32_t)low, end = high > in ? in : (uint32_t)high;
        double sum = 0.0;
        for (uint32_t t = 0; t < end - first; t++) {
            exact[t] = lanczos((t + first - centre + 0.5) * shrink);
            sum += exact[t];
        }
        filter->firsts[i] = first;
        filter->counts[i] = end - first;
        for (uint32_t t = 0; t < end - first; t++)
            filter->weights[i * filter->taps + t] = to_fixed(sum != 0.0 ? exact[t] / sum : exact[t]);
    }
    free(exact);
    return ok;
}

static uint8_t from_fixed(int32_t sum)
{
    const int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* to [rows, width, 3] from rows of `stride` bytes. */
static void resize_rows(uint8_t *to, uint32_t width, const uint8_t *from, size_t stride, uint32_t rows,
                        const struct filter *filter)
{
    for (uint32_t y = 0; y < rows; y++, from += stride)
        for (uint32_t x = 0; x < width; x++, to += 3) {
            const int32_t *weights = filter->weights + x * filter->taps;
            const uint8_t *pixel = from + (size_t)filter->firsts[x] * 3;
            int32_t red = 1 << (FRACTION_BITS - 1), green = red, blue = red;
            for (uint32_t t = 0; t < filter->counts[x]; t++, pixel += 3) {
                red += pixel[0] * weights[t];
                green += pixel[1] * weights[t];
                blue += pixel[2] * weights[t];
            }
            to[0] = from_fixed(red);
            to[1] = from_fixed(green);
            to[2] = from_fixed(blue);
        }
}

/* to [height, samples] from rows of `stride` bytes. `sums` holds one row. */
static void resize_columns(uint8_t *to, uint32_t height, const uint8_t *from, size_t stride, size_t samples,
                           const struct filter *filter, int32_t *sums)
{
    for (uint32_t y = 0; y < height; y++, to += samples) {
        const int32_t *weights = filter->weights + y * filter->taps;
        const uint8_t *row = from + filter->firsts[y] * stride;
        for (size_t i = 0; i < samples; i++)
            sums[i] = 1 << (FRACTION_BITS - 1);
        for (uint32_t t = 0; t < filter->counts[y]; t++, row += stride)
            for (size_t i = 0; i < samples; i++)
                sums[i] += row[i] * weights[t];
        for (size_t i = 0; i < samples; i++)
            to[i] = from_fixed(sums[i]);
    }
}

static void copy_rows(uint8_t *to, const struct ps_view *from)
{
    const size_t row = (size_t)from->width * 3;
    for (uint32_t y = 0; y < from->height; y++)
        memcpy(to + y * row, from->rgb + y * from->stride, row);
}

static bool columns_first(uint32_t width, uint32_t height, const struct ps_view *from)
{
    const int64_t fewer_columns = (int64_t)from->width - width, fewer_rows = (int64_t)from->height - height;
    return fewer_rows > 0 && fewer_rows > 2 * fewer_columns;
}

/* Both passes, where both sizes change. */
static bool resize_both(uint8_t *to, uint32_t width, uint32_t height, const struct ps_view *from,
                        const struct filter *across, const struct filter *down, int32_t *sums)
{
    const bool early = columns_first(width, height, from);
    const size_t row = 3 * (size_t)(early ? from->width : width);
    uint8_t *between = malloc(row * (early ? height : from->height));
    if (!between)
        return false;
    if (early) {
        resize_columns(between, height, from->rgb, from->stride, row, down, sums);
        resize_rows(to, width, between, row, height, across);
    } else {
        resize_rows(between, width, from->rgb, from->stride, from->height, across);
        resize_columns(to, height, between, row, row, down, sums);
    }
    free(between);
    return true;
}

enum ps_status ps_resize_lanczos(uint8_t *to, uint32_t width, uint32_t height, const struct ps_view *from,
                                 struct ps_error *error)
{
    struct filter across = {0}, down = {0};
    const bool wide = from->width != width, high = from->height != height;
    int32_t *sums = malloc((size_t)(width > from->width ? width : from->width) * 3 * sizeof *sums);
    bool ok = sums && (!wide || filter_new(&across, from->width, width)) &&
              (!high || filter_new(&down, from->height, height));
    if (ok && wide && high)
        ok = resize_both(to, width, height, from, &across, &down, sums);
    else if (ok && wide)
        resize_rows(to, width, from->rgb, from->stride, height, &across);
    else if (ok && high)
        resize_columns(to, height, from->rgb, from->stride, (size_t)width * 3, &down, sums);
    else if (ok)
        copy_rows(to, from);
    filter_free(&across);
    filter_free(&down);
    free(sums);
    return ok ? PS_OK : ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to resize a photo");
}
