/* The lines of an INI file, one after the other. */
#ifndef PS_PRESET_LINES_H
#define PS_PRESET_LINES_H

#include "preset/ini.h"

/* Fills entries, sections and problems. Status: PS_ERR_MEMORY. */
enum ps_status ps_ini_read_lines(struct ps_ini *ini, const char *bytes, size_t size, struct ps_error *error);

/* A copy of `size` bytes as a text that belongs to the file; null where memory is short. */
const char *ps_ini_keep(struct ps_ini *ini, const char *text, size_t size);

#endif
