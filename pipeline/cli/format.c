#include "cli/format.h"

#include <stdio.h>
#include <string.h>

#include "cli/value.h"

enum { LARGEST_TERM = 100, WIDEST = 8, SMALLEST = 16, LARGEST = 8192 };

/* `text` is "A:B" or "WxH" as a whole. */
static bool read_format(const char *text, struct cli_format *format)
{
    char first[CLI_FORMAT_TEXT];
    uint64_t width, height;
    const size_t length = strcspn(text, "x:");
    format->is_size = text[length] == 'x';
    if (!text[length] || length >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)length, text);
    const uint64_t low = format->is_size ? SMALLEST : 1, high = format->is_size ? LARGEST : LARGEST_TERM;
    if (!cli_read_whole(first, low, high, &width) || !cli_read_whole(text + length + 1, low, high, &height))
        return false;
    snprintf(format->text, sizeof format->text, "%s", text);
    format->width = (uint32_t)width;
    format->height = (uint32_t)height;
    return format->is_size ? width % 2 == 0 && height % 2 == 0
                           : width <= height * WIDEST && height <= width * WIDEST;
}

void cli_format_mark(char mark[CLI_FORMAT_TEXT + 1], const struct cli_format *format)
{
    snprintf(mark, CLI_FORMAT_TEXT + 1, "-%ux%u", format->width, format->height);
}

static bool is_new(const struct cli_formats *formats, const struct cli_format *format)
{
    for (uint32_t i = 0; i < formats->count; i++)
        if (formats->list[i].width == format->width && formats->list[i].height == format->height)
            return false;
    return true;
}

bool cli_read_formats(const char *text, struct cli_formats *formats)
{
    *formats = (struct cli_formats){0};
    while (formats->count < CLI_MAX_FORMATS) {
        struct cli_format *format = &formats->list[formats->count];
        char item[CLI_FORMAT_TEXT];
        const size_t length = strcspn(text, ",");
        snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item), text);
        if (length >= sizeof item || !read_format(item, format) || !is_new(formats, format))
            return false;
        formats->count++;
        text += length;
        if (!*text++)
            return true;
    }
    return false;
}

/* The even number next to side * to / from, at most LARGEST. */
static uint32_t in_proportion(uint32_t side, uint32_t to, uint32_t from)
{
    const uint64_t even = ((uint64_t)side * to + from) / (2 * (uint64_t)from) * 2;
    return even > LARGEST ? LARGEST : (uint32_t)even;
}

void cli_format_size(const struct cli_format *format, const struct ps_clip_shape *clip, uint32_t *width,
                     uint32_t *height)
{
    const uint32_t side = clip->width < clip->height ? clip->width : clip->height;
    const bool wide = format->width >= format->height;
    *width = format->is_size ? format->width
             : wide          ? in_proportion(side, format->width, format->height)
                             : side;
    *height = format->is_size ? format->height
              : wide          ? side
                              : in_proportion(side, format->height, format->width);
}
