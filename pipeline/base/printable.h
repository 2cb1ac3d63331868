/* Text from outside made safe to print: a file name must not write to a terminal. */
#ifndef PS_BASE_PRINTABLE_H
#define PS_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Copies `from` with control characters (also U+0080 to U+009F) and bytes that are not UTF-8 written as \xNN, cut at a
 * whole character where `size` bytes, at least 1, are too few. A line end stays where `lines`. Returns `to`. */
char *ps_printable(char *to, size_t size, const char *from, bool lines);

#endif
