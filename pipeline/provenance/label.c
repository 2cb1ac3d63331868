#include "provenance/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

/* A box of ISO/IEC 14496-12: size and type, each 4 bytes, big-endian; of type "uuid" 16 bytes more. Size 1: 8
 * bytes of size follow the type. Size 0: the box reaches to the end of the file. */
enum { SIZE_BYTES = 4, BOX_BYTES = 8, LONG_BYTES = 8, UUID_BYTES = 16, MAX_PACKET = 1 << 20 };

/* XMP specification part 3: BE7ACFCB-97A9-42E8-9C71-999491E3AFAC. */
static const uint8_t xmp_uuid[UUID_BYTES] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8,
                                             0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};

static uint64_t read_big(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

enum ps_status ps_label_write(struct ps_output *output, enum ps_carrier carrier, const char *packet,
                              size_t size, struct ps_error *error)
{
    uint8_t head[BOX_BYTES + UUID_BYTES] = {0, 0, 0, 0, 'u', 'u', 'i', 'd'};
    struct stat about;
    if (carrier == PS_CARRIER_NONE)
        return PS_OK;
    if (size > MAX_PACKET)
        return ps_fail(error, PS_ERR_INTERNAL, "provenance.packet", "a label of %zu bytes: at most %d", size,
                       MAX_PACKET);
    if (fstat(ps_output_fd(output), &about))
        return ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "the clip cannot be labelled: %s",
                       strerror(errno));
    const uint64_t box = sizeof head + size;
    for (size_t i = 0; i < SIZE_BYTES; i++)
        head[i] = (uint8_t)(box >> 8 * (SIZE_BYTES - 1 - i));
    memcpy(head + BOX_BYTES, xmp_uuid, UUID_BYTES);
    const uint64_t end = (uint64_t)about.st_size;
    const enum ps_status status = ps_output_write(output, head, sizeof head, end, error);
    return status ? status : ps_output_write(output, packet, size, end + sizeof head, error);
}

/* Reads up to `size` bytes; fewer at the end of the file, -1 with errno where it cannot. */
static ssize_t read_at(int fd, void *to, size_t size, uint64_t at)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(fd, (char *)to + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static enum ps_status fail_boxes(struct ps_error *error, uint64_t at, const char *problem)
{
    return ps_fail(error, PS_ERR_INPUT, "clip.damaged", "the clip is damaged: the box at byte %llu %s",
                   (unsigned long long)at, problem);
}

struct box {
    uint64_t body, end; /* positions in the file */
    bool is_xmp;
};

static enum ps_status read_box(struct box *box, int fd, uint64_t at, uint64_t file_end,
                               struct ps_error *error)
{
    uint8_t head[BOX_BYTES + LONG_BYTES + UUID_BYTES] = {0};
    const ssize_t got = read_at(fd, head, sizeof head, at);
    if (got < 0)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "the clip cannot be read: %s",
                       strerror(errno));
    if (got < BOX_BYTES)
        return fail_boxes(error, at, "has no head");
    uint64_t size = read_big(head, SIZE_BYTES), head_bytes = BOX_BYTES;
    if (size == 1) {
        size = read_big(head + BOX_BYTES, LONG_BYTES);
        head_bytes += LONG_BYTES;
    } else if (size == 0) {
        size = file_end - at;
    }
    if (size < head_bytes || !ps_add_u64(at, size, &box->end) || box->end > file_end)
        return fail_boxes(error, at, "does not fit the file");
    const bool is_uuid = !memcmp(head + SIZE_BYTES, "uuid", 4) && size >= head_bytes + UUID_BYTES;
    box->is_xmp = is_uuid && !memcmp(head + head_bytes, xmp_uuid, UUID_BYTES);
    box->body = at + head_bytes + (is_uuid ? UUID_BYTES : 0);
    return PS_OK;
}

static enum ps_status read_packet(const struct box *box, int fd, char **packet, size_t *size,
                                  struct ps_error *error)
{
    const uint64_t bytes = box->end - box->body;
    if (bytes > MAX_PACKET)
        return fail_boxes(error, box->body, "holds more XMP than 1 MiB");
    *packet = malloc((size_t)bytes + 1);
    if (!*packet)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the label of a clip");
    if (read_at(fd, *packet, (size_t)bytes, box->body) != (ssize_t)bytes) {
        free(*packet);
        *packet = NULL;
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "the clip cannot be read to its end");
    }
    (*packet)[bytes] = '\0';
    *size = (size_t)bytes;
    return PS_OK;
}

enum ps_status ps_label_read(int fd, char **packet, size_t *size, struct ps_error *error)
{
    struct stat about;
    *packet = NULL;
    *size = 0;
    if (fstat(fd, &about))
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "the clip cannot be read: %s",
                       strerror(errno));
    const uint64_t end = (uint64_t)about.st_size;
    struct box box = {0};
    for (uint64_t at = 0; at < end; at = box.end) {
        if (read_box(&box, fd, at, end, error))
            return error->status;
        if (box.is_xmp)
            return read_packet(&box, fd, packet, size, error);
    }
    return PS_OK;
}
