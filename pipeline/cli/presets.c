#include "cli/commands.h"
#include "cli/layers.h"

struct request {
    const char *preset;
    bool json;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a line"},
    {0},
};

static const char *const list_examples[] = {"presets",
                                            "render shoe.png -o shoe.mp4 --model svd-xt --preset hero", NULL};
static const char *const show_examples[] = {"presets show hero", NULL};
static const char *const check_examples[] = {"presets check packshot-presets/spring.ini", NULL};

static int run_list(const struct cli_command *command, int argc, char **argv);
static int run_show(const struct cli_command *command, int argc, char **argv);
static int run_check(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_presets_command = {
    .name = "presets",
    .summary = "the presets that there are",
    .examples = list_examples,
    .options = options,
    .notes =
        "A preset NAME is the file NAME.ini in ./packshot-presets, in $XDG_CONFIG_HOME/packshot/presets, in\n"
        "/etc/packshot/presets or among those that come with packshot; the first hides the others.",
    .run = run_list,
};

const struct cli_command cli_presets_show_command = {
    .name = "presets show",
    .summary = "what a preset sets every option to, and where",
    .operand = "PRESET",
    .operand_offset = offsetof(struct request, preset),
    .operand_suggests = "@presets @files",
    .examples = show_examples,
    .options = options,
    .notes = "PRESET is a name or an .ini file. Bases are followed.",
    .run = run_show,
};

const struct cli_command cli_presets_check_command = {
    .name = "presets check",
    .summary = "everything that is wrong with a preset",
    .operand = "PRESET",
    .operand_offset = offsetof(struct request, preset),
    .operand_suggests = "@presets @files",
    .examples = check_examples,
    .options = options,
    .notes = "PRESET is a name or an .ini file. Bases are followed. The exit code is 0, or 4 where there is "
             "a problem,\n"
             "and each is a line FILE:LINE:COLUMN: MESSAGE on standard output.",
    .run = run_check,
};

static const char *about(const struct ps_ini *file, const char *key)
{
    const struct ps_ini_entry *entry = ps_ini_find(file, cli_preset_kind.own, key);
    return entry ? entry->value : NULL;
}

/* A preset and what it sets. */
struct resolved {
    struct cli_preset_chain chain;
    struct cli_settings settings;
};

static enum ps_status resolve(struct resolved *preset, const char *name, const struct cli_place *places,
                              struct ps_error *error)
{
    cli_settings_begin(&preset->settings, cli_render_command.options);
    return cli_preset_open(&preset->chain, name, places, error) ||
                   cli_preset_lay(&preset->chain, &preset->settings, error)
               ? error->status
               : PS_OK;
}

static enum ps_status judge(const struct resolved *preset, struct ps_error *error)
{
    return cli_preset_check(&preset->chain, error) ||
                   cli_settings_check(&preset->settings, &cli_render_command, error)
               ? error->status
               : PS_OK;
}

static void release(struct resolved *preset)
{
    cli_settings_end(&preset->settings);
    cli_preset_close(&preset->chain);
}

/* A preset that cannot be used is listed with the reason. */
static void tell_preset(struct cli_report *report, const struct cli_preset_list *list, size_t i,
                        const struct cli_place *places)
{
    struct ps_error error = {0};
    struct resolved preset;
    const char *name = list->presets[i].name, *place = places[list->presets[i].place].name;
    if (!resolve(&preset, name, places, &error))
        judge(&preset, &error);
    const struct ps_ini *file = preset.chain.count ? preset.chain.files[0] : NULL;
    const char *text = file ? about(file, "description") : NULL, *base = file ? about(file, "base") : NULL;
    cli_print(report, "%-16s %-8s %s%s", name, place, error.status ? "not usable: " : "",
              error.status ? error.message
              : text       ? text
                           : "");
    cli_emit(report, json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:i}", "event", "preset", "name",
                               cli_json_text(name), "place", place, "file",
                               file ? cli_json_text(file->name) : json_null(), "description",
                               text ? cli_json_text(text) : json_null(), "base",
                               base ? cli_json_text(base) : json_null(), "usable", !error.status, "hides",
                               (int)list->presets[i].hides));
    release(&preset);
}

static enum ps_status list(struct cli_report *report, const char *name, const struct cli_place *places,
                           struct ps_error *error)
{
    struct cli_preset_list all;
    (void)name;
    (void)error;
    cli_preset_list_make(&all, places);
    for (size_t i = 0; i < all.count; i++)
        tell_preset(report, &all, i, places);
    if (!all.count)
        cli_say(report, true, "there are no presets");
    cli_preset_list_free(&all);
    return PS_OK;
}

static enum ps_status show(struct cli_report *report, const char *name, const struct cli_place *places,
                           struct ps_error *error)
{
    struct resolved preset;
    if (!resolve(&preset, name, places, error) && !judge(&preset, error))
        for (const struct cli_option *option = preset.settings.options; option->name; option++)
            if (option->scope == CLI_ANYWHERE)
                cli_settings_tell(&preset.settings, option, report);
    release(&preset);
    return error->status;
}

static enum ps_status check(struct cli_report *report, const char *name, const struct cli_place *places,
                            struct ps_error *error)
{
    struct resolved preset;
    size_t problems = 0;
    if (!resolve(&preset, name, places, error)) {
        for (size_t i = 0; i < preset.chain.count; i++) {
            cli_tell_problems(report, preset.chain.files[i]);
            problems += preset.chain.files[i]->problem_count;
        }
        if (problems)
            cli_fail(error, PS_ERR_INPUT, "preset.problems", "%.300s: %zu problem%s", name, problems,
                     problems == 1 ? "" : "s");
        else if (!judge(&preset, error)) {
            cli_print(report, "%s: nothing is wrong", name);
            cli_emit(report, json_pack("{s:s, s:o, s:i}", "event", "checked", "preset", cli_json_text(name),
                                       "problems", 0));
        }
    }
    release(&preset);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv,
               enum ps_status (*act)(struct cli_report *report, const char *name,
                                     const struct cli_place *places, struct ps_error *error))
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct cli_place places[CLI_PLACES];
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        cli_places_find(places);
        act(&report, request.preset, places, &error);
    }
    return cli_finish(&report, &error);
}

static int run_list(const struct cli_command *command, int argc, char **argv)
{
    return run(command, argc, argv, list);
}

static int run_show(const struct cli_command *command, int argc, char **argv)
{
    return run(command, argc, argv, show);
}

static int run_check(const struct cli_command *command, int argc, char **argv)
{
    return run(command, argc, argv, check);
}
