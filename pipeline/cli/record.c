#include "cli/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/store.h"

/* Options that a sidecar has as parameters. */
static const char *const parameters[] = {
    "width", "height",   "fit",    "focus",    "pad-colour", "frames", "fps",   "motion",  "noise-aug",
    "steps", "schedule", "sigmas", "guidance", "seed",       "rng",    "dtype", "weights", "decode-chunk"};

/* Options that are about the way to a clip. Its seed is known now, and a repeated render must not look for another. */
static const char *const ways[] = {"on-fail", "rerolls"};

static bool is_way(const char *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(ways[i], name))
            return true;
    return false;
}

static bool is_parameter(const char *name)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (!strcmp(parameters[i], name))
            return true;
    return false;
}

/* ---- to a sidecar ---- */

static json_t *file_json(const char *path, struct ps_error *error)
{
    char hash[65];
    if (ps_file_hash(hash, path, error))
        return NULL;
    return json_pack("{s:o, s:s}", "path", cli_json_text(path), "sha256", hash);
}

enum ps_status cli_record_options(json_t **object, const struct cli_settings *settings,
                                  struct ps_error *error)
{
    *object = json_object();
    for (const struct cli_option *option = settings->options; option->name && !error->status; option++) {
        const char *text = cli_settings_of(settings, option)->text;
        if (!text || option->scope != CLI_ANYWHERE || is_parameter(option->name) || is_way(option->name))
            continue;
        json_t *value = cli_is_path(option, text) ? file_json(text, error) : cli_json_text(text);
        if (json_object_set_new(*object, option->name, value))
            cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    }
    return error->status;
}

/* ---- from a sidecar ---- */

/* What is being laid. */
struct source {
    struct cli_settings *settings;
    const char *from; /* the sidecar's name */
    struct ps_error *error;
};

static void fail_option(const struct source *source, const char *name, const char *expected)
{
    cli_fail(source->error, PS_ERR_INPUT, "sidecar.value", "%.300s: %.100s: expected %s", source->from, name,
             expected);
}

/* `text` may be null: then the value was no text. */
static void lay(const struct source *source, const char *name, const char *text)
{
    struct cli_settings *settings = source->settings;
    const struct cli_option *option = cli_settings_find(settings, name);
    char expected[256];
    if (!option || (option->scope != CLI_ANYWHERE && !is_parameter(name))) {
        fail_option(source, name, "no such option: it is unknown to this packshot");
    } else if (!text || !cli_accepts(option, text)) {
        cli_describe(expected, sizeof expected, option);
        fail_option(source, name, expected);
    } else {
        text = cli_settings_keep(settings, text);
        const char *origin = cli_settings_keep(settings, source->from);
        if (text && origin)
            cli_settings_set(settings, option, text, origin, 0);
        else
            cli_fail(source->error, PS_ERR_MEMORY, "memory.host", "out of memory");
    }
}

/* A number as a text without the locale; Jansson's 9 digits read back as the same float. */
static void put_number(FILE *to, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    fputs(text ? text : "", to);
    free(text);
}

/* Lays numbers with `between` in between. */
static void lay_numbers(const struct source *source, const char *name, const json_t *const *values,
                        size_t count, char between)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    for (size_t i = 0; i < count && to; i++) {
        if (i)
            fputc(between, to);
        put_number(to, values[i]);
    }
    const bool failed = !to || ferror(to);
    if ((to && fclose(to)) || failed)
        cli_fail(source->error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else
        lay(source, name, text);
    free(text);
}

static void lay_list(const struct source *source, const char *name, const json_t *list, char between)
{
    const json_t *values[PS_MAX_STEPS + 1];
    const size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++)
        values[i] = json_array_get(list, i);
    lay_numbers(source, name, values, count, between);
}

/* Nothing where the value is an option's default and the option has no word for it. */
static void lay_parameter(const struct source *source, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (json_is_null(value) || (!strcmp(name, "focus") && text && !strcmp(text, "centre")))
        return;
    if (text)
        lay(source, name, text);
    else if (json_is_array(value))
        lay_list(source, name, value, strcmp(name, "focus") ? ',' : ':');
    else if (!strcmp(name, "decode-chunk") && !json_integer_value(value))
        lay(source, name, "auto");
    else
        lay_numbers(source, name, &value, 1, ',');
}

/* The library has read these, so that every key is there and in its range. Its names are the options', but for
 * the underscores and guidance; a list of noise levels stands for steps and schedule. */
static void lay_parameters(const struct source *source, const json_t *object)
{
    const json_t *const guidance[] = {json_object_get(object, "guidance_min"),
                                      json_object_get(object, "guidance_max")};
    const bool listed = json_is_array(json_object_get(object, "sigmas"));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char name[32];
        snprintf(name, sizeof name, "%s", key);
        for (char *at = name; (at = strchr(at, '_'));)
            *at = '-';
        if (is_parameter(name) && !(listed && (!strcmp(name, "steps") || !strcmp(name, "schedule"))))
            lay_parameter(source, name, value);
    }
    lay_numbers(source, "guidance", guidance, 2, ':');
}

/* A file that the clip was made with has to be the same still. */
static void lay_file(const struct source *source, const char *name, const json_t *value)
{
    const char *path = json_string_value(json_object_get(value, "path"));
    const char *expected = json_string_value(json_object_get(value, "sha256"));
    char found[65];
    if (json_object_size(value) != 2 || !path || !expected)
        fail_option(source, name, "an object of path and sha256");
    else if (!ps_file_hash(found, path, source->error) && strcmp(found, expected))
        cli_fail(source->error, PS_ERR_INPUT, "sidecar.differs",
                 "%.200s: %s: %.200s is not the file of then: SHA-256 %s; expected %.64s", source->from, name,
                 path, found, expected);
    else
        lay(source, name, path);
}

/* A name without a hash is one too, which lay_file refuses. */
static bool is_file(const struct cli_option *option, const json_t *value)
{
    const char *text = json_string_value(value);
    return option->kind == CLI_PATH ||
           (option->kind == CLI_BACKGROUND && (json_is_object(value) || (text && cli_is_path(option, text))));
}

static void lay_options(const struct source *source, const json_t *object)
{
    const char *name;
    json_t *value;
    if (object && !json_is_object(object))
        fail_option(source, "options", "an object");
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const struct cli_option *option = cli_settings_find(source->settings, name);
        if (source->error->status)
            return;
        if (is_parameter(name))
            fail_option(source, name, "it among the parameters alone");
        else if (option && is_file(option, value))
            lay_file(source, name, value);
        else
            lay(source, name, json_string_value(value));
    }
}

static json_t *member(struct ps_sidecar *sidecar, const char *name)
{
    const char *text = ps_sidecar_section(sidecar, name);
    return text ? json_loads(text, 0, NULL) : NULL;
}

enum ps_status cli_record_lay(struct cli_settings *settings, struct ps_sidecar *sidecar, const char *from,
                              struct ps_error *error)
{
    const struct source source = {settings, from, error};
    json_t *params = member(sidecar, "parameters"), *options = member(sidecar, "options");
    for (size_t i = 0; settings->options[i].name; i++)
        if (settings->options[i].scope == CLI_ANYWHERE)
            settings->of[i] = (struct cli_setting){0};
    cli_settings_layer(settings);
    lay_parameters(&source, params);
    lay_options(&source, options);
    json_decref(params);
    json_decref(options);
    return error->status;
}

const char *cli_record_changed(const struct cli_settings *settings, const char *from)
{
    /* Beside parameters what the photo looks like; how latents are decoded does not count. */
    static const char *const photo[] = {"background", "assume-cmyk"};
    for (const struct cli_option *option = settings->options; option->name; option++) {
        const struct cli_setting *setting = cli_settings_of(settings, option);
        bool counts = is_parameter(option->name) && strcmp(option->name, "decode-chunk") != 0;
        for (size_t i = 0; i < sizeof photo / sizeof *photo; i++)
            counts = counts || !strcmp(photo[i], option->name);
        if (counts && setting->text && (!setting->origin || strcmp(setting->origin, from) != 0))
            return option->name;
    }
    return NULL;
}
