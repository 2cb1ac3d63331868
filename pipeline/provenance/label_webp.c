/* WebP: RIFF chunks of four characters, a little-endian size of four bytes, and so many bytes padded to an even
 * number (RFC 9649). The chunk "XMP " comes last, and a flag of the VP8X chunk, the first, says that it is there. */
#include <string.h>

#include "provenance/carriers.h"

enum { HEAD_BYTES = 12, CHUNK_BYTES = 8, FLAGS_AT = HEAD_BYTES + CHUNK_BYTES, HAS_XMP = 0x04 };

enum ps_status ps_label_webp(const struct ps_label *label)
{
    uint8_t head[FLAGS_AT + 1], chunk[CHUNK_BYTES] = "XMP ";
    const uint64_t padded = label->size + label->size % 2, whole = label->end + CHUNK_BYTES + padded;
    if (ps_label_read_at(ps_output_fd(label->output), head, sizeof head, 0) != sizeof head ||
        memcmp(head, "RIFF", 4) || memcmp(head + 8, "WEBPVP8X", 8) || label->end % 2 ||
        whole - CHUNK_BYTES > UINT32_MAX)
        return ps_fail(label->error, PS_ERR_INTERNAL, "provenance.carrier", "no WebP file with room for XMP");
    ps_write_little(head + 4, 4, whole - CHUNK_BYTES);
    head[FLAGS_AT] |= HAS_XMP;
    ps_write_little(chunk + 4, 4, label->size);
    enum ps_status status = ps_output_write(label->output, chunk, sizeof chunk, label->end, label->error);
    if (!status)
        status = ps_output_write(label->output, label->packet, label->size, label->end + sizeof chunk,
                                 label->error);
    if (!status && label->size % 2)
        status = ps_output_write(label->output, "", 1, whole - 1, label->error);
    return status ? status : ps_output_write(label->output, head, sizeof head, 0, label->error);
}

enum ps_status ps_label_find_webp(struct ps_label_search *search)
{
    for (uint64_t at = HEAD_BYTES; at < search->end;) {
        uint8_t chunk[CHUNK_BYTES];
        if (ps_label_read_at(search->fd, chunk, sizeof chunk, at) != sizeof chunk)
            return ps_label_damaged(search, at, "the chunk has no head");
        const uint64_t size = ps_read_little(chunk + 4, 4), body = at + sizeof chunk;
        if (size > search->end - body)
            return ps_label_damaged(search, at, "the chunk does not fit the file");
        if (!memcmp(chunk, "XMP ", 4))
            return ps_label_take(search, body, size);
        at = body + size + size % 2;
    }
    return PS_OK;
}
