/* Names of outputs made from a template such as "{name}_{preset}_{w}x{h}_s{seed}.mp4".
 *
 * A token stands in braces; {{ and }} are braces themselves. {row:4} fills a whole number with zeros to four digits.
 * Known are name (the photo's without folder and type), preset, seed, w and h (also width and height), frames, fps and row,
 * and every column of the manifest. A name is one component: a template has no slash. */
#ifndef PS_JOBS_NAMING_H
#define PS_JOBS_NAMING_H

#include "base/error.h"

enum {
    PS_NAME_BYTES = 255,     /* of a name, at most: the limit of Linux's file systems */
    PS_TEMPLATE_BYTES = 1024 /* of a template, at most */
};

struct ps_naming;

/* Reads a template. Status: PS_ERR_USAGE with id "naming.template" for an open brace, an empty token, a slash or a control
 * character, a name that Windows forbids, or none; PS_ERR_MEMORY. */
enum ps_status ps_naming_new(struct ps_naming **naming, const char *template, struct ps_error *error);
void ps_naming_free(struct ps_naming **naming);

/* Whether the template has the token. */
bool ps_naming_uses(const struct ps_naming *naming, const char *token);

/* That every token is a known one or among `columns`. Status: PS_ERR_USAGE with id "naming.token", and what was probably
 * meant. */
enum ps_status ps_naming_check(const struct ps_naming *naming, const char *const *columns, size_t count,
                               struct ps_error *error);

/* A name as it was made. */
struct ps_name {
    char text[PS_NAME_BYTES + 1];
    char replaced[256]; /* empty, or what was changed in values, such as: sku "a/b" became "a_b" */
};

/* Fills the template. `value` returns the text of a token, or null or "" where it has none, which is an error. In values
 * / \ : * ? " < > | and control characters become _, so do a name's dots and spaces at either end, and a name that Windows
 * reserves (CON, LPT1 ...) gets a _ before it. `reserve` bytes are left for endings that the caller adds, such as ".json".
 * Status: PS_ERR_INPUT with ids "naming.no-value", "naming.too-long". */
enum ps_status ps_naming_make(const struct ps_naming *naming, struct ps_name *name, size_t reserve,
                              const char *(*value)(void *user, const char *token), void *user,
                              struct ps_error *error);

/* Why a relative path cannot be an output, or null: it is absolute or empty, has ".", ".." or an empty component, a control
 * character, a character or component that Windows forbids, or a component longer than PS_NAME_BYTES less `reserve`. A
 * static string. */
const char *ps_output_path_problem(const char *path, size_t reserve);

#endif
