/* GIF: an application extension "XMP Data" "XMP" before the trailer. The packet is not cut into sub-blocks; a reader
 * that takes it for such ones is led by the 258 bytes after it, each of which points to the last (XMP specification
 * part 3). */
#include <stdlib.h>
#include <string.h>

#include "provenance/carriers.h"

enum { TRAILER = 0x3b, MAGIC_BYTES = 258 };

static const char head[] = "\x21\xff\x0bXMP DataXMP";

/* 0x01, 0xff down to 0x00, and the empty sub-block that ends the extension. */
static void write_magic(uint8_t magic[MAGIC_BYTES])
{
    magic[0] = 1;
    for (int i = 0; i < 256; i++)
        magic[1 + i] = (uint8_t)(255 - i);
    magic[MAGIC_BYTES - 1] = 0;
}

enum ps_status ps_label_gif(const struct ps_label *label)
{
    uint8_t tail[MAGIC_BYTES + 1], last = 0;
    const size_t head_bytes = sizeof head - 1;
    if (!label->end || ps_label_read_at(ps_output_fd(label->output), &last, 1, label->end - 1) != 1 ||
        last != TRAILER)
        return ps_fail(label->error, PS_ERR_INTERNAL, "provenance.carrier", "a GIF without its trailer");
    write_magic(tail);
    tail[MAGIC_BYTES] = TRAILER;
    const uint64_t at = label->end - 1;
    enum ps_status status = ps_output_write(label->output, head, head_bytes, at, label->error);
    if (!status)
        status = ps_output_write(label->output, label->packet, label->size, at + head_bytes, label->error);
    return status ? status
                  : ps_output_write(label->output, tail, sizeof tail, at + head_bytes + label->size,
                                    label->error);
}

/* Looks where packshot puts it: right before the trailer. */
enum ps_status ps_label_find_gif(struct ps_label_search *search)
{
    uint8_t magic[MAGIC_BYTES + 1];
    const uint64_t most = PS_MAX_PACKET + sizeof head + sizeof magic;
    const uint64_t size = search->end < most ? search->end : most, begin = search->end - size;
    char *tail = malloc((size_t)size + 1);
    if (!tail)
        return ps_fail(search->error, PS_ERR_MEMORY, "memory.host", "no memory for the label of a clip");
    write_magic(magic);
    magic[MAGIC_BYTES] = TRAILER;
    const char *found = NULL;
    if (ps_label_read_at(search->fd, tail, (size_t)size, begin) == (ssize_t)size && size > sizeof magic &&
        !memcmp(tail + size - sizeof magic, magic, sizeof magic))
        /* No packet has the extension's head in it, so the first is the one, or all is chance. */
        found = memmem(tail, (size_t)size - sizeof magic, head, sizeof head - 1);
    const uint64_t at = found ? begin + (uint64_t)(found - tail) + sizeof head - 1 : 0;
    free(tail);
    return found ? ps_label_take(search, at, search->end - sizeof magic - at) : PS_OK;
}
