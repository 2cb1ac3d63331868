#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

/* A character that is cut where a text is formatted lies behind all that is kept of it. */
#define CUT 4

enum ps_status ps_fail(struct ps_error *error, enum ps_status status, const char *id, const char *format, ...)
{
    if (!error)
        return status;
    if (error->status)
        return error->status;
    char text[sizeof error->message + CUT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error->status = status;
    snprintf(error->id, sizeof error->id, "%s", id);
    ps_printable(error->message, sizeof error->message, text, true);
    return status;
}

void ps_hint(struct ps_error *error, const char *format, ...)
{
    if (!error || !error->status || error->hint[0])
        return;
    char text[sizeof error->hint + CUT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ps_printable(error->hint, sizeof error->hint, text, true);
}
