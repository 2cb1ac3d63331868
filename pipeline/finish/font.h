/* Fonts, looked at before libavfilter draws with them: a font that it cannot load it silently replaces by another,
 * and a character that the font lacks by a box. */
#ifndef PS_FINISH_FONT_H
#define PS_FINISH_FONT_H

#include "base/error.h"

enum { PS_MAX_CAPTION_LINES = 32 };

/* The caption's font, or where it names none the first DejaVu Sans of the places that packshot.h promises; null
 * where there is none. */
const char *ps_font_path(const struct ps_caption *caption);

/* That the caption's text is UTF-8 of a length and of lines that can be drawn, and its font a font that has every character of
 * it. Status: PS_ERR_USAGE for the text, PS_ERR_INPUT for the font. */
enum ps_status ps_font_check(const struct ps_caption *caption, struct ps_error *error);

#endif
