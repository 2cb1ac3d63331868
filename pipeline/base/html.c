#include "base/html.h"

#include <string.h>

#include "base/printable.h"

void ps_html_text(FILE *to, const char *text)
{
    while (*text) {
        const size_t bytes = ps_character(text, true);
        if (!bytes)
            fprintf(to, "\\x%02x", (unsigned char)*text);
        else if (*text == '&')
            fputs("&amp;", to);
        else if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '"')
            fputs("&quot;", to);
        else
            fwrite(text, bytes, 1, to);
        text += bytes ? bytes : 1;
    }
}

void ps_html_address(FILE *to, const char *path)
{
    fputs("./", to);
    for (; *path; path++) {
        const unsigned char byte = (unsigned char)*path;
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || strchr("-._~/", byte);
        fprintf(to, plain ? "%c" : "%%%02X", byte);
    }
}
