#include "jobs/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/guess.h"
#include "base/printable.h"

enum { MAX_PARTS = 64 };

/* A piece of the template: text as it is, or a token with the digits that its number has at least. */
struct part {
    bool is_token;
    unsigned digits;
    const char *text;
};

struct ps_naming {
    char template[PS_TEMPLATE_BYTES + 1]; /* for messages */
    char texts[2 * PS_TEMPLATE_BYTES];
    size_t used;
    struct part parts[MAX_PARTS];
    size_t count;
};

static const char *const known_tokens[] = {"name",   "preset", "seed", "w",   "h", "width",
                                           "height", "frames", "fps",  "row", NULL};

static const char forbidden[] = "/\\:*?\"<>|";

/* A name, up to its first dot, that Windows keeps for a device. */
static bool is_reserved(const char *name)
{
    static const char *const words[] = {"con", "prn", "aux", "nul"};
    size_t length = strcspn(name, ".");
    while (length && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (length == 3 && !strncasecmp(name, words[i], 3))
            return true;
    return length == 4 && (!strncasecmp(name, "com", 3) || !strncasecmp(name, "lpt", 3)) && name[3] >= '1' &&
           name[3] <= '9';
}

static enum ps_status fail_template(const struct ps_naming *naming, const char *problem,
                                    struct ps_error *error)
{
    ps_fail(error, PS_ERR_USAGE, "naming.template", "the template \"%.200s\": %s", naming->template, problem);
    ps_hint(error, "write it as \"{name}_{preset}_s{seed}.mp4\"");
    return PS_ERR_USAGE;
}

/* Adds a part with a copy of its text. Null, or what is wrong. */
static const char *add_part(struct ps_naming *naming, bool is_token, const char *text, size_t size)
{
    if (naming->count == MAX_PARTS)
        return "has too many tokens";
    char *copy = naming->texts + naming->used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    naming->used += size + 1;
    naming->parts[naming->count++] = (struct part){.is_token = is_token, .text = copy};
    return NULL;
}

/* Reads "token" or "token:4" between braces. Null, or what is wrong. */
static const char *add_token(struct ps_naming *naming, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    const size_t name = colon ? (size_t)(colon - text) : size;
    if (!name)
        return "has a token without a name";
    const char *problem = add_part(naming, true, text, name);
    if (problem || !colon)
        return problem;
    if (size != name + 2 || colon[1] < '1' || colon[1] > '9')
        return "has a token with something but a digit, 1 to 9, after its colon";
    naming->parts[naming->count - 1].digits = (unsigned)(colon[1] - '0');
    return NULL;
}

/* Reads the text up to the next token, in which {{ and }} are braces. Moves *at behind it. */
static const char *add_text(struct ps_naming *naming, const char **at)
{
    char text[PS_TEMPLATE_BYTES + 1];
    size_t size = 0;
    for (; **at; ++*at) {
        if (**at == '{' && (*at)[1] != '{')
            break;
        if (**at == '}' && (*at)[1] != '}')
            return "has a } without a {";
        if (**at == '{' || **at == '}')
            ++*at;
        text[size++] = **at;
    }
    return size ? add_part(naming, false, text, size) : NULL;
}

static const char *parse(struct ps_naming *naming, const char *at)
{
    const char *problem = NULL;
    while (*at && !problem) {
        problem = add_text(naming, &at);
        if (problem || !*at)
            break;
        const size_t size = strcspn(++at, "{}");
        if (at[size] != '}')
            return "has a { without a }";
        problem = add_token(naming, at, size);
        at += size + 1;
    }
    return problem;
}

/* What is wrong with the texts between tokens. */
static const char *check_texts(const struct ps_naming *naming)
{
    if (!naming->count)
        return "is empty";
    for (size_t i = 0; i < naming->count; i++) {
        const char *text = naming->parts[i].text;
        for (const char *at = text; *at;) {
            const size_t bytes = ps_character(at, false);
            if (!bytes)
                return "has a control character, or is not UTF-8";
            if (!naming->parts[i].is_token && *at == '/')
                return "has a slash, but names one file; choose the folder elsewhere";
            if (!naming->parts[i].is_token && strchr(forbidden, *at))
                return "has one of \\ : * ? \" < > |, which not every system takes in names";
            at += bytes;
        }
    }
    const struct part *first = &naming->parts[0], *last = &naming->parts[naming->count - 1];
    if (!first->is_token && (first->text[0] == '.' || first->text[0] == ' '))
        return "begins with a dot or a space";
    const char end = last->text[strlen(last->text) - 1];
    if (!last->is_token && (end == '.' || end == ' '))
        return "ends with a dot or a space";
    return NULL;
}

enum ps_status ps_naming_new(struct ps_naming **naming, const char *template, struct ps_error *error)
{
    *naming = NULL;
    struct ps_naming *made = calloc(1, sizeof *made);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a template");
    snprintf(made->template, sizeof made->template, "%s", template);
    const char *problem = strlen(template) > PS_TEMPLATE_BYTES ? "is too long" : parse(made, template);
    if (!problem)
        problem = check_texts(made);
    if (problem) {
        const enum ps_status status = fail_template(made, problem, error);
        ps_naming_free(&made);
        return status;
    }
    *naming = made;
    return PS_OK;
}

void ps_naming_free(struct ps_naming **naming)
{
    free(*naming);
    *naming = NULL;
}

bool ps_naming_uses(const struct ps_naming *naming, const char *token)
{
    for (size_t i = 0; i < naming->count; i++)
        if (naming->parts[i].is_token && !strcmp(naming->parts[i].text, token))
            return true;
    return false;
}

struct candidates {
    const char *const *columns;
    size_t count;
};

/* The known tokens, then the columns. */
static const char *candidate(const void *from, size_t i)
{
    const struct candidates *candidates = from;
    const size_t known = sizeof known_tokens / sizeof *known_tokens - 1;
    if (i < known)
        return known_tokens[i];
    return i - known < candidates->count ? candidates->columns[i - known] : NULL;
}

enum ps_status ps_naming_check(const struct ps_naming *naming, const char *const *columns, size_t count,
                               struct ps_error *error)
{
    const struct candidates candidates = {columns, count};
    for (size_t i = 0; i < naming->count; i++) {
        const char *token = naming->parts[i].text, *one = NULL;
        if (!naming->parts[i].is_token)
            continue;
        for (size_t j = 0; (one = candidate(&candidates, j)); j++)
            if (!strcmp(one, token))
                break;
        if (one)
            continue;
        const char *guess = ps_guess(token, candidate, &candidates);
        ps_fail(error, PS_ERR_USAGE, "naming.token", "the template \"%.200s\": unknown token {%.64s}%s%s%s",
                naming->template, token, guess ? "; did you mean {" : "", guess ? guess : "",
                guess ? "}?" : "");
        ps_hint(error, "tokens are name, preset, seed, w, h, frames, fps, row and the manifest's columns");
        return PS_ERR_USAGE;
    }
    return PS_OK;
}

/* Copies a value with everything replaced that a name should not have, as much as fits; *fits says whether that is all. */
static void clean(char *to, size_t size, const char *value, bool *fits)
{
    const size_t length = strlen(value);
    size_t used = 0, at = 0;
    const size_t lead = strspn(value, ". ");
    size_t tail = length;
    while (tail > lead && strchr(". ", value[tail - 1]))
        tail--;
    while (at < length) {
        const size_t bytes = ps_character(value + at, false);
        const bool bad = !bytes || at < lead || at >= tail || strchr(forbidden, value[at]);
        const size_t step = bytes ? bytes : 1, put = bad ? 1 : bytes;
        if (used + put >= size) {
            *fits = false;
            break;
        }
        if (bad)
            to[used] = '_';
        else
            memcpy(to + used, value + at, put);
        used += put;
        at += step;
    }
    to[used] = '\0';
}

static void note(struct ps_name *name, const char *token, const char *before, const char *after)
{
    const size_t used = strlen(name->replaced);
    char text[sizeof name->replaced];
    snprintf(text, sizeof text, "%s%.40s \"%.60s\" became \"%.60s\"", used ? ", " : "", token, before, after);
    ps_printable(name->replaced + used, sizeof name->replaced - used, text, false);
}

/* Makes a text of the value of a token. */
static void fill_token(const struct part *part, struct ps_name *name, char *to, size_t size,
                       const char *value, bool *fits)
{
    const size_t length = strlen(value);
    if (part->digits > length && !value[strspn(value, "0123456789")]) {
        *fits = snprintf(to, size, "%.*s%s", (int)(part->digits - length), "000000000", value) < (int)size;
        return;
    }
    clean(to, size, value, fits);
    if (*fits && strcmp(to, value) != 0)
        note(name, part->text, value, to);
}

enum ps_status ps_naming_make(const struct ps_naming *naming, struct ps_name *name, size_t reserve,
                              const char *(*value)(void *user, const char *token), void *user,
                              struct ps_error *error)
{
    char text[PS_NAME_BYTES + 1] = "";
    size_t used = 0;
    bool fits = reserve < PS_NAME_BYTES;
    *name = (struct ps_name){0};
    for (size_t i = 0; fits && i < naming->count; i++) {
        const struct part *part = &naming->parts[i];
        const char *found = part->is_token ? value(user, part->text) : part->text;
        if (!found || !*found)
            return ps_fail(error, PS_ERR_INPUT, "naming.no-value",
                           "{%.64s} of the template has no value here", part->text);
        if (part->is_token)
            fill_token(part, name, text + used, sizeof text - used, found, &fits);
        else
            fits = snprintf(text + used, sizeof text - used, "%s", found) < (int)(sizeof text - used);
        used += strlen(text + used);
    }
    const bool reserved = is_reserved(text);
    if (!fits || used + reserved > PS_NAME_BYTES - reserve)
        return ps_fail(error, PS_ERR_INPUT, "naming.too-long",
                       "the name \"%.60s...\" is longer than %zu bytes, which file systems and endings allow",
                       text, (size_t)PS_NAME_BYTES - (reserve < PS_NAME_BYTES ? reserve : PS_NAME_BYTES));
    snprintf(name->text, sizeof name->text, "%s%s", reserved ? "_" : "", text);
    if (reserved)
        note(name, "name", text, name->text);
    return PS_OK;
}

static const char *component_problem(const char *name, size_t size, size_t reserve)
{
    char text[PS_NAME_BYTES + 1];
    if (!size)
        return "has an empty component";
    if (reserve >= PS_NAME_BYTES || size > PS_NAME_BYTES - reserve)
        return "has a component that is too long for file systems";
    memcpy(text, name, size);
    text[size] = '\0';
    if (!strcmp(text, ".") || !strcmp(text, ".."))
        return "has . or .. as a component";
    for (const char *at = text; *at; at += ps_character(at, false)) {
        if (!ps_character(at, false))
            return "has a control character";
        if (strchr(forbidden, *at))
            return "has one of \\ : * ? \" < > |, which not every system takes in names";
    }
    if (text[size - 1] == '.' || text[size - 1] == ' ')
        return "has a component that ends with a dot or a space";
    return is_reserved(text) ? "has a name that Windows keeps for a device" : NULL;
}

const char *ps_output_path_problem(const char *path, size_t reserve)
{
    if (!*path)
        return "is empty";
    if (*path == '/')
        return "is absolute";
    for (;;) {
        const size_t size = strcspn(path, "/");
        const char *problem = component_problem(path, size, reserve);
        if (problem || !path[size])
            return problem;
        path += size + 1;
    }
}
