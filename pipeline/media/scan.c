#include "media/scan.h"

#include <string.h>
#include <zlib.h>

#include "media/bytes.h"

#define EXPORT_HINT "export it as PNG, JPEG or TIFF (RGB, 8 or 16 bits)"

enum ps_status ps_refuse_cut(struct ps_error *error, const struct ps_file *file, const char *where)
{
    ps_fail(error, PS_ERR_INPUT, "image.truncated", "%.300s: the file is cut off: it ends after %zu bytes %s",
            file->name, file->size, where);
    ps_hint(error, "copy the photo again and check that the copy has the size of the original");
    return PS_ERR_INPUT;
}

enum ps_status ps_refuse_damaged(struct ps_error *error, const struct ps_file *file, const char *what)
{
    return ps_fail(error, PS_ERR_INPUT, "image.damaged", "%.300s: the file is damaged: %s", file->name, what);
}

enum ps_status ps_refuse_kind(struct ps_error *error, const struct ps_file *file, const char *what)
{
    ps_fail(error, PS_ERR_INPUT, "image.unsupported",
            "%.300s: %s is not supported; PNG, JPEG, WebP, TIFF and BMP are", file->name, what);
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

/* Keeps a chunk that says something about orientation or colour; the decoder reads none of them. One that is damaged is
 * as good as absent. */
static void note_chunk(struct ps_image_facts *facts, const uint8_t *chunk, size_t length)
{
    const struct {
        const char *type;
        struct ps_span *span;
    } kept[] = {
        {"iCCP", &facts->iccp}, {"cICP", &facts->cicp}, {"gAMA", &facts->gama}, {"cHRM", &facts->chrm}};
    const uint8_t *type = chunk + 4, *data = chunk + 8;
    const bool whole = crc32(0, type, (uInt)length + 4) == ps_be32(data + length);
    if (!whole)
        return;
    if (!memcmp(type, "eXIf", 4))
        facts->exif = (struct ps_span){data, length};
    facts->srgb = facts->srgb || !memcmp(type, "sRGB", 4);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (!memcmp(type, kept[i].type, 4))
            *kept[i].span = (struct ps_span){type, length + 4};
}

static bool is_ancillary(const uint8_t *chunk)
{
    return chunk[4] & 0x20;
}

static enum ps_status scan_png(struct ps_image_facts *facts, const struct ps_file *file,
                               struct ps_error *error)
{
    size_t at = 8;
    for (;;) {
        const size_t left = file->size - at;
        const uint8_t *chunk = file->bytes + at;
        if (left < 12)
            return ps_refuse_cut(error, file, "without the end chunk (IEND)");
        const size_t length = ps_be32(chunk);
        if (zeros(chunk, 12))
            return ps_refuse_cut(error, file, "whose last part is only zeros");
        if (length > left - 12)
            return ps_refuse_cut(error, file, "inside a chunk");
        if (at == 8) {
            if (length != 13 || memcmp(chunk + 4, "IHDR", 4))
                return ps_refuse_damaged(error, file, "the PNG does not begin with IHDR");
            facts->width = ps_be32(chunk + 8);
            facts->height = ps_be32(chunk + 12);
            facts->deep = chunk[16] == 16;
            facts->grey = !(chunk[17] & 3); /* neither a palette nor colours */
        } else if (!memcmp(chunk + 4, "acTL", 4)) {
            return ps_refuse_kind(error, file, "an animated PNG");
        } else if (!memcmp(chunk + 4, "IEND", 4)) {
            return PS_OK;
        } else if (is_ancillary(chunk)) {
            note_chunk(facts, chunk, length);
        }
        at += length + 12;
    }
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
        return ps_refuse_damaged(error, file, "the WebP header is too short");
    if (header[0] & ANIMATION)
        return ps_refuse_kind(error, file, "an animated WebP");
    canvas->width = ps_le24(header + 4) + 1;
    canvas->height = ps_le24(header + 7) + 1;
    return PS_OK;
}

static enum ps_status scan_webp(struct ps_image_facts *facts, const struct ps_file *file,
                                struct ps_error *error)
{
    const uint64_t end = (uint64_t)ps_le32(file->bytes + 4) + 8;
    if (end > file->size)
        return ps_refuse_cut(error, file, "although its header states more");
    struct ps_image_facts canvas = {0};
    bool streamed = false;
    for (uint64_t at = 12; at + 8 <= end;) {
        const uint8_t *chunk = file->bytes + at;
        const size_t length = ps_le32(chunk + 4);
        if (length > end - at - 8)
            return ps_refuse_damaged(error, file, "a WebP chunk is longer than the file");
        if (!memcmp(chunk, "VP8X", 4)) {
            const enum ps_status status = scan_webp_canvas(&canvas, chunk + 8, length, file, error);
            if (status)
                return status;
        } else if (!memcmp(chunk, "EXIF", 4)) {
            const size_t prefix = length >= 6 && !memcmp(chunk + 8, "Exif\0", 6) ? 6 : 0;
            facts->exif = (struct ps_span){chunk + 8 + prefix, length - prefix};
        } else if (!memcmp(chunk, "ICCP", 4)) {
            facts->icc = (struct ps_span){chunk + 8, length};
        } else if (!streamed && !memcmp(chunk, "VP8", 3) && (chunk[3] == ' ' || chunk[3] == 'L')) {
            if (!read_stream_size(facts, chunk + 8, length, chunk[3] == 'L'))
                return ps_refuse_damaged(error, file, "the WebP picture has a wrong header");
            streamed = true;
        }
        at += 8 + (uint64_t)length + (length & 1);
    }
    if (!streamed)
        return ps_refuse_damaged(error, file, "the WebP holds no picture");
    if (canvas.width && (canvas.width != facts->width || canvas.height != facts->height))
        return ps_refuse_damaged(error, file, "the WebP states two sizes");
    return PS_OK;
}

/* ---- all ---- */

static enum ps_status check_size(const struct ps_image_facts *facts, const struct ps_file *file,
                                 struct ps_error *error)
{
    const uint64_t pixels = (uint64_t)facts->width * facts->height;
    if (!pixels)
        return ps_refuse_damaged(error, file, "it states a width or height of 0");
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
        status = ps_scan_jpeg(facts, file, error);
        break;
    case PS_IMAGE_TIFF:
        status = ps_scan_tiff(facts, file, error);
        break;
    case PS_IMAGE_BMP:
        status = ps_scan_bmp(facts, file, error);
        break;
    case PS_IMAGE_WEBP:
        status = scan_webp(facts, file, error);
        break;
    case PS_IMAGE_CUT:
        return ps_refuse_cut(error, file, "in its header");
    case PS_IMAGE_UNSUPPORTED:
        return ps_refuse_kind(error, file, what);
    case PS_IMAGE_UNKNOWN:
        ps_fail(error, PS_ERR_INPUT, "image.unknown-type", "%.300s: no photo: looks like %s", file->name,
                what);
        ps_hint(error, EXPORT_HINT);
        return PS_ERR_INPUT;
    }
    return status ? status : check_size(facts, file, error);
}
