/* Between RGB and Y'CbCr, exactly rounded, with chroma where the standards put it. libswscale is not used: at
 * odd sizes it stretches the chroma planes, it can warn on standard error, and its vector code rounds
 * otherwise. */
#ifndef PS_MEDIA_YUV_H
#define PS_MEDIA_YUV_H

#include "media/raster.h"

/* 8-bit planes Y, Cb, Cr and perhaps alpha, as decoders give them. */
struct ps_yuv {
    const uint8_t *planes[4]; /* the fourth may be null */
    ptrdiff_t strides[4];     /* bytes */
    unsigned log2_x, log2_y;  /* one chroma sample serves 1 << log2 pixels of that axis; up to 2 */
    bool full;                /* levels 0 to 255 (JPEG); otherwise 16 to 235, chroma to 240 */
};

/* Fills `raster` (RGB, or RGBA with an alpha plane) from BT.601 with chroma in the middle of its pixels,
 * linearly interpolated: what JPEG (JFIF 1.02) and WebP (RFC 6386) mean and libjpeg and libwebp do. */
enum ps_status ps_rgb_from_yuv601(struct ps_raster *raster, const struct ps_yuv *yuv, struct ps_error *error);

/* Fills 4:2:0 planes from rgb [height, width, 3], both even: BT.709, limited range, chroma level with the
 * left pixels and between the rows (the default of H.264), filtered 1-2-1 across and 1-1 down. */
void ps_yuv709_from_rgb(uint8_t *const planes[3], const int strides[3], const uint8_t *rgb, uint32_t width,
                        uint32_t height);

#endif
