#include "cli/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/guess.h"
#include "cli/paths.h"
#include "cli/store.h"

static const char *key_of(const void *from, size_t i)
{
    const struct cli_option *options = from;
    return options[i].name;
}

static const char *own_key_of(const void *from, size_t i)
{
    return ((const char *const *)from)[i];
}

static const char *section_of(const void *from, size_t i)
{
    const struct cli_file_kind *kind = from;
    const char *const sections[] = {kind->command, kind->own, NULL};
    return i < 2 ? sections[i] : NULL;
}

static bool is_section(const struct cli_file_kind *kind, const char *name)
{
    return !strcmp(name, kind->command) || (kind->own && !strcmp(name, kind->own));
}

static void check_sections(struct ps_ini *ini, const struct cli_file_kind *kind)
{
    char hint[96];
    for (size_t i = 0; i < ini->section_count; i++) {
        const struct ps_ini_section *section = &ini->sections[i];
        if (is_section(kind, section->name))
            continue;
        const char *guess = ps_guess(section->name, section_of, kind);
        ps_ini_complain(ini, section->line, 1, "ini.section", NULL, "unknown section [%.64s]%s%s%s",
                        section->name, guess ? "; did you mean [" : "", guess ? guess : "",
                        guess ? "]?" : "");
    }
    if (!ini->entry_count || *ini->entries[0].section)
        return;
    snprintf(hint, sizeof hint, "write [%s] in a line above it", kind->command);
    ps_ini_complain(ini, ini->entries[0].line, ini->entries[0].key_column, "ini.section", hint,
                    "%.64s stands before any section", ini->entries[0].key);
}

/* Options are written with a hyphen and in small letters; whoever does not gets the very name. */
static void normalise(char *to, size_t size, const char *key)
{
    snprintf(to, size, "%s", key);
    for (; *to; to++)
        *to = *to == '_' ? '-' : *to >= 'A' && *to <= 'Z' ? (char)(*to - 'A' + 'a') : *to;
}

static void complain_key(struct ps_ini *ini, const struct ps_ini_entry *entry,
                         const char *(*next)(const void *, size_t), const void *from)
{
    char name[64];
    normalise(name, sizeof name, entry->key);
    const char *guess = ps_guess(name, next, from);
    ps_ini_complain(ini, entry->line, entry->key_column, "ini.key", NULL, "unknown key \"%.64s\"%s%s%s",
                    entry->key, guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
}

static void complain_value(struct ps_ini *ini, const struct ps_ini_entry *entry,
                           const struct cli_option *option)
{
    char expected[256];
    cli_describe(expected, sizeof expected, option);
    ps_ini_complain(ini, entry->line, entry->value_column, "ini.value", NULL, "%s: \"%.100s\" is not %s",
                    entry->key, entry->value, expected);
}

static void check_own_value(struct ps_ini *ini, const struct cli_option *options,
                            const struct ps_ini_entry *entry)
{
    for (; options && options->name; options++)
        if (!strcmp(options->name, entry->key) && !cli_accepts(options, entry->value))
            complain_value(ini, entry, options);
}

static void check_own_key(struct ps_ini *ini, const struct cli_file_kind *kind,
                          const struct ps_ini_entry *entry)
{
    for (size_t i = 0; kind->own_keys[i]; i++) {
        if (strcmp(kind->own_keys[i], entry->key))
            continue;
        if (!*entry->value)
            ps_ini_complain(ini, entry->line, entry->value_column, "ini.value", NULL,
                            "%s: nothing after the =", entry->key);
        else
            check_own_value(ini, kind->own_options, entry);
        return;
    }
    complain_key(ini, entry, own_key_of, kind->own_keys);
}

static void complain_path(struct ps_ini *ini, const struct ps_ini_entry *entry, const char *hint,
                          const char *what)
{
    ps_ini_complain(ini, entry->line, entry->value_column, "ini.path", hint, "%s: \"%.200s\" %s", entry->key,
                    entry->value, what);
}

/* The path as seen from the current folder, or null after a complaint. */
static const char *read_path(struct ps_ini *ini, const struct cli_file_kind *kind,
                             const struct ps_ini_entry *entry, struct cli_settings *settings,
                             struct ps_error *error)
{
    static const char outside[] = "is outside the folder of this file";
    static const char copy[] = "copy what it names beside this file, and name it with a relative path";
    const char *value = entry->value;
    char folder[CLI_PATH_SIZE], path[CLI_PATH_SIZE];
    if (!cli_path_folder(folder, ini->name) || !cli_path_join(path, *value == '/' ? "" : folder, value)) {
        complain_path(ini, entry, NULL, "is too long");
        return NULL;
    }
    if (*value == '~')
        complain_path(ini, entry, "write the path out", "begins with ~, which stands for nothing here");
    else if (kind->confined && (*value == '/' || cli_path_climbs(value)))
        complain_path(ini, entry, copy, outside);
    else if (kind->confined && access(path, F_OK))
        complain_path(ini, entry, NULL, errno == ENOENT ? "is not there" : strerror(errno));
    else if (kind->confined && !cli_path_is_beneath(path, folder))
        complain_path(ini, entry, copy, outside);
    else {
        const char *kept = cli_settings_keep(settings, path);
        if (!kept)
            cli_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to read it", ini->name);
        return kept;
    }
    return NULL;
}

static bool is_allowed(struct ps_ini *ini, const struct cli_file_kind *kind, const struct ps_ini_entry *entry,
                       const struct cli_option *option)
{
    if (option->trusted && kind->confined) {
        ps_ini_complain(ini, entry->line, entry->key_column, "ini.key",
                        "give it on the command line, or in your own packshot.ini",
                        "%s may not stand in a file that others may have written", entry->key);
        return false;
    }
    if (option->scope <= kind->scope)
        return true;
    ps_ini_complain(ini, entry->line, entry->key_column, "ini.key",
                    option->scope == CLI_ARGUMENT ? "give it on the command line"
                                                  : "give it on the command line or in packshot.ini",
                    "%s may not stand in %s", entry->key, kind->what);
    return false;
}

static void read_option(struct ps_ini *ini, const struct cli_file_kind *kind,
                        const struct ps_ini_entry *entry, struct cli_settings *settings,
                        struct ps_error *error)
{
    const struct cli_option *option = cli_settings_find(settings, entry->key);
    if (!option) {
        complain_key(ini, entry, key_of, settings->options);
        return;
    }
    if (!is_allowed(ini, kind, entry, option))
        return;
    const char *text = entry->value;
    if (!cli_accepts(option, text)) {
        complain_value(ini, entry, option);
        return;
    }
    if (cli_is_path(option, text))
        text = read_path(ini, kind, entry, settings, error);
    if (text)
        cli_settings_set(settings, option, text, ini->name, entry->line);
}

enum ps_status cli_read_keys(struct ps_ini *ini, const struct cli_file_kind *kind,
                             struct cli_settings *settings, struct ps_error *error)
{
    check_sections(ini, kind);
    for (size_t i = 0; i < ini->entry_count && !error->status; i++) {
        const struct ps_ini_entry *entry = &ini->entries[i];
        if (!strcmp(entry->section, kind->command))
            read_option(ini, kind, entry, settings, error);
        else if (kind->own && !strcmp(entry->section, kind->own))
            check_own_key(ini, kind, entry);
    }
    return error->status;
}

enum ps_status cli_fail_file(const struct ps_ini *ini, const char *check, struct ps_error *error)
{
    if (!ini->problem_count)
        return PS_OK;
    const struct ps_ini_problem *first = &ini->problems[0];
    cli_fail(error, PS_ERR_INPUT, first->id, "%.200s:%u:%u: %s", ini->name, first->line, first->column,
             first->message);
    if (ini->problem_count > 1)
        ps_hint(error, "%s%sall %zu problems: %.100s", first->hint, *first->hint ? "; " : "",
                ini->problem_count, check);
    else
        ps_hint(error, "%s", first->hint);
    return error->status;
}

void cli_tell_problems(struct cli_report *report, const struct ps_ini *ini)
{
    for (size_t i = 0; i < ini->problem_count; i++) {
        const struct ps_ini_problem *problem = &ini->problems[i];
        cli_print(report, "%s:%u:%u: %s%s%s", ini->name, problem->line, problem->column, problem->message,
                  *problem->hint ? "; " : "", problem->hint);
        cli_emit(report, json_pack("{s:s, s:s, s:o, s:i, s:i, s:o, s:s}", "event", "problem", "id",
                                   problem->id, "file", cli_json_text(ini->name), "line", (int)problem->line,
                                   "column", (int)problem->column, "message", cli_json_text(problem->message),
                                   "hint", problem->hint));
    }
}
