#include "media/jpeg.h"

#include <string.h>

#include "media/bytes.h"

enum { RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, TEM = 0x01, APP14 = 0xee, APP15 = 0xef };

/* Position of the next 0xff that begins a marker, or size. In entropy-coded data 0xff00 is a stuffed byte and
 * RSTn belongs to the scan. */
static size_t find_marker(const uint8_t *bytes, size_t size, size_t at)
{
    for (; at + 1 < size; at++) {
        if (bytes[at] != 0xff)
            continue;
        const uint8_t next = bytes[at + 1];
        if (next != 0x00 && next != 0xff && (next < RST0 || next > SOI) && next != TEM)
            return at;
    }
    return size;
}

bool ps_jpeg_next(struct ps_jpeg_segment *segment, const uint8_t *bytes, size_t size, size_t *at)
{
    const size_t begin = find_marker(bytes, size, *at);
    if (begin == size)
        return false;
    *segment = (struct ps_jpeg_segment){.marker = bytes[begin + 1], .begin = bytes + begin, .size = 2};
    if (segment->marker == PS_JPEG_EOI) {
        *at = begin + 2;
        return true;
    }
    if (size - begin < 4)
        return false;
    const size_t length = ps_be16(bytes + begin + 2);
    if (length < 2 || length > size - begin - 2)
        return false;
    segment->payload = bytes + begin + 4;
    segment->payload_size = length - 2;
    segment->size = length + 2;
    if (segment->marker == PS_JPEG_SOS)
        segment->size = find_marker(bytes, size, begin + segment->size) - begin;
    *at = begin + segment->size;
    return true;
}

bool ps_jpeg_matters(const struct ps_jpeg_segment *segment)
{
    if (segment->marker == PS_JPEG_APP0)
        return segment->payload_size >= 5 && !memcmp(segment->payload, "JFIF", 5);
    if (segment->marker == APP14)
        return segment->payload_size >= 12 && !memcmp(segment->payload, "Adobe", 5);
    return segment->marker != PS_JPEG_COM && (segment->marker < PS_JPEG_APP0 || segment->marker > APP15);
}
