/* The ICC profile that a photo brings along, as bytes. */
#ifndef PS_MEDIA_PROFILE_H
#define PS_MEDIA_PROFILE_H

#include "media/notes.h"
#include "media/scan.h"

struct ps_profile {
    uint8_t *bytes; /* null where there is none that can be used */
    size_t size;
};

/* Gathers the profile out of its container: inflated from PNG, joined from the segments of a JPEG. One that is damaged
 * or larger than PS_PROFILE_MAX_BYTES is left out with a note. Free with ps_profile_free. Status: PS_ERR_MEMORY. */
enum ps_status ps_profile_read(struct ps_profile *profile, const struct ps_image_facts *facts,
                               const struct ps_file *file, struct ps_notes *notes, struct ps_error *error);

void ps_profile_free(struct ps_profile *profile);

#endif
