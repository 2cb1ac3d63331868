#include "provenance/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provenance/carriers.h"

uint64_t ps_read_big(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

void ps_write_big(uint8_t *to, size_t bytes, uint64_t value)
{
    for (size_t i = bytes; i-- > 0; value >>= 8)
        to[i] = (uint8_t)value;
}

uint64_t ps_read_little(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

void ps_write_little(uint8_t *to, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes; i++, value >>= 8)
        to[i] = (uint8_t)value;
}

enum ps_status ps_label_write(struct ps_output *output, enum ps_carrier carrier, const char *packet,
                              size_t size, struct ps_error *error)
{
    static enum ps_status (*const writers[PS_CARRIERS])(const struct ps_label *) = {
        [PS_CARRIER_ISO] = ps_label_iso,
        [PS_CARRIER_GIF] = ps_label_gif,
        [PS_CARRIER_WEBP] = ps_label_webp,
    };
    struct stat about;
    if (carrier == PS_CARRIER_WRITER)
        return PS_OK;
    if (!writers[carrier] || size > PS_MAX_PACKET)
        return ps_fail(error, PS_ERR_INTERNAL, "provenance.packet", "a label of %zu bytes for a carrier %d",
                       size, (int)carrier);
    if (fstat(ps_output_fd(output), &about))
        return ps_fail(error, PS_ERR_OUTPUT, "output.write-failed", "the clip cannot be labelled: %s",
                       strerror(errno));
    return writers[carrier](&(struct ps_label){output, (uint64_t)about.st_size, packet, size, error});
}

ssize_t ps_label_read_at(int fd, void *to, size_t size, uint64_t at)
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

enum ps_status ps_label_damaged(const struct ps_label_search *search, uint64_t at, const char *problem)
{
    return ps_fail(search->error, PS_ERR_INPUT, "clip.damaged", "the file is damaged at byte %llu: %s",
                   (unsigned long long)at, problem);
}

enum ps_status ps_label_take(struct ps_label_search *search, uint64_t at, uint64_t size)
{
    if (size > PS_MAX_PACKET)
        return ps_label_damaged(search, at, "more XMP than 1 MiB");
    char *packet = malloc((size_t)size + 1);
    if (!packet)
        return ps_fail(search->error, PS_ERR_MEMORY, "memory.host", "no memory for the label of a clip");
    if (ps_label_read_at(search->fd, packet, (size_t)size, at) != (ssize_t)size) {
        free(packet);
        return ps_label_damaged(search, at, "it ends too early");
    }
    packet[size] = '\0';
    search->packet = packet;
    search->size = (size_t)size;
    return PS_OK;
}

/* By the file's first bytes; what is none of the others is taken for boxes. */
static enum ps_status find(struct ps_label_search *search)
{
    static const struct {
        const char *magic;
        size_t at, size;
        enum ps_status (*find)(struct ps_label_search *);
    } kinds[] = {
        {"\x1a\x45\xdf\xa3", 0, 4, ps_label_find_webm},
        {"GIF8", 0, 4, ps_label_find_gif},
        {"WEBP", 8, 4, ps_label_find_webp},
        {"\x89PNG\r\n\x1a\n", 0, 8, ps_label_find_png},
        {"\xff\xd8\xff", 0, 3, ps_label_find_jpeg},
    };
    uint8_t head[12] = {0};
    if (ps_label_read_at(search->fd, head, sizeof head, 0) < 0)
        return ps_fail(search->error, PS_ERR_INPUT, "clip.unreadable", "the file cannot be read: %s",
                       strerror(errno));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].size))
            return kinds[i].find(search);
    return ps_label_find_iso(search);
}

enum ps_status ps_label_read(int fd, char **packet, size_t *size, struct ps_error *error)
{
    struct ps_error local = {0};
    struct stat about;
    *packet = NULL;
    *size = 0;
    error = error ? error : &local;
    if (fstat(fd, &about))
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "the file cannot be read: %s",
                       strerror(errno));
    struct ps_label_search search = {.fd = fd, .end = (uint64_t)about.st_size, .error = error};
    find(&search);
    *packet = search.packet;
    *size = search.size;
    return error->status;
}
