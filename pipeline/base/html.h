/* Texts and file names inside of a page. */
#ifndef PS_BASE_HTML_H
#define PS_BASE_HTML_H

#include <stdio.h>

/* Writes a text so that nothing of it is taken for a mark, between tags or in double quotes. Control characters and bytes
 * that are not UTF-8 are written as \xNN. */
void ps_html_text(FILE *to, const char *text);

/* Writes a relative path as an address, for double quotes: a colon cannot begin a scheme. */
void ps_html_address(FILE *to, const char *path);

#endif
