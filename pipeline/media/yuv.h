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

/* Planes Y, Cb, Cr that an encoder takes. */
struct ps_planes {
    uint8_t *planes[3];
    int strides[3];          /* bytes */
    unsigned log2_x, log2_y; /* 1 where chroma is halved along that axis, which then has an even size */
    unsigned bits;           /* 8, or 10 in words of the machine's byte order */
    bool jfif;               /* BT.601 and levels 0 to 255, as JPEG means it; with chroma for every pixel */
};

/* Fills planes from rgb [height, width, 3] whose rows are `stride` bytes apart: BT.709, limited range unless `jfif`, chroma level
 * with the left pixels and between the rows (the default of H.264), filtered 1-2-1 across and 1-1 down. */
void ps_yuv_from_rgb(const struct ps_planes *to, const uint8_t *rgb, size_t stride, uint32_t width,
                     uint32_t height);

#endif
