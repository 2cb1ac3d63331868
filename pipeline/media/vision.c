/* diffusers blurs with a Gaussian and then interpolates bicubically at the corners' grid. Both are linear and
 * act on one axis at a time, so each axis is one filter here: every output's bicubic taps, each spread over
 * the Gaussian. That needs no blurred copy of a large photo, and what is not needed is not computed. */
#include "media/resample.h"

#include <math.h>
#include <stdlib.h>

/* PyTorch's cubic convolution constant. */
#define KEYS (-0.75f)

/* Output i is the sum over t < counts[i] of sample[firsts[i] + t] * weights[i * taps + t]. */
struct filter {
    uint32_t *firsts, *counts;
    double *weights;
    size_t taps;
};

/* The reference's blur of one axis: `size` weights, odd, about the middle. */
struct blur {
    float *weights;
    int64_t size;
};

static bool blur_new(struct blur *blur, uint32_t in, uint32_t out)
{
    const double factor = (double)in / out;
    const double exact = fmax((factor - 1.0) / 2.0, 0.001);
    const float sigma = (float)exact;
    blur->size = (int64_t)fmax(4.0 * exact, 3.0) | 1;
    blur->weights = malloc((size_t)blur->size * sizeof *blur->weights);
    if (!blur->weights)
        return false;
    float sum = 0;
    for (int64_t i = 0; i < blur->size; i++) {
        const float x = (float)(i - blur->size / 2);
        blur->weights[i] = expf(-(x * x) / (2 * (sigma * sigma)));
        sum += blur->weights[i];
    }
    for (int64_t i = 0; i < blur->size; i++)
        blur->weights[i] /= sum;
    return true;
}

/* Index within 0 to n - 1 of a position outside, mirrored about the outermost samples. */
static int64_t reflect(int64_t at, int64_t n)
{
    if (n == 1)
        return 0;
    const int64_t period = 2 * (n - 1);
    at = ((at % period) + period) % period;
    return at < n ? at : period - at;
}

static int64_t clamp(int64_t at, int64_t n)
{
    return at < 0 ? 0 : at >= n ? n - 1 : at;
}

/* Keys' cubic at distances 1 + t, t, 1 - t, 2 - t, in PyTorch's order of operations. */
static void cubic_weights(float weights[4], float t)
{
    const float distances[4] = {t + 1, t, 1 - t, (1 - t) + 1};
    for (int i = 0; i < 4; i++) {
        const float x = distances[i];
        weights[i] = i == 1 || i == 2 ? ((KEYS + 2) * x - (KEYS + 3)) * x * x + 1
                                      : ((KEYS * x - 5 * KEYS) * x + 8 * KEYS) * x - 4 * KEYS;
    }
}

/* Adds output i's weights into the row that starts at `firsts[i]`. */
static void add_taps(struct filter *filter, uint32_t i, const struct blur *blur, int64_t in, float position)
{
    const int64_t base = (int64_t)floorf(position), reach = blur->size / 2;
    const int64_t first = clamp(base - 1 - reach, in), last = clamp(base + 2 + reach, in);
    /* Mirrored samples lie as far inside as their tap lies outside, so the row covers them. */
    double *row = filter->weights + i * filter->taps;
    float cubic[4];
    cubic_weights(cubic, position - (float)base);
    filter->firsts[i] = (uint32_t)first;
    filter->counts[i] = (uint32_t)(last - first + 1);
    for (int64_t tap = 0; tap < 4; tap++)
        for (int64_t k = 0; k < blur->size; k++) {
            const int64_t at = reflect(clamp(base - 1 + tap, in) + k - reach, in);
            row[at - first] += (double)cubic[tap] * (double)blur->weights[k];
        }
}

static void filter_free(struct filter *filter)
{
    free(filter->firsts);
    free(filter->counts);
    free(filter->weights);
    *filter = (struct filter){0};
}

static bool filter_new(struct filter *filter, uint32_t in, uint32_t out)
{
    struct blur blur = {0};
    bool ok = blur_new(&blur, in, out);
    if (ok) {
        filter->taps = (size_t)blur.size + 3;
        filter->firsts = calloc(out, sizeof *filter->firsts);
        filter->counts = calloc(out, sizeof *filter->counts);
        filter->weights = calloc(out * filter->taps, sizeof *filter->weights);
        ok = filter->firsts && filter->counts && filter->weights;
    }
    /* float, as in PyTorch: at large sizes the rounding of the position is visible in the result. */
    const float scale = out > 1 ? (float)(in - 1) / (float)(out - 1) : 0;
    for (uint32_t i = 0; ok && i < out; i++)
        add_taps(filter, i, &blur, in, scale * (float)i);
    free(blur.weights);
    return ok;
}

/* to [size, 3] = one filtered row, in [-1, 1]. */
static void filter_row(float *to, uint32_t size, const uint8_t *from, const struct filter *across)
{
    for (uint32_t x = 0; x < size; x++, to += 3) {
        const double *weights = across->weights + x * across->taps;
        const uint8_t *pixel = from + (size_t)across->firsts[x] * 3;
        double red = 0, green = 0, blue = 0, sum = 0;
        for (uint32_t t = 0; t < across->counts[x]; t++, pixel += 3) {
            red += weights[t] * pixel[0];
            green += weights[t] * pixel[1];
            blue += weights[t] * pixel[2];
            sum += weights[t];
        }
        to[0] = (float)(red * (2.0 / 255) - sum);
        to[1] = (float)(green * (2.0 / 255) - sum);
        to[2] = (float)(blue * (2.0 / 255) - sum);
    }
}

/* to [3, size, size] from rows [height, size, 3]. */
static void filter_columns(float *to, uint32_t size, const float *rows, const struct filter *down,
                           const float mean[3], const float deviation[3])
{
    const size_t row = (size_t)size * 3;
    for (size_t channel = 0; channel < 3; channel++)
        for (uint32_t y = 0; y < size; y++)
            for (uint32_t x = 0; x < size; x++) {
                const double *weights = down->weights + y * down->taps;
                const float *sample = rows + down->firsts[y] * row + (size_t)x * 3 + channel;
                double sum = 0;
                for (uint32_t t = 0; t < down->counts[y]; t++, sample += row)
                    sum += weights[t] * (double)*sample;
                *to++ = (((float)sum + 1) / 2 - mean[channel]) / deviation[channel];
            }
}

enum ps_status ps_vision_pixels(float *to, uint32_t size, const struct ps_view *from, const float mean[3],
                                const float deviation[3], struct ps_error *error)
{
    struct filter across = {0}, down = {0};
    float *rows = malloc((size_t)from->height * size * 3 * sizeof *rows);
    const bool ok = rows && filter_new(&across, from->width, size) && filter_new(&down, from->height, size);
    if (ok) {
        for (uint32_t y = 0; y < from->height; y++)
            filter_row(rows + (size_t)y * size * 3, size, from->rgb + y * from->stride, &across);
        filter_columns(to, size, rows, &down, mean, deviation);
    }
    filter_free(&across);
    filter_free(&down);
    free(rows);
    return ok ? PS_OK
              : ps_fail(error, PS_ERR_MEMORY, "memory.host",
                        "no memory to prepare a photo for the vision tower");
}
