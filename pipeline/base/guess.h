/* What a misspelt name was probably meant to be. */
#ifndef PS_BASE_GUESS_H
#define PS_BASE_GUESS_H

#include <stddef.h>

/* The candidate that `word` was probably meant to be, or null. `next` returns the names one after the other, then null.
 */
const char *ps_guess(const char *word, const char *(*next)(const void *from, size_t i), const void *from);

#endif
