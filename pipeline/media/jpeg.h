/* The segments of a JPEG file (ITU-T T.81 annex B). */
#ifndef PS_MEDIA_JPEG_H
#define PS_MEDIA_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PS_JPEG_SOF0 = 0xc0,
    PS_JPEG_SOF2 = 0xc2,
    PS_JPEG_SOS = 0xda,
    PS_JPEG_EOI = 0xd9,
    PS_JPEG_APP0 = 0xe0,
    PS_JPEG_APP2 = 0xe2,
    PS_JPEG_COM = 0xfe
};

struct ps_jpeg_segment {
    uint8_t marker;         /* the byte after 0xff */
    const uint8_t *begin;   /* at the 0xff of the marker */
    const uint8_t *payload; /* after the length */
    size_t payload_size;
    size_t size; /* from begin; includes the entropy-coded data that follows SOS */
};

/* The segment at or after *at, which moves past it; begin with 2, past SOI. False where the file ends. */
bool ps_jpeg_next(struct ps_jpeg_segment *segment, const uint8_t *bytes, size_t size, size_t *at);

/* True for Adobe's APP14 segment, which is then long enough to hold its transform. */
bool ps_jpeg_is_adobe(const struct ps_jpeg_segment *segment);

/* True if a decoder of pixels needs the segment: application data other than the two that say what the
 * colours are only widens what a hostile file reaches. */
bool ps_jpeg_matters(const struct ps_jpeg_segment *segment);

#endif
