/* XMP packets in files: put into a finished one, and found again. README.md of this folder says where each format
 * has them. */
#ifndef PS_PROVENANCE_LABEL_H
#define PS_PROVENANCE_LABEL_H

#include "base/output.h"

/* How a file comes to its packet. */
enum ps_carrier {
    PS_CARRIER_NONE,   /* not at all */
    PS_CARRIER_WRITER, /* whoever writes the file puts it in: WebM by a tag, PNG and JPEG by ps_label_picture */
    PS_CARRIER_ISO,    /* MP4 and MOV: a uuid box after all others */
    PS_CARRIER_GIF,    /* an application extension before the trailer */
    PS_CARRIER_WEBP,   /* a chunk after all others; the file must have a VP8X chunk */
    PS_CARRIERS
};

/* Name of the tag whose text is the packet. */
#define PS_LABEL_WEBM_TAG "XMP"

/* No packet is larger. */
#define PS_MAX_PACKET ((size_t)1 << 20)

/* Puts the packet into a file that is otherwise complete; nothing for PS_CARRIER_WRITER. Status: PS_ERR_OUTPUT;
 * PS_ERR_INTERNAL where the file is not of that kind. */
enum ps_status ps_label_write(struct ps_output *output, enum ps_carrier carrier, const char *packet,
                              size_t size, struct ps_error *error);

/* Makes a copy, to be freed, of a whole PNG or JPEG file in memory that has the packet. Status: PS_ERR_INTERNAL where
 * it is neither, or the packet is larger than the 65502 bytes that JPEG has room for; PS_ERR_MEMORY. */
enum ps_status ps_label_picture(uint8_t **labelled, size_t *labelled_size, const uint8_t *file,
                                size_t file_size, const char *packet, size_t size, struct ps_error *error);

/* Finds the packet of a file of any of these kinds, told by its content: *packet is to be freed and has an end beyond
 * *size; null where there is none. Status: PS_ERR_INPUT where the file is damaged. */
enum ps_status ps_label_read(int fd, char **packet, size_t *size, struct ps_error *error);

#endif
