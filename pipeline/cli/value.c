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

/* Six hexadecimal digits that `end` follows. */
static bool read_colour(const char *text, char end, uint32_t *rgb)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    enum { LENGTH = 6 };
    if (strspn(text, digits) != LENGTH || text[LENGTH] != end)
        return false;
    *rgb = (uint32_t)strtoul(text, NULL, 16);
    *rgb = *rgb ? *rgb : 1;
    return true;
}

bool cli_read_colour(const char *text, uint32_t *rgb)
{
    return read_colour(text, '\0', rgb);
}

bool cli_read_background(const char *text, struct ps_photo_params *params)
{
    uint32_t top = 0, bottom = 0;
    enum ps_background kind = PS_BACKGROUND_IMAGE;
    const char *image = NULL, *colon = strchr(text, ':');
    if (!strcmp(text, "blur"))
        kind = PS_BACKGROUND_BLUR;
    else if (cli_read_colour(text, &top))
        kind = PS_BACKGROUND_COLOUR;
    else if (colon && read_colour(text, ':', &top) && cli_read_colour(colon + 1, &bottom))
        kind = PS_BACKGROUND_GRADIENT;
    else if (strpbrk(text, "./"))
        image = text;
    else
        return false;
    params->background_kind = kind;
    params->background = top;
    params->background_end = bottom;
    params->background_image = image;
    return true;
}

bool cli_read_rate(const char *text, uint32_t *num, uint32_t *den)
{
    static const struct {
        const char *text;
        uint32_t num;
    } known[] = {{"23.976", 24000}, {"23.98", 24000}, {"29.97", 30000}, {"59.94", 60000}, {"119.88", 120000}};
    const uint64_t most = 1000000;
    uint64_t whole, part = 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i].text))
            continue;
        *num = known[i].num;
        *den = 1001;
        return true;
    }
    const char *end = take_whole(text, &whole);
    if (!end || !whole || whole > most || (*end && (*end != '/' || !cli_read_whole(end + 1, 1, most, &part))))
        return false;
    *num = (uint32_t)whole;
    *den = (uint32_t)part;
    return true;
}
