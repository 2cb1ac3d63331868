#include "finish/font.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <libavutil/avstring.h>
#include <libavutil/error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Debian and Ubuntu, Fedora, Arch, openSUSE. */
static const char *const places[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/DejaVuSans.ttf",
};

const char *ps_font_path(const struct ps_caption *caption)
{
    if (caption->font)
        return caption->font;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!access(places[i], R_OK))
            return places[i];
    return NULL;
}

/* The next character, or -1 where the text is not UTF-8 or holds a control character other than a line end. */
static int32_t next_character(const uint8_t **text)
{
    int32_t code = 0;
    const uint8_t *end = *text + strnlen((const char *)*text, 4);
    if (av_utf8_decode(&code, text, end, 0) < 0 || (code < 0x20 && code != '\n') ||
        (code >= 0x7f && code < 0xa0))
        return -1;
    return code;
}

static enum ps_status check_text(const char *text, struct ps_error *error)
{
    enum { LONGEST = 1000 };
    uint32_t lines = 1;
    if (strnlen(text, LONGEST + 1) > LONGEST)
        return ps_fail(error, PS_ERR_USAGE, "usage.caption", "the caption is longer than %d bytes", LONGEST);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    if (lines > PS_MAX_CAPTION_LINES)
        return ps_fail(error, PS_ERR_USAGE, "usage.caption", "the caption has %u lines; at most %d", lines,
                       PS_MAX_CAPTION_LINES);
    for (const uint8_t *at = (const uint8_t *)text; *at;)
        if (next_character(&at) < 0)
            return ps_fail(error, PS_ERR_USAGE, "usage.caption",
                           "the caption is not UTF-8 or has a control character, at byte %d",
                           (int)(at - (const uint8_t *)text));
    return PS_OK;
}

static enum ps_status check_characters(FT_Face face, const char *path, const char *text,
                                       struct ps_error *error)
{
    for (const uint8_t *at = (const uint8_t *)text; *at;) {
        const int32_t code = next_character(&at);
        if (code == '\n' || FT_Get_Char_Index(face, (FT_ULong)code))
            continue;
        ps_fail(error, PS_ERR_INPUT, "font.no-glyph", "%.300s: has no U+%04X, which the caption needs", path,
                (unsigned)code);
        ps_hint(error, "name a font that has it (--caption-font)");
        return PS_ERR_INPUT;
    }
    return PS_OK;
}

static enum ps_status check_face(const char *path, const char *text, struct ps_error *error)
{
    FT_Library library = NULL;
    FT_Face face = NULL;
    struct stat info;
    if (stat(path, &info) || access(path, R_OK))
        return ps_fail(error, PS_ERR_INPUT, "font.unreadable", "%.300s: the font cannot be read", path);
    if (!S_ISREG(info.st_mode))
        return ps_fail(error, PS_ERR_INPUT, "font.unreadable", "%.300s: is not a regular file", path);
    if (FT_Init_FreeType(&library))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a font");
    if (FT_New_Face(library, path, 0, &face) || !FT_IS_SCALABLE(face))
        ps_fail(error, PS_ERR_INPUT, "font.damaged",
                "%.300s: is not a TrueType or OpenType font with outlines, or is damaged", path);
    else
        check_characters(face, path, text, error);
    FT_Done_FreeType(library);
    return error->status;
}

enum ps_status ps_font_check(const struct ps_caption *caption, struct ps_error *error)
{
    struct ps_error local = {0};
    error = error ? error : &local;
    if (!caption->text || !*caption->text || check_text(caption->text, error))
        return error->status;
    const char *path = ps_font_path(caption);
    if (path)
        return check_face(path, caption->text, error);
    ps_fail(error, PS_ERR_INPUT, "font.missing",
            "the caption needs a font, and there is no DejaVu Sans here");
    ps_hint(error, "install it (Debian: fonts-dejavu-core), or name a font (--caption-font)");
    return PS_ERR_INPUT;
}
