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

/* One row of Y'CbCr coefficients; ITU-R BT.709: Kr = 0.2126, Kb = 0.0722. */
struct weights {
    int64_t red, green, blue;
};

#define KR 0.2126
#define KB 0.0722
#define KG (1 - KR - KB)

static struct weights weights_of(double red, double green, double blue, double levels)
{
    return (struct weights){fixed(red * levels / 255), fixed(green * levels / 255),
                            fixed(blue * levels / 255)};
}

static void luma_row(uint8_t *to, const uint8_t *rgb, uint32_t width)
{
    const struct weights y = weights_of(KR, KG, KB, 219);
    const int64_t offset = (INT64_C(16) << BITS) + (1 << (BITS - 1));
    for (uint32_t x = 0; x < width; x++, rgb += 3)
        to[x] = to_byte((rgb[0] * y.red + rgb[1] * y.green + rgb[2] * y.blue + offset) >> BITS);
}

/* 1-2-1 about pixel x of two rows, 8 in all; what lies left of the picture is its first column. */
static int64_t around(const uint8_t *top, const uint8_t *bottom, size_t x, size_t channel)
{
    const size_t at = x * 3 + channel, left = (x ? at - 3 : at), right = at + 3;
    return top[left] + 2 * top[at] + top[right] + bottom[left] + 2 * bottom[at] + bottom[right];
}

static void chroma_rows(uint8_t *to_cb, uint8_t *to_cr, const uint8_t *top, const uint8_t *bottom,
                        uint32_t width)
{
    enum { LOG2_TAPS = 3 };
    const struct weights cb = weights_of(-KR / (2 * (1 - KB)), -KG / (2 * (1 - KB)), 0.5, 224);
    const struct weights cr = weights_of(0.5, -KG / (2 * (1 - KR)), -KB / (2 * (1 - KR)), 224);
    const int shift = BITS + LOG2_TAPS;
    const int64_t offset = (INT64_C(128) << shift) + (INT64_C(1) << (shift - 1));
    for (uint32_t x = 0; x < width; x += 2) {
        const int64_t red = around(top, bottom, x, 0), green = around(top, bottom, x, 1),
                      blue = around(top, bottom, x, 2);
        *to_cb++ = to_byte((red * cb.red + green * cb.green + blue * cb.blue + offset) >> shift);
        *to_cr++ = to_byte((red * cr.red + green * cr.green + blue * cr.blue + offset) >> shift);
    }
}

void ps_yuv709_from_rgb(uint8_t *const planes[3], const int strides[3], const uint8_t *rgb, uint32_t width,
                        uint32_t height)
{
    const size_t row = (size_t)width * 3;
    for (uint32_t y = 0; y < height; y++)
        luma_row(planes[0] + (ptrdiff_t)y * strides[0], rgb + y * row, width);
    for (uint32_t y = 0; y < height; y += 2)
        chroma_rows(planes[1] + (ptrdiff_t)(y / 2) * strides[1], planes[2] + (ptrdiff_t)(y / 2) * strides[2],
                    rgb + y * row, rgb + (y + 1) * row, width);
}
