/* Text from outside made safe to print: a file name must not write to a terminal. */
#ifndef PS_BASE_PRINTABLE_H
#define PS_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at `at`, or 0 where there is none that may be printed: a control character, and what
 * is not UTF-8, the end of the text included. A line end may be printed where `lines`. */
size_t ps_character(const char *at, bool lines);

/* Copies `from` with control characters (also U+0080 to U+009F) and bytes that are not UTF-8 written as \xNN, cut at a
 * whole character where `size` bytes, at least 1, are too few. A line end stays where `lines`. Returns `to`. */
char *ps_printable(char *to, size_t size, const char *from, bool lines);

#endif
