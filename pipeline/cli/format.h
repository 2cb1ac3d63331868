/* Formats that a clip is delivered in: aspects, or sizes. */
#ifndef PS_CLI_FORMAT_H
#define PS_CLI_FORMAT_H

#include "packshot.h"

enum { CLI_MAX_FORMATS = 8, CLI_FORMAT_TEXT = 12 };

struct cli_format {
    char text[CLI_FORMAT_TEXT]; /* as it was given: "16:9", "1080x1350" */
    uint32_t width, height;     /* pixels, or terms of the aspect */
    bool is_size;
};

struct cli_formats {
    struct cli_format list[CLI_MAX_FORMATS];
    uint32_t count;
};

/* Aspects A:B of whole numbers up to 100, from 1:8 to 8:1, and sizes WxH of even numbers from 16 to 8192, with commas
 * between; no two that are named alike in files. */
bool cli_read_formats(const char *text, struct cli_formats *formats);

/* The format's size for a clip: an aspect has the clip's shorter side, and the longer one even, at most 8192. */
void cli_format_size(const struct cli_format *format, const struct ps_clip_shape *clip, uint32_t *width,
                     uint32_t *height);

/* "-16x9", which marks the files of the format. */
void cli_format_mark(char mark[CLI_FORMAT_TEXT + 1], const struct cli_format *format);

#endif
