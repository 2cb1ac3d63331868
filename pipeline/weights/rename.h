/* Rules that replace the beginning of a tensor's name. */
#ifndef PS_WEIGHTS_RENAME_H
#define PS_WEIGHTS_RENAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `from` matches a name that is it or goes on with a dot after it. */
struct ps_rule {
    const char *from, *to;
};

/* What follows `word` in `text`, without the dot between; null where text does not begin with it. "" at the
 * end. */
const char *ps_after(const char *text, const char *word);

/* Reads a decimal number, the end of `text` or a dot after it, and returns what follows; null for anything
 * else. */
const char *ps_number(const char *text, uint32_t *number);

/* Replaces the beginning of `name` by the first rule that matches and writes "PREFIX.TO.REST"; false where
 * none does or it does not fit `size` bytes. An empty prefix is left out. */
bool ps_rename(const struct ps_rule *rules, size_t count, const char *prefix, const char *name, char *to,
               size_t size);

/* Writes the parts that are not empty with dots between; false where they do not fit. */
bool ps_join(char *to, size_t size, const char *a, const char *b, const char *c);

#endif
