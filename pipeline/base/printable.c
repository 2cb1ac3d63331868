#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Overlong forms, surrogates and the controls U+0080 to U+009F are no characters to print. */
size_t ps_character(const char *text, bool lines)
{
    const unsigned char *at = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (*at < 0x80)
        return (*at >= 0x20 && *at != 0x7f) || (lines && *at == '\n');
    const size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (*at < 0xc2 || *at > 0xf4)
        return 0;
    uint32_t code = *at & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || code < 0xa0)
        return 0;
    return size;
}

char *ps_printable(char *to, size_t size, const char *from, bool lines)
{
    size_t used = 0;
    for (const char *at = from; *at;) {
        const size_t bytes = ps_character(at, lines);
        if (used + (bytes ? bytes : 4) >= size)
            break;
        if (bytes)
            memcpy(to + used, at, bytes);
        else
            snprintf(to + used, size - used, "\\x%02x", (unsigned char)*at);
        used += bytes ? bytes : 4;
        at += bytes ? bytes : 1;
    }
    to[used] = '\0';
    return to;
}
