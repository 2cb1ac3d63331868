#include "cli/commands.h"
#include "cli/layers.h"

struct request {
    bool show_origin, json;
};

static const struct cli_option options[] = {
    {.name = "show-origin",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, show_origin),
     .help = "with the file and line, or the variable, that sets each"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a line"},
    {0},
};

static const char *const examples[] = {"config --show-origin", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_config_command = {
    .name = "config",
    .summary = "what packshot.ini and the environment set render's options to",
    .examples = examples,
    .options = options,
    .notes = "Each option is taken from the first of: the command line, a variable such as PACKSHOT_MODEL, "
             "the preset,\n"
             "./packshot.ini, $XDG_CONFIG_HOME/packshot/packshot.ini, /etc/packshot/packshot.ini.",
    .run = run,
};

static enum ps_status judge(const struct cli_layers *layers, struct cli_report *report,
                            struct ps_error *error)
{
    size_t problems = 0;
    for (size_t i = 0; i < CLI_PLACES; i++)
        if (layers->configs[i]) {
            cli_tell_problems(report, layers->configs[i]);
            problems += layers->configs[i]->problem_count;
        }
    if (problems)
        return cli_fail(error, PS_ERR_INPUT, "config.problems", "%zu problem%s in the configuration",
                        problems, problems == 1 ? "" : "s");
    return cli_settings_check(&layers->settings, layers->command, error);
}

static void tell(const struct cli_layers *layers, const struct request *request, struct cli_report *report)
{
    for (const struct cli_option *option = layers->settings.options; option->name; option++) {
        const struct cli_setting *setting = cli_settings_of(&layers->settings, option);
        if (!setting->text)
            continue;
        if (request->json || request->show_origin)
            cli_settings_tell(&layers->settings, option, report);
        else
            cli_print(report, "%s = %s", option->name, setting->text);
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct cli_layers layers;
    cli_layers_begin(&layers, &cli_render_command);
    if (cli_begin(command, argc, argv, &request, &report, &error) &&
        !cli_layers_read_configs(&layers, &error) && !judge(&layers, &report, &error) &&
        !cli_layers_read_environment(&layers, &error)) {
        tell(&layers, &request, &report);
        cli_layers_warn(&report, cli_render_command.options);
    }
    cli_layers_end(&layers);
    return cli_finish(&report, &error);
}
