#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/source.h"

static bool grow(struct ps_text_lines *lines)
{
    if (lines->size + 1 < lines->capacity)
        return true;
    const size_t capacity = 2 * lines->capacity + 256;
    char *bytes = realloc(lines->bytes, capacity);
    if (!bytes)
        return false;
    lines->bytes = bytes;
    lines->capacity = capacity;
    return true;
}

enum ps_line ps_text_line(struct ps_text_lines *lines, size_t limit)
{
    lines->size = 0;
    for (;;) {
        if (!grow(lines))
            return PS_LINE_MEMORY;
        const int c = getc_unlocked(lines->file);
        if (c == EOF && ferror(lines->file))
            return PS_LINE_UNREADABLE;
        if (c == EOF && !lines->size)
            return PS_LINE_END;
        if (c == EOF || c == '\n')
            break;
        if (c == '\r' && lines->carriage_ends) {
            const int after = getc_unlocked(lines->file);
            if (after != '\n' && after != EOF)
                ungetc(after, lines->file);
            break;
        }
        if (lines->size == limit)
            return PS_LINE_TOO_LONG;
        lines->bytes[lines->size++] = (char)c;
    }
    if (lines->size && lines->bytes[lines->size - 1] == '\r')
        lines->size--;
    lines->bytes[lines->size] = '\0';
    return PS_LINE_READ;
}
