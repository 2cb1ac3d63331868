#include "media/jpeg.h"

#include <string.h>

#include "media/bytes.h"
#include "media/scan.h"

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

bool ps_jpeg_is_adobe(const struct ps_jpeg_segment *segment)
{
    return segment->marker == APP14 && segment->payload_size >= 12 && !memcmp(segment->payload, "Adobe", 5);
}

bool ps_jpeg_matters(const struct ps_jpeg_segment *segment)
{
    if (segment->marker == PS_JPEG_APP0)
        return segment->payload_size >= 5 && !memcmp(segment->payload, "JFIF", 5);
    if (segment->marker == APP14)
        return ps_jpeg_is_adobe(segment);
    return segment->marker != PS_JPEG_COM && (segment->marker < PS_JPEG_APP0 || segment->marker > APP15);
}

/* ---- what they say ---- */

static enum ps_status read_frame_header(struct ps_image_facts *facts, const struct ps_jpeg_segment *segment,
                                        const struct ps_file *file, struct ps_error *error)
{
    const uint8_t *frame = segment->payload;
    if (segment->payload_size < 6)
        return ps_refuse_damaged(error, file, "its frame header is too short");
    facts->height = ps_be16(frame + 1);
    facts->width = ps_be16(frame + 3);
    if (segment->marker < PS_JPEG_SOF0 || segment->marker > PS_JPEG_SOF2)
        return ps_refuse_kind(error, file, "a lossless, hierarchical or arithmetic-coded JPEG");
    if (frame[0] != 8)
        return ps_refuse_kind(error, file, "a JPEG of more than 8 bits a channel");
    if (frame[5] != 1 && frame[5] != 3 && frame[5] != 4)
        return ps_refuse_kind(error, file, "a JPEG with other than 1, 3 or 4 channels");
    if (segment->payload_size != 6 + 3 * (size_t)frame[5])
        return ps_refuse_damaged(error, file, "its frame header has a wrong length");
    facts->grey = frame[5] == 1;
    facts->ink = frame[5] == 4 ? PS_INK_CMYK : PS_INK_NONE;
    if (!facts->height)
        return ps_refuse_kind(error, file, "a JPEG that does not state its height");
    return PS_OK;
}

/* Adobe's marker says whether four channels are inverted and what the first three are. */
static void note_adobe(struct ps_image_facts *facts, const struct ps_jpeg_segment *adobe)
{
    enum { TRANSFORM = 11, YCCK = 2 };
    if (facts->ink != PS_INK_NONE && adobe->payload)
        facts->ink = adobe->payload[TRANSFORM] == YCCK ? PS_INK_YCCK : PS_INK_INVERTED;
}

enum ps_status ps_scan_jpeg(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error)
{
    enum { SOF15 = 0xcf, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, APP1 = 0xe1 };
    struct ps_jpeg_segment segment, adobe = {0};
    bool framed = false, scanned = false;
    for (size_t at = 2; ps_jpeg_next(&segment, file->bytes, file->size, &at);) {
        const uint8_t marker = segment.marker;
        if (marker == PS_JPEG_EOI) {
            note_adobe(facts, &adobe);
            return scanned ? PS_OK : ps_refuse_damaged(error, file, "the JPEG holds no picture");
        }
        if (marker == APP1 && segment.payload_size > 6 && !memcmp(segment.payload, "Exif\0", 6)) {
            if (!facts->exif.bytes)
                facts->exif = (struct ps_span){segment.payload + 6, segment.payload_size - 6};
        } else if (ps_jpeg_is_adobe(&segment)) {
            adobe = segment;
        } else if (marker >= PS_JPEG_SOF0 && marker <= SOF15 && marker != DHT && marker != JPG &&
                   marker != DAC) {
            if (framed)
                return ps_refuse_damaged(error, file, "the JPEG has two frame headers");
            framed = true;
            const enum ps_status status = read_frame_header(facts, &segment, file, error);
            if (status)
                return status;
        } else if (marker == PS_JPEG_SOS) {
            if (!framed)
                return ps_refuse_damaged(error, file, "the JPEG has no frame header");
            scanned = true;
        }
    }
    return ps_refuse_cut(error, file, "without the end marker");
}
