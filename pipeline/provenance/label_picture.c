/* PNG and JPEG. A PNG has the packet in an iTXt chunk after its header, a JPEG in an APP1 segment after its first
 * marker (XMP specification part 3). */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "provenance/carriers.h"

/* ---- PNG: size, type, body, CRC-32 of type and body; big-endian ---- */

enum { SIGNATURE_BYTES = 8, IHDR_END = SIGNATURE_BYTES + 8 + 13 + 4, CHUNK_HEAD = 8, CRC_BYTES = 4 };

/* Keyword, no compression, no language, no translated keyword. */
static const char png_head[] = "iTXtXML:com.adobe.xmp\0\0\0\0\0";
enum { PNG_HEAD = sizeof png_head - 1, PNG_KEY = PNG_HEAD - 4 };

static void put_png(uint8_t *to, const char *packet, size_t size)
{
    const size_t body = PNG_HEAD + size;
    ps_write_big(to, 4, body - 4);
    memcpy(to + 4, png_head, PNG_HEAD);
    memcpy(to + 4 + PNG_HEAD, packet, size);
    ps_write_big(to + 4 + body, CRC_BYTES, crc32(0, to + 4, (uInt)body));
}

enum ps_status ps_label_find_png(struct ps_label_search *search)
{
    for (uint64_t at = SIGNATURE_BYTES; at < search->end;) {
        uint8_t head[4 + PNG_HEAD] = {0};
        if (ps_label_read_at(search->fd, head, sizeof head, at) < CHUNK_HEAD + CRC_BYTES)
            return ps_label_damaged(search, at, "the chunk has no head");
        const uint64_t size = ps_read_big(head, 4);
        if (size > search->end - at - CHUNK_HEAD - CRC_BYTES)
            return ps_label_damaged(search, at, "the chunk does not fit the file");
        if (size >= PNG_KEY && !memcmp(head + 4, png_head, PNG_HEAD))
            return ps_label_take(search, at + 4 + PNG_HEAD, size - PNG_KEY);
        at += CHUNK_HEAD + size + CRC_BYTES;
    }
    return PS_OK;
}

/* ---- JPEG: 0xff, marker, and a size of two bytes that counts itself ---- */

enum { SOI_BYTES = 2, SEGMENT_HEAD = 4, LARGEST_SEGMENT = 65535, SOS = 0xda };

static const char jpeg_key[] = "http://ns.adobe.com/xap/1.0/"; /* with its end */
enum { JPEG_KEY = sizeof jpeg_key, JPEG_ROOM = LARGEST_SEGMENT - 2 - JPEG_KEY };

static void put_jpeg(uint8_t *to, const char *packet, size_t size)
{
    to[0] = 0xff;
    to[1] = 0xe1;
    ps_write_big(to + 2, 2, 2 + JPEG_KEY + size);
    memcpy(to + SEGMENT_HEAD, jpeg_key, JPEG_KEY);
    memcpy(to + SEGMENT_HEAD + JPEG_KEY, packet, size);
}

enum ps_status ps_label_find_jpeg(struct ps_label_search *search)
{
    for (uint64_t at = SOI_BYTES; at < search->end;) {
        uint8_t head[SEGMENT_HEAD + JPEG_KEY] = {0};
        if (ps_label_read_at(search->fd, head, sizeof head, at) < SEGMENT_HEAD || head[0] != 0xff)
            return ps_label_damaged(search, at, "the segment has no head");
        const uint64_t size = ps_read_big(head + 2, 2);
        if (head[1] == SOS)
            break;
        if (size < 2 || size + 2 > search->end - at)
            return ps_label_damaged(search, at, "the segment does not fit the file");
        if (head[1] == 0xe1 && size >= 2 + JPEG_KEY && !memcmp(head + SEGMENT_HEAD, jpeg_key, JPEG_KEY))
            return ps_label_take(search, at + sizeof head, size - 2 - JPEG_KEY);
        at += 2 + size;
    }
    return PS_OK;
}

/* ---- both ---- */

enum ps_status ps_label_picture(uint8_t **labelled, size_t *labelled_size, const uint8_t *file,
                                size_t file_size, const char *packet, size_t size, struct ps_error *error)
{
    const bool is_png = file_size > IHDR_END && !memcmp(file, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    const bool is_jpeg = file_size > SOI_BYTES && !memcmp(file, "\xff\xd8\xff", 3);
    const size_t before = is_png ? IHDR_END : SOI_BYTES;
    const size_t added = is_png ? 4 + PNG_HEAD + size + CRC_BYTES : SEGMENT_HEAD + JPEG_KEY + size;
    *labelled = NULL;
    if ((!is_png && !is_jpeg) || size > (is_png ? PS_MAX_PACKET : JPEG_ROOM))
        return ps_fail(error, PS_ERR_INTERNAL, "provenance.carrier",
                       "no picture that can carry %zu bytes of XMP", size);
    *labelled_size = file_size + added;
    uint8_t *to = *labelled = malloc(*labelled_size);
    if (!to)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the label of a picture");
    memcpy(to, file, before);
    if (is_png)
        put_png(to + before, packet, size);
    else
        put_jpeg(to + before, packet, size);
    memcpy(to + before + added, file + before, file_size - before);
    return PS_OK;
}
