#include "cli/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/repeat.h"
#include "cli/store.h"
#include "cli/watch.h"

static const char prefix[] = "PACKSHOT_";

/* "PACKSHOT_NOISE_AUG" for --noise-aug. */
static void variable_of(char *to, size_t size, const struct cli_option *option)
{
    snprintf(to, size, "%s%s", prefix, option->name);
    for (to += sizeof prefix - 1; *to; to++)
        *to = *to == '-' ? '_' : *to >= 'a' && *to <= 'z' ? (char)(*to - 'a' + 'A') : *to;
}

/* The text of the option's variable, or null. An empty one is none. */
static const char *look_up(const struct cli_option *option, char *variable, size_t size)
{
    if (option->scope == CLI_ARGUMENT)
        return NULL;
    variable_of(variable, size, option);
    const char *text = getenv(variable);
    return text && *text ? text : NULL;
}

static enum ps_status read_variable(struct cli_settings *settings, const struct cli_option *option,
                                    struct ps_error *error)
{
    char variable[64], expected[256];
    const char *text = look_up(option, variable, sizeof variable);
    if (!text)
        return PS_OK;
    if (!cli_accepts(option, text)) {
        cli_describe(expected, sizeof expected, option);
        return cli_fail(error, PS_ERR_USAGE, "usage.value", "%s: \"%.100s\" is not %s", variable, text,
                        expected);
    }
    const char *origin = cli_settings_keep(settings, variable);
    if (!origin)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read the environment");
    cli_settings_set(settings, option, text, origin, 0);
    return PS_OK;
}

enum ps_status cli_layers_read_environment(struct cli_layers *layers, struct ps_error *error)
{
    cli_settings_layer(&layers->settings);
    for (const struct cli_option *option = layers->settings.options; option->name && !error->status; option++)
        read_variable(&layers->settings, option, error);
    return error->status;
}

static bool is_variable(const char *name, size_t length, const struct cli_option *options)
{
    char variable[64];
    for (; options->name; options++) {
        variable_of(variable, sizeof variable, options);
        if (strlen(variable) == length && !strncmp(name, variable, length))
            return options->scope != CLI_ARGUMENT;
    }
    return length == strlen(CLI_SYSTEM_VARIABLE) && !strncmp(name, CLI_SYSTEM_VARIABLE, length);
}

void cli_layers_warn(struct cli_report *report, const struct cli_option *options)
{
    for (char **entry = environ; *entry; entry++) {
        const size_t length = strcspn(*entry, "=");
        if (!strncmp(*entry, prefix, sizeof prefix - 1) && !is_variable(*entry, length, options))
            cli_say(report, true, "warning: the variable %.*s sets no option", (int)length, *entry);
    }
}

void cli_layers_begin(struct cli_layers *layers, const struct cli_command *command)
{
    *layers = (struct cli_layers){.command = command};
    cli_places_find(layers->places);
    cli_settings_begin(&layers->settings, command->options);
}

enum ps_status cli_layers_read_configs(struct cli_layers *layers, struct ps_error *error)
{
    for (size_t i = CLI_PLACES; i-- > 0;) {
        const struct cli_place *place = &layers->places[i];
        const struct cli_file_kind kind = {.what = "packshot.ini",
                                           .scope = CLI_MACHINE,
                                           .confined = place->confined,
                                           .own = "watch",
                                           .own_keys = cli_watch_keys,
                                           .own_options = cli_watch_options,
                                           .command = layers->command->name};
        if (!*place->config || access(place->config, F_OK))
            continue;
        cli_settings_layer(&layers->settings);
        if (ps_ini_open(&layers->configs[i], place->config, error) ||
            cli_read_keys(layers->configs[i], &kind, &layers->settings, error))
            return error->status;
    }
    return PS_OK;
}

static enum ps_status check_configs(const struct cli_layers *layers, struct ps_error *error)
{
    for (size_t i = 0; i < CLI_PLACES; i++)
        if (layers->configs[i] && cli_fail_file(layers->configs[i], "packshot config", error))
            return error->status;
    return PS_OK;
}

/* The preset of that name, or where it is null the one named by the strongest of the layers around it. */
static enum ps_status read_preset(struct cli_layers *layers, const char *name, struct ps_error *error)
{
    const struct cli_option *option = cli_settings_find(&layers->settings, "preset");
    char variable[64], origin[CLI_PATH_SIZE];
    const struct cli_setting *setting = cli_settings_of(&layers->settings, option);
    if (!name)
        name = look_up(option, variable, sizeof variable);
    if (!name && setting->text && cli_preset_is_file(setting->text))
        return cli_fail(error, PS_ERR_INPUT, "ini.value",
                        "%s: preset: \"%.100s\" is not the name of a preset",
                        cli_settings_origin(origin, sizeof origin, setting), setting->text);
    if (!name)
        name = setting->text;
    if (!name)
        return PS_OK;
    if (cli_preset_open(&layers->preset, name, layers->places, error) ||
        cli_preset_lay(&layers->preset, &layers->settings, error))
        return error->status;
    return cli_preset_check(&layers->preset, error);
}

enum ps_status cli_layers_lay(struct cli_layers *layers, const struct cli_settings *arguments,
                              const char *preset, struct ps_error *error)
{
    const char *own = cli_settings_of(arguments, cli_settings_find(arguments, "preset"))->text;
    const char *from = cli_settings_of(arguments, cli_settings_find(arguments, "from"))->text;
    if (cli_layers_read_configs(layers, error) || check_configs(layers, error) ||
        (!from && read_preset(layers, own ? own : preset, error)) ||
        cli_layers_read_environment(layers, error) ||
        (from && cli_repeat_lay(&layers->sidecar, from, &layers->settings, error)))
        return error->status;
    return PS_OK;
}

enum ps_status cli_layers_read(struct cli_layers *layers, int argc, char **argv, void *values, bool *help,
                               struct ps_error *error)
{
    const struct cli_command *command = layers->command;
    struct cli_settings arguments;
    cli_settings_begin(&arguments, command->options);
    if (cli_read_arguments(command, argc, argv, &arguments, values, help, error) || *help)
        return error->status;
    if (cli_layers_lay(layers, &arguments, NULL, error))
        return error->status;
    cli_settings_lay(&layers->settings, &arguments);
    return cli_settings_check(&layers->settings, command, error)
               ? error->status
               : cli_settings_check_needs(&layers->settings, command, error);
}

void cli_layers_end(struct cli_layers *layers)
{
    cli_preset_close(&layers->preset);
    ps_sidecar_close(&layers->sidecar);
    for (size_t i = 0; i < CLI_PLACES; i++)
        ps_ini_close(&layers->configs[i]);
    cli_settings_end(&layers->settings);
}
