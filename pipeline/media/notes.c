#include "media/notes.h"

#include <stdio.h>

#include "base/printable.h"

void ps_note(struct ps_notes *notes, const char *format, ...)
{
    char text[PS_NOTE_SIZE];
    if (notes->count >= PS_MAX_NOTES)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ps_printable(notes->lines[notes->count++], PS_NOTE_SIZE, text, false);
}
