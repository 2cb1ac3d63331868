/* What the formats of label.h have in common. */
#ifndef PS_PROVENANCE_CARRIERS_H
#define PS_PROVENANCE_CARRIERS_H

#include <sys/types.h>

#include "provenance/label.h"

/* A labelled file being written. */
struct ps_label {
    struct ps_output *output;
    uint64_t end; /* its size, bytes */
    const char *packet;
    size_t size;
    struct ps_error *error;
};

enum ps_status ps_label_iso(const struct ps_label *label);
enum ps_status ps_label_gif(const struct ps_label *label);
enum ps_status ps_label_webp(const struct ps_label *label);

/* A file in which a packet is looked for. */
struct ps_label_search {
    int fd;
    uint64_t end; /* its size, bytes */
    char *packet; /* what was found; null for nothing */
    size_t size;
    struct ps_error *error;
};

enum ps_status ps_label_find_iso(struct ps_label_search *search);
enum ps_status ps_label_find_webm(struct ps_label_search *search);
enum ps_status ps_label_find_gif(struct ps_label_search *search);
enum ps_status ps_label_find_webp(struct ps_label_search *search);
enum ps_status ps_label_find_png(struct ps_label_search *search);
enum ps_status ps_label_find_jpeg(struct ps_label_search *search);

/* Reads up to `size` bytes; fewer at the end of the file, -1 with errno where it cannot. */
ssize_t ps_label_read_at(int fd, void *to, size_t size, uint64_t at);

/* Takes `size` bytes at `at` for the packet. */
enum ps_status ps_label_take(struct ps_label_search *search, uint64_t at, uint64_t size);

/* Fails: the file is damaged at that byte. */
enum ps_status ps_label_damaged(const struct ps_label_search *search, uint64_t at, const char *problem);

/* Big-endian and little-endian numbers of up to 8 bytes. */
uint64_t ps_read_big(const uint8_t *from, size_t bytes);
void ps_write_big(uint8_t *to, size_t bytes, uint64_t value);
uint64_t ps_read_little(const uint8_t *from, size_t bytes);
void ps_write_little(uint8_t *to, size_t bytes, uint64_t value);

#endif
