#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/paths.h"
#include "cli/request.h"
#include "cli/store.h"

struct cli_kept {
    struct cli_kept *next;
    char text[];
};

void cli_settings_begin(struct cli_settings *settings, const struct cli_option *options)
{
    *settings = (struct cli_settings){.options = options, .layer = 1};
}

void cli_settings_layer(struct cli_settings *settings)
{
    settings->layer++;
}

static bool names(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; at && *at; at += strspn(at, " ")) {
        const size_t word = strcspn(at, " ");
        if (word == length && !strncmp(at, name, length))
            return true;
        at += word;
    }
    return false;
}

static bool exclude(const struct cli_option *a, const struct cli_option *b)
{
    return names(a->excludes, b->name) || names(b->excludes, a->name);
}

void cli_settings_set(struct cli_settings *settings, const struct cli_option *option, const char *text,
                      const char *origin, uint32_t line)
{
    for (size_t i = 0; settings->options[i].name; i++)
        if (settings->of[i].layer < settings->layer && exclude(option, &settings->options[i]))
            settings->of[i] = (struct cli_setting){0};
    settings->of[option - settings->options] = (struct cli_setting){text, origin, line, settings->layer};
}

void cli_settings_lay(struct cli_settings *settings, const struct cli_settings *from)
{
    cli_settings_layer(settings);
    for (size_t i = 0; settings->options[i].name; i++)
        if (from->of[i].text)
            cli_settings_set(settings, &settings->options[i], from->of[i].text, from->of[i].origin,
                             from->of[i].line);
}

void cli_settings_share(struct cli_settings *settings, const struct cli_settings *from)
{
    cli_settings_begin(settings, cli_request_options);
    for (const struct cli_option *option = from->options; option->name; option++) {
        const char *text = cli_settings_of(from, option)->text;
        const struct cli_option *same = cli_settings_find(settings, option->name);
        if (text && same)
            cli_settings_set(settings, same, text, NULL, 0);
    }
}

const struct cli_option *cli_settings_find(const struct cli_settings *settings, const char *name)
{
    for (const struct cli_option *option = settings->options; option->name; option++)
        if (!strcmp(option->name, name))
            return option;
    return NULL;
}

const struct cli_setting *cli_settings_of(const struct cli_settings *settings,
                                          const struct cli_option *option)
{
    return &settings->of[option - settings->options];
}

const char *cli_settings_keep(struct cli_settings *settings, const char *text)
{
    const size_t size = strlen(text) + 1;
    struct cli_kept *kept = malloc(sizeof *kept + size);
    if (!kept)
        return NULL;
    kept->next = settings->kept;
    settings->kept = kept;
    memcpy(kept->text, text, size);
    return kept->text;
}

char *cli_settings_origin(char *to, size_t size, const struct cli_setting *setting)
{
    if (setting->line)
        snprintf(to, size, "%s:%u", setting->origin, setting->line);
    else
        snprintf(to, size, "%s", setting->origin ? setting->origin : "the command line");
    return to;
}

void cli_settings_tell(const struct cli_settings *settings, const struct cli_option *option,
                       struct cli_report *report)
{
    const struct cli_setting *setting = cli_settings_of(settings, option);
    const bool set = setting->text != NULL;
    const char *text = set ? setting->text : option->fallback ? option->fallback : "-";
    char origin[CLI_PATH_SIZE + 16];
    cli_settings_origin(origin, sizeof origin, setting);
    cli_print(report, "%-14s %-32s %s", option->name, text, set ? origin : "default");
    json_t *event = json_pack("{s:s, s:s, s:o, s:o, s:o}", "event", "setting", "key", option->name, "value",
                              set ? cli_json_text(setting->text) : json_null(), "default",
                              option->fallback ? cli_json_text(option->fallback) : json_null(), "origin",
                              cli_json_text(set ? origin : "default"));
    if (event && set && setting->line) {
        json_object_set_new(event, "file", cli_json_text(setting->origin));
        json_object_set_new(event, "line", json_integer(setting->line));
    }
    cli_emit(report, event);
}

static enum ps_status fail_pair(const struct cli_settings *settings, const struct cli_command *command,
                                size_t first, size_t second, struct ps_error *error)
{
    const struct cli_setting *a = &settings->of[first], *b = &settings->of[second];
    const char *one = settings->options[first].name, *other = settings->options[second].name;
    char here[256], there[256];
    if (!a->origin)
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                        "--%s and --%s exclude each other; see packshot help %s", one, other, command->name);
    return cli_fail(error, a->line ? PS_ERR_INPUT : PS_ERR_USAGE, "usage.conflict",
                    "%s: %s and %s (%s) exclude each other", cli_settings_origin(here, sizeof here, a), one,
                    other, cli_settings_origin(there, sizeof there, b));
}

/* What follows a word of `needs`; the word is the name of an option, and after = the value that it has to have. */
static const char *read_need(const char *at, char name[32], char value[32])
{
    const size_t word = strcspn(at, " "), length = strcspn(at, " =");
    snprintf(name, 32, "%.*s", (int)length, at);
    snprintf(value, 32, "%.*s", (int)(word > length ? word - length - 1 : 0), at + length + 1);
    return at + word + strspn(at + word, " ");
}

static bool is_met(const struct cli_settings *settings, const char *needs)
{
    char name[32], value[32];
    while (*needs) {
        needs = read_need(needs, name, value);
        const char *text = cli_settings_of(settings, cli_settings_find(settings, name))->text;
        if (text && (!*value || !strcmp(text, value)))
            return true;
    }
    return false;
}

static enum ps_status fail_need(const struct cli_command *command, const struct cli_option *option,
                                struct ps_error *error)
{
    char name[32], value[32], list[256] = "";
    for (const char *at = option->needs; *at;) {
        const size_t used = strlen(list);
        at = read_need(at, name, value);
        snprintf(list + used, sizeof list - used, "%s--%s%s%s", used ? " or " : "", name, *value ? " " : "",
                 value);
    }
    return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                    "--%s does nothing without %s; see packshot help %s", option->name, list, command->name);
}

enum ps_status cli_settings_check(const struct cli_settings *settings, const struct cli_command *command,
                                  struct ps_error *error)
{
    const struct cli_option *options = settings->options;
    for (size_t i = 0; options[i].name; i++)
        for (size_t j = i + 1; options[j].name; j++)
            if (settings->of[i].text && settings->of[j].text && exclude(&options[i], &options[j]))
                return fail_pair(settings, command, i, j, error);
    return PS_OK;
}

enum ps_status cli_settings_check_needs(const struct cli_settings *settings,
                                        const struct cli_command *command, struct ps_error *error)
{
    const struct cli_option *options = settings->options;
    for (size_t i = 0; options[i].name; i++)
        if (settings->of[i].text && !settings->of[i].origin && options[i].needs &&
            !is_met(settings, options[i].needs))
            return fail_need(command, &options[i], error);
    return PS_OK;
}

void cli_settings_store(const struct cli_settings *settings, void *values)
{
    for (size_t i = 0; settings->options[i].name; i++)
        if (settings->of[i].text)
            cli_store(&settings->options[i], settings->of[i].text, values);
}

void cli_settings_end(struct cli_settings *settings)
{
    while (settings->kept) {
        struct cli_kept *next = settings->kept->next;
        free(settings->kept);
        settings->kept = next;
    }
}
