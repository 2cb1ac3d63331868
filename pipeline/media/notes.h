/* Remarks about a photo that was taken all the same: what was assumed, ignored or missing. */
#ifndef PS_MEDIA_NOTES_H
#define PS_MEDIA_NOTES_H

#include <stdarg.h>

#include "base/error.h"

enum { PS_MAX_NOTES = 8, PS_NOTE_SIZE = 240 };

struct ps_notes {
    uint32_t count;
    char lines[PS_MAX_NOTES][PS_NOTE_SIZE]; /* printable, one sentence without a full stop */
};

/* Adds a remark; one too many is dropped, one too long is cut. */
void ps_note(struct ps_notes *notes, const char *format, ...) PS_PRINTF(2, 3);

#endif
