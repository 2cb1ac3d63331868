/* XMP packets in files: written into a finished one, and found again. */
#ifndef PS_PROVENANCE_LABEL_H
#define PS_PROVENANCE_LABEL_H

#include "base/output.h"

/* How a file carries its packet. */
enum ps_carrier {
    PS_CARRIER_NONE, /* the muxer writes it, or the format has no place for it */
    PS_CARRIER_ISO   /* MP4 and MOV: a uuid box after all others */
};

/* Appends the packet to a file that is otherwise complete. */
enum ps_status ps_label_write(struct ps_output *output, enum ps_carrier carrier, const char *packet,
                              size_t size, struct ps_error *error);

/* Finds the packet of an MP4 or MOV file: *packet is to be freed and has an end beyond *size; null where there
 * is none. Status: PS_ERR_INPUT where the boxes do not fit the file. */
enum ps_status ps_label_read(int fd, char **packet, size_t *size, struct ps_error *error);

#endif
