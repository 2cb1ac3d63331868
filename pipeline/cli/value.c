#include "cli/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

/* Reads leading digits; null where there are none or they need more than 64 bits. */
static const char *take_whole(const char *text, uint64_t *value)
{
    *value = 0;
    for (const char *at = text; is_digit(*at); at++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
            return NULL;
    return is_digit(*text) ? skip_digits(text) : NULL;
}

bool cli_read_whole(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    const char *end = take_whole(text, value);
    return end && !*end && *value >= low && *value <= high;
}

/* strtod also takes spaces, hexadecimal, infinity and NaN; this is the form that it is given. */
static bool is_decimal(const char *text)
{
    if (*text == '-')
        text++;
    const char *whole = text;
    text = skip_digits(text);
    bool digits = text > whole;
    if (*text == '.') {
        const char *fraction = text + 1;
        text = skip_digits(fraction);
        digits = digits || text > fraction;
    }
    if (digits && (*text == 'e' || *text == 'E')) {
        text++;
        if (*text == '+' || *text == '-')
            text++;
        digits = is_digit(*text);
        text = skip_digits(text);
    }
    return digits && !*text;
}

bool cli_read_real(const char *text, double low, double high, double *value)
{
    if (!is_decimal(text))
        return false;
    errno = 0;
    *value = strtod(text, NULL);
    return errno == 0 && isfinite(*value) && *value >= low && *value <= high;
}

bool cli_read_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMG";
    const char *end = take_whole(text, bytes);
    if (!end || !*bytes)
        return false;
    if (!*end)
        return true;
    const char *unit = strchr(units, *end);
    if (!unit || end[1])
        return false;
    return !__builtin_mul_overflow(*bytes, UINT64_C(1) << 10 * (unit - units + 1), bytes);
}

bool cli_read_colour(const char *text, uint32_t *rgb)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    if (strlen(text) != 6 || strspn(text, digits) != 6)
        return false;
    *rgb = (uint32_t)strtoul(text, NULL, 16);
    return true;
}
