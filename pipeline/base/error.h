/* First-error-wins message that travels from the place of a failure to the user. */
#ifndef PS_BASE_ERROR_H
#define PS_BASE_ERROR_H

#include "packshot.h"

#if defined(__GNUC__)
#define PS_PRINTF(format_at, arguments_at) __attribute__((format(printf, format_at, arguments_at)))
#else
#define PS_PRINTF(format_at, arguments_at)
#endif

/* Records a failure unless `error` already holds one, and returns the status that `error` then holds. `id` is the
 * stable name of the fault ("image.truncated"); the message says what, where, expected and found. The text is
 * made printable (base/printable.h); its line ends stay. `error` may be null. */
enum ps_status ps_fail(struct ps_error *error, enum ps_status status, const char *id, const char *format, ...)
    PS_PRINTF(4, 5);

/* Adds the next thing to try to an error that has no hint yet. */
void ps_hint(struct ps_error *error, const char *format, ...) PS_PRINTF(2, 3);

#endif
