/* MP4 and MOV. A box of ISO/IEC 14496-12: size and type, each 4 bytes, big-endian; of type "uuid" 16 bytes more.
 * Size 1: 8 bytes of size follow the type. Size 0: the box reaches to the end of the file. */
#include <string.h>

#include "base/checked.h"
#include "provenance/carriers.h"

enum { SIZE_BYTES = 4, BOX_BYTES = 8, LONG_BYTES = 8, UUID_BYTES = 16 };

/* XMP specification part 3: BE7ACFCB-97A9-42E8-9C71-999491E3AFAC. */
static const uint8_t xmp_uuid[UUID_BYTES] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8,
                                             0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};

/* Behind everything, so that no offset in the file changes. */
enum ps_status ps_label_iso(const struct ps_label *label)
{
    uint8_t head[BOX_BYTES + UUID_BYTES] = {0, 0, 0, 0, 'u', 'u', 'i', 'd'};
    ps_write_big(head, SIZE_BYTES, sizeof head + label->size);
    memcpy(head + BOX_BYTES, xmp_uuid, UUID_BYTES);
    const enum ps_status status = ps_output_write(label->output, head, sizeof head, label->end, label->error);
    return status ? status
                  : ps_output_write(label->output, label->packet, label->size, label->end + sizeof head,
                                    label->error);
}

struct box {
    uint64_t body, end; /* positions in the file */
    bool is_xmp;
};

static enum ps_status read_box(struct box *box, const struct ps_label_search *search, uint64_t at)
{
    uint8_t head[BOX_BYTES + LONG_BYTES + UUID_BYTES] = {0};
    if (ps_label_read_at(search->fd, head, sizeof head, at) < BOX_BYTES)
        return ps_label_damaged(search, at, "the box has no head");
    uint64_t size = ps_read_big(head, SIZE_BYTES), head_bytes = BOX_BYTES;
    if (size == 1) {
        size = ps_read_big(head + BOX_BYTES, LONG_BYTES);
        head_bytes += LONG_BYTES;
    } else if (size == 0) {
        size = search->end - at;
    }
    if (size < head_bytes || !ps_add_u64(at, size, &box->end) || box->end > search->end)
        return ps_label_damaged(search, at, "the box does not fit the file");
    const bool is_uuid = !memcmp(head + SIZE_BYTES, "uuid", 4) && size >= head_bytes + UUID_BYTES;
    box->is_xmp = is_uuid && !memcmp(head + head_bytes, xmp_uuid, UUID_BYTES);
    box->body = at + head_bytes + (is_uuid ? UUID_BYTES : 0);
    return PS_OK;
}

enum ps_status ps_label_find_iso(struct ps_label_search *search)
{
    struct box box = {0};
    for (uint64_t at = 0; at < search->end; at = box.end) {
        if (read_box(&box, search, at))
            return search->error->status;
        if (box.is_xmp)
            return ps_label_take(search, box.body, box.end - box.body);
    }
    return PS_OK;
}
