/* Strict reading of values: the whole text or nothing, in range, in the same way whatever the locale. */
#ifndef PS_CLI_VALUE_H
#define PS_CLI_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "packshot.h"

/* Decimal digits alone, from `low` to `high`. */
bool cli_read_whole(const char *text, uint64_t low, uint64_t high, uint64_t *value);

/* A finite decimal number with a point, such as -5, 0.02 or 1.5e3, from `low` to `high`. */
bool cli_read_real(const char *text, double low, double high, double *value);

/* Bytes, at least 1: digits, alone or with K, M or G for powers of 1024. */
bool cli_read_size(const char *text, uint64_t *bytes);

/* A rate: N or N/D, or one of the decimals that stand for a rate of television, such as 23.976 for 24000/1001. */
bool cli_read_rate(const char *text, uint32_t *num, uint32_t *den);

/* Six hexadecimal digits. Black is read as 000001, which packshot.h takes for it. */
bool cli_read_colour(const char *text, uint32_t *rgb);

/* RRGGBB, RRGGBB:RRGGBB for a gradient, "blur", or a picture's name, which is kept as it is. A name has a dot or a slash in
 * it, so that a misspelt colour is not taken for one. */
bool cli_read_background(const char *text, struct ps_photo_params *params);

#endif
