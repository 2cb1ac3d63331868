#include "weights/rename.h"

#include <stdio.h>
#include <string.h>

const char *ps_after(const char *text, const char *word)
{
    const size_t length = strlen(word);
    if (strncmp(text, word, length))
        return NULL;
    if (text[length] == '.')
        return text + length + 1;
    return text[length] ? NULL : text + length;
}

const char *ps_number(const char *text, uint32_t *number)
{
    const size_t digits = strspn(text, "0123456789");
    /* "01" is refused: two names must not become one. */
    if (digits == 0 || digits > 6 || (digits > 1 && text[0] == '0') || (text[digits] && text[digits] != '.'))
        return NULL;
    *number = 0;
    for (size_t i = 0; i < digits; i++)
        *number = *number * 10 + (uint32_t)(text[i] - '0');
    return text + digits + (text[digits] == '.');
}

bool ps_join(char *to, size_t size, const char *a, const char *b, const char *c)
{
    const int length =
        snprintf(to, size, "%s%s%s%s%s", a, *a && (*b || *c) ? "." : "", b, *b && *c ? "." : "", c);
    return length >= 0 && (size_t)length < size;
}

bool ps_rename(const struct ps_rule *rules, size_t count, const char *prefix, const char *name, char *to,
               size_t size)
{
    for (size_t i = 0; i < count; i++) {
        const char *rest = ps_after(name, rules[i].from);
        if (rest)
            return ps_join(to, size, prefix, rules[i].to, rest);
    }
    return false;
}
