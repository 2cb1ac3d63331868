#include "media/scan.h"

#include <string.h>

#include "media/bytes.h"
#include "media/jpeg.h"

#define EXPORT_HINT "export it as PNG or JPEG (RGB, 8 or 16 bits)"

static enum ps_status fail_cut(struct ps_error *error, const struct ps_file *file, const char *where)
{
    ps_fail(error, PS_ERR_INPUT, "image.truncated", "%.300s: the file is cut off: it ends after %zu bytes %s",
            file->name, file->size, where);
    ps_hint(error, "copy the photo again and check that the copy has the size of the original");
    return PS_ERR_INPUT;
}

static enum ps_status fail_damaged(struct ps_error *error, const struct ps_file *file, const char *what)
{
    return ps_fail(error, PS_ERR_INPUT, "image.damaged", "%.300s: the file is damaged: %s", file->name, what);
}

static enum ps_status fail_unsupported(struct ps_error *error, const struct ps_file *file, const char *what)
{
    ps_fail(error, PS_ERR_INPUT, "image.unsupported", "%.300s: %s is not supported; PNG, JPEG and WebP are",
            file->name, what);
    ps_hint(error, EXPORT_HINT);
    return PS_ERR_INPUT;
}

/* ---- PNG: length, type, data, CRC (ISO 15948, 5.3) ---- */

static bool zeros(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

static enum ps_status scan_png(struct ps_image_facts *facts, const struct ps_file *file,
                               struct ps_error *error)
{
    size_t at = 8;
    for (;;) {
        const size_t left = file->size - at;
        const uint8_t *chunk = file->bytes + at;
        if (left < 12)
            return fail_cut(error, file, "without the end chunk (IEND)");
        const size_t length = ps_be32(chunk);
        if (zeros(chunk, 12))
            return fail_cut(error, file, "whose last part is only zeros");
        if (length > left - 12)
            return fail_cut(error, file, "inside a chunk");
        if (at == 8) {
            if (length != 13 || memcmp(chunk + 4, "IHDR", 4))
                return fail_damaged(error, file, "the PNG does not begin with IHDR");
            facts->width = ps_be32(chunk + 8);
            facts->height = ps_be32(chunk + 12);
        } else if (!memcmp(chunk + 4, "eXIf", 4)) {
            facts->exif = chunk + 8;
            facts->exif_size = length;
        } else if (!memcmp(chunk + 4, "acTL", 4)) {
            return fail_unsupported(error, file, "an animated PNG");
        } else if (!memcmp(chunk + 4, "IEND", 4)) {
            return PS_OK;
        }
        at += length + 12;
    }
}

/* ---- JPEG ---- */

static enum ps_status read_frame_header(struct ps_image_facts *facts, const struct ps_jpeg_segment *segment,
                                        const struct ps_file *file, struct ps_error *error)
{
    enum { BASELINE = 0xc0, EXTENDED = 0xc1, PROGRESSIVE = 0xc2 };
    const uint8_t *frame = segment->payload;
    if (segment->payload_size < 6)
        return fail_damaged(error, file, "its frame header is too short");
    facts->height = ps_be16(frame + 1);
    facts->width = ps_be16(frame + 3);
    if (segment->marker != BASELINE && segment->marker != EXTENDED && segment->marker != PROGRESSIVE)
        return fail_unsupported(error, file, "a lossless, hierarchical or arithmetic-coded JPEG");
    if (frame[0] != 8)
        return fail_unsupported(error, file, "a JPEG of more than 8 bits a channel");
    if (frame[5] == 4)
        return fail_unsupported(error, file, "a CMYK JPEG (made for print)");
    if (frame[5] != 1 && frame[5] != 3)
        return fail_unsupported(error, file, "a JPEG with neither 1 nor 3 channels");
    if (!facts->height)
        return fail_unsupported(error, file, "a JPEG that does not state its height");
    return PS_OK;
}

static void note_exif(struct ps_image_facts *facts, const uint8_t *bytes, size_t size)
{
    if (facts->exif)
        return;
    facts->exif = bytes;
    facts->exif_size = size;
}

static enum ps_status scan_jpeg(struct ps_image_facts *facts, const struct ps_file *file,
                                struct ps_error *error)
{
    enum { SOF0 = 0xc0, SOF15 = 0xcf, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, APP1 = 0xe1 };
    struct ps_jpeg_segment segment;
    bool framed = false, scanned = false;
    for (size_t at = 2; ps_jpeg_next(&segment, file->bytes, file->size, &at);) {
        const uint8_t marker = segment.marker;
        if (marker == PS_JPEG_EOI)
            return scanned ? PS_OK : fail_damaged(error, file, "the JPEG holds no picture");
        if (marker == APP1 && segment.payload_size > 6 && !memcmp(segment.payload, "Exif\0", 6)) {
            note_exif(facts, segment.payload + 6, segment.payload_size - 6);
        } else if (marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC) {
            if (framed)
                return fail_damaged(error, file, "the JPEG has two frame headers");
            framed = true;
            const enum ps_status status = read_frame_header(facts, &segment, file, error);
            if (status)
                return status;
        } else if (marker == PS_JPEG_SOS) {
            if (!framed)
                return fail_damaged(error, file, "the JPEG has no frame header");
            scanned = true;
        }
    }
    return fail_cut(error, file, "without the end marker");
}

/* ---- WebP: RIFF chunks (RFC 9649) ---- */

/* The size that a VP8 or VP8L stream states; false where its header is wrong. */
static bool read_stream_size(struct ps_image_facts *facts, const uint8_t *stream, size_t size, bool lossless)
{
    if (lossless) {
        if (size < 5 || stream[0] != 0x2f)
            return false;
        const uint32_t bits = ps_le32(stream + 1);
        facts->width = (bits & 0x3fff) + 1;
        facts->height = (bits >> 14 & 0x3fff) + 1;
        return true;
    }
    if (size < 10 || memcmp(stream + 3, "\x9d\x01\x2a", 3))
        return false;
    facts->width = ps_le16(stream + 6) & 0x3fff;
    facts->height = ps_le16(stream + 8) & 0x3fff;
    return true;
}

/* The extended header; its canvas is the size of a picture that does not move. */
static enum ps_status scan_webp_canvas(struct ps_image_facts *canvas, const uint8_t *header, size_t size,
                                       const struct ps_file *file, struct ps_error *error)
{
    enum { ANIMATION = 0x02 };
    if (size < 10)
        return fail_damaged(error, file, "the WebP header is too short");
    if (header[0] & ANIMATION)
        return fail_unsupported(error, file, "an animated WebP");
    canvas->width = ps_le24(header + 4) + 1;
    canvas->height = ps_le24(header + 7) + 1;
    return PS_OK;
}

static enum ps_status scan_webp(struct ps_image_facts *facts, const struct ps_file *file,
                                struct ps_error *error)
{
    const uint64_t end = (uint64_t)ps_le32(file->bytes + 4) + 8;
    if (end > file->size)
        return fail_cut(error, file, "although its header states more");
    struct ps_image_facts canvas = {0};
    bool streamed = false;
    for (uint64_t at = 12; at + 8 <= end;) {
        const uint8_t *chunk = file->bytes + at;
        const size_t length = ps_le32(chunk + 4);
        if (length > end - at - 8)
            return fail_damaged(error, file, "a WebP chunk is longer than the file");
        if (!memcmp(chunk, "VP8X", 4)) {
            const enum ps_status status = scan_webp_canvas(&canvas, chunk + 8, length, file, error);
            if (status)
                return status;
        } else if (!memcmp(chunk, "EXIF", 4)) {
            const size_t prefix = length >= 6 && !memcmp(chunk + 8, "Exif\0", 6) ? 6 : 0;
            note_exif(facts, chunk + 8 + prefix, length - prefix);
        } else if (!streamed && !memcmp(chunk, "VP8", 3) && (chunk[3] == ' ' || chunk[3] == 'L')) {
            if (!read_stream_size(facts, chunk + 8, length, chunk[3] == 'L'))
                return fail_damaged(error, file, "the WebP picture has a wrong header");
            streamed = true;
        }
        at += 8 + (uint64_t)length + (length & 1);
    }
    if (!streamed)
        return fail_damaged(error, file, "the WebP holds no picture");
    if (canvas.width && (canvas.width != facts->width || canvas.height != facts->height))
        return fail_damaged(error, file, "the WebP states two sizes");
    return PS_OK;
}

/* ---- all ---- */

static enum ps_status check_size(const struct ps_image_facts *facts, const struct ps_file *file,
                                 struct ps_error *error)
{
    const uint64_t pixels = (uint64_t)facts->width * facts->height;
    if (!pixels)
        return fail_damaged(error, file, "it states a width or height of 0");
    if (facts->width <= PS_PHOTO_MAX_SIDE && facts->height <= PS_PHOTO_MAX_SIDE &&
        pixels <= PS_PHOTO_MAX_PIXELS)
        return PS_OK;
    ps_fail(error, PS_ERR_INPUT, "image.too-large",
            "%.300s: %u x %u pixels (%llu MP); photos of up to %u pixels a side and %llu MP are read",
            file->name, facts->width, facts->height, (unsigned long long)(pixels / 1000000),
            PS_PHOTO_MAX_SIDE, (unsigned long long)(PS_PHOTO_MAX_PIXELS / 1000000));
    ps_hint(error, "scale the photo down first; a clip needs no more than a few megapixels");
    return PS_ERR_INPUT;
}

enum ps_status ps_scan_image(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error)
{
    *facts = (struct ps_image_facts){0};
    if (!file->size)
        return ps_fail(error, PS_ERR_INPUT, "image.empty", "%.300s: the file is empty (0 bytes)", file->name);
    const char *what;
    facts->kind = ps_sniff(file->bytes, file->size, &what);
    enum ps_status status = PS_OK;
    switch (facts->kind) {
    case PS_IMAGE_PNG:
        status = scan_png(facts, file, error);
        break;
    case PS_IMAGE_JPEG:
        status = scan_jpeg(facts, file, error);
        break;
    case PS_IMAGE_WEBP:
        status = scan_webp(facts, file, error);
        break;
    case PS_IMAGE_CUT:
        return fail_cut(error, file, "in its header");
    case PS_IMAGE_UNSUPPORTED:
        return fail_unsupported(error, file, what);
    case PS_IMAGE_UNKNOWN:
        ps_fail(error, PS_ERR_INPUT, "image.unknown-type", "%.300s: no photo: looks like %s", file->name,
                what);
        ps_hint(error, EXPORT_HINT);
        return PS_ERR_INPUT;
    }
    return status ? status : check_size(facts, file, error);
}
