#include "media/yuv.h"

#include <math.h>
#include <stdlib.h>

enum { BITS = 16 }; /* of a coefficient's fraction */

static int64_t fixed(double coefficient)
{
    return llround(coefficient * (1 << BITS));
}

static uint8_t to_byte(int64_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- to RGB ---- */

struct matrix {
    int64_t luma, black, red, green_blue, green_red, blue;
};

/* ITU-R BT.601: Kr = 0.299, Kb = 0.114. */
static struct matrix matrix_601(bool full)
{
    const double kr = 0.299, kb = 0.114, kg = 1 - kr - kb;
    const double luma = full ? 1 : 255.0 / 219, chroma = full ? 1 : 255.0 / 224;
    return (struct matrix){
        .luma = fixed(luma),
        .black = full ? 0 : 16,
        .red = fixed(chroma * 2 * (1 - kr)),
        .green_blue = fixed(-chroma * 2 * (1 - kb) * kb / kg),
        .green_red = fixed(-chroma * 2 * (1 - kr) * kr / kg),
        .blue = fixed(chroma * 2 * (1 - kb)),
    };
}

/* Where a pixel lies: between the chroma samples `low` and `high`, `part` parts of 2 << log2 past low. */
struct place {
    uint32_t low, high;
    int32_t part;
};

static struct place place_of(uint32_t at, unsigned log2, uint32_t samples)
{
    const int64_t parts = INT64_C(2) << log2;
    const int64_t position =
        2 * (int64_t)at + 1 - parts / 2 + parts; /* one sample up, so that it is not negative */
    const int64_t low = position / parts - 1;
    return (struct place){
        .low = low < 0 ? 0 : (uint32_t)low,
        .high = low + 1 < samples ? (uint32_t)(low + 1) : samples - 1,
        .part = (int32_t)(position % parts),
    };
}

/* Chroma of one row of pixels: to [samples], in parts of 2 << log2_y, less the middle level. */
static void chroma_row(int32_t *to, uint32_t samples, const uint8_t *plane, ptrdiff_t stride, unsigned log2_y,
                       struct place y)
{
    const uint8_t *low = plane + (ptrdiff_t)y.low * stride, *high = plane + (ptrdiff_t)y.high * stride;
    const int32_t parts = 2 << log2_y;
    for (uint32_t i = 0; i < samples; i++)
        to[i] = low[i] * (parts - y.part) + high[i] * y.part - 128 * parts;
}

static void convert_row(uint8_t *to, const struct ps_raster *raster, const uint8_t *luma,
                        const uint8_t *alpha, const int32_t *cb, const int32_t *cr,
                        const struct place *places, const struct ps_yuv *yuv, const struct matrix *matrix)
{
    const unsigned shift = yuv->log2_x + yuv->log2_y + 2; /* a chroma value counts 1 << shift */
    const int32_t parts = 2 << yuv->log2_x;
    const int64_t half = INT64_C(1) << (BITS + shift - 1);
    for (uint32_t x = 0; x < raster->width; x++, to += raster->channels) {
        const struct place place = places[x];
        const int64_t blue = cb[place.low] * (parts - place.part) + cb[place.high] * place.part;
        const int64_t red = cr[place.low] * (parts - place.part) + cr[place.high] * place.part;
        const int64_t grey = ((luma[x] - matrix->black) * matrix->luma) * (INT64_C(1) << shift) + half;
        to[0] = to_byte((grey + matrix->red * red) >> (BITS + shift));
        to[1] = to_byte((grey + matrix->green_blue * blue + matrix->green_red * red) >> (BITS + shift));
        to[2] = to_byte((grey + matrix->blue * blue) >> (BITS + shift));
        if (alpha)
            to[3] = alpha[x];
    }
}

enum ps_status ps_rgb_from_yuv601(struct ps_raster *raster, const struct ps_yuv *yuv, struct ps_error *error)
{
    const struct matrix matrix = matrix_601(yuv->full);
    const uint32_t across = ((raster->width - 1) >> yuv->log2_x) + 1;
    const uint32_t down = ((raster->height - 1) >> yuv->log2_y) + 1;
    struct place *places = malloc(raster->width * sizeof *places);
    int32_t *chroma = malloc((size_t)across * 2 * sizeof *chroma);
    const bool ok = places && chroma;
    for (uint32_t x = 0; ok && x < raster->width; x++)
        places[x] = place_of(x, yuv->log2_x, across);
    for (uint32_t y = 0; ok && y < raster->height; y++) {
        const struct place row = place_of(y, yuv->log2_y, down);
        chroma_row(chroma, across, yuv->planes[1], yuv->strides[1], yuv->log2_y, row);
        chroma_row(chroma + across, across, yuv->planes[2], yuv->strides[2], yuv->log2_y, row);
        convert_row(raster->bytes + (size_t)y * raster->width * raster->channels, raster,
                    yuv->planes[0] + (ptrdiff_t)y * yuv->strides[0],
                    yuv->planes[3] ? yuv->planes[3] + (ptrdiff_t)y * yuv->strides[3] : NULL, chroma,
                    chroma + across, places, yuv, &matrix);
    }
    free(places);
    free(chroma);
    return ok ? PS_OK : ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to convert a photo");
}

/* ---- from RGB ---- */

/* One row of Y'CbCr coefficients. Values of 8 bits times these stay within 32 bits, also summed over eight taps at 10
 * bits. */
struct weights {
    int32_t red, green, blue;
};

struct standard {
    struct weights luma, cb, cr;
    int32_t black; /* luma of black, 8 bits */
};

static struct weights weights_of(double red, double green, double blue, double levels)
{
    return (struct weights){(int32_t)fixed(red * levels / 255), (int32_t)fixed(green * levels / 255),
                            (int32_t)fixed(blue * levels / 255)};
}

/* ITU-R BT.709: Kr = 0.2126, Kb = 0.0722, limited range; JFIF: BT.601 and all levels. */
static struct standard standard_of(bool jfif)
{
    const double kr = jfif ? 0.299 : 0.2126, kb = jfif ? 0.114 : 0.0722, kg = 1 - kr - kb;
    const double chroma = jfif ? 255 : 224;
    return (struct standard){
        .luma = weights_of(kr, kg, kb, jfif ? 255 : 219),
        .cb = weights_of(-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5, chroma),
        .cr = weights_of(0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr)), chroma),
        .black = jfif ? 0 : 16,
    };
}

/* Chroma of pure colours in all levels would be 255.5. */
static void put(uint8_t *row, uint32_t at, int32_t value, unsigned bits)
{
    if (bits == 8)
        row[at] = to_byte(value);
    else
        ((uint16_t *)(void *)row)[at] = (uint16_t)value;
}

static void luma_row(uint8_t *to, unsigned bits, const struct standard *standard, const uint8_t *rgb,
                     uint32_t width)
{
    const struct weights y = standard->luma;
    const int shift = BITS - (int)(bits - 8);
    const int32_t offset = (standard->black << BITS) + (1 << (shift - 1));
    for (uint32_t x = 0; x < width; x++, rgb += 3)
        put(to, x, (rgb[0] * y.red + rgb[1] * y.green + rgb[2] * y.blue + offset) >> shift, bits);
}

/* Two rows of pixels summed, and 1-2-1 about every second pixel where chroma is halved across; what lies left of
 * the picture is its first column. `taps` is the sum of the weights. */
struct taps {
    const uint8_t *top, *bottom;
    unsigned log2_x;
    int log2_taps;
};

static int32_t around(const struct taps *taps, uint32_t x, size_t channel)
{
    const size_t at = (size_t)x * 3 + channel;
    if (!taps->log2_x)
        return taps->top[at] + taps->bottom[at];
    const size_t left = x ? at - 3 : at, right = at + 3;
    return taps->top[left] + 2 * taps->top[at] + taps->top[right] + taps->bottom[left] +
           2 * taps->bottom[at] + taps->bottom[right];
}

static void chroma_rows(uint8_t *to_cb, uint8_t *to_cr, unsigned bits, const struct standard *standard,
                        const struct taps *taps, uint32_t width)
{
    const struct weights cb = standard->cb, cr = standard->cr;
    const int shift = BITS + taps->log2_taps - (int)(bits - 8);
    const int32_t offset = (128 << (BITS + taps->log2_taps)) + (1 << (shift - 1));
    for (uint32_t x = 0, i = 0; x < width; x += 1u << taps->log2_x, i++) {
        const int32_t red = around(taps, x, 0), green = around(taps, x, 1), blue = around(taps, x, 2);
        put(to_cb, i, (red * cb.red + green * cb.green + blue * cb.blue + offset) >> shift, bits);
        put(to_cr, i, (red * cr.red + green * cr.green + blue * cr.blue + offset) >> shift, bits);
    }
}

void ps_yuv_from_rgb(const struct ps_planes *to, const uint8_t *rgb, size_t stride, uint32_t width,
                     uint32_t height)
{
    const struct standard standard = standard_of(to->jfif);
    for (uint32_t y = 0; y < height; y++)
        luma_row(to->planes[0] + (ptrdiff_t)y * to->strides[0], to->bits, &standard, rgb + y * stride, width);
    for (uint32_t y = 0, row = 0; y < height; y += 1u << to->log2_y, row++) {
        const uint8_t *top = rgb + y * stride;
        const struct taps taps = {top, to->log2_y ? top + stride : top, to->log2_x, to->log2_x ? 3 : 1};
        chroma_rows(to->planes[1] + (ptrdiff_t)row * to->strides[1],
                    to->planes[2] + (ptrdiff_t)row * to->strides[2], to->bits, &standard, &taps, width);
    }
}
