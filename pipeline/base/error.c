#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void copy_printable(char *to, size_t size, const char *from)
{
    size_t used = 0;
    for (; *from && used + 5 < size; from++) {
        const unsigned char byte = (unsigned char)*from;
        if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            used += (size_t)snprintf(to + used, size - used, "\\x%02x", byte);
        else
            to[used++] = (char)byte;
    }
    to[used] = '\0';
}

enum ps_status ps_fail(struct ps_error *error, enum ps_status status, const char *id, const char *format, ...)
{
    if (!error)
        return status;
    if (error->status)
        return error->status;
    char text[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error->status = status;
    snprintf(error->id, sizeof error->id, "%s", id);
    copy_printable(error->message, sizeof error->message, text);
    return status;
}

void ps_hint(struct ps_error *error, const char *format, ...)
{
    if (!error || !error->status || error->hint[0])
        return;
    char text[sizeof error->hint];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    copy_printable(error->hint, sizeof error->hint, text);
}
