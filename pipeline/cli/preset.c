#include "cli/preset.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static const char *const own_keys[] = {"description", "base", NULL};

const struct cli_file_kind cli_preset_kind = {.what = "a preset",
                                              .scope = CLI_ANYWHERE,
                                              .confined = true,
                                              .own = "preset",
                                              .own_keys = own_keys,
                                              .command = "render"};

/* Where a file of a chain was found; CLI_PLACES where none of the places has it. */
struct found {
    char path[CLI_PATH_SIZE];
    size_t place;
};

bool cli_preset_is_file(const char *name)
{
    const size_t length = strlen(name);
    return strchr(name, '/') || (length > 4 && !strcmp(name + length - 4, ".ini"));
}

static bool look_in(struct found *found, const char *folder, size_t place, const char *name)
{
    char file[256];
    if (!*folder || snprintf(file, sizeof file, "%s.ini", name) >= (int)sizeof file)
        return false;
    found->place = place;
    return cli_path_join(found->path, folder, file) && !access(found->path, F_OK);
}

static bool look_from(struct found *found, const struct cli_place *places, size_t first, const char *name)
{
    for (size_t i = first; i < CLI_PLACES; i++)
        if (look_in(found, places[i].presets, i, name))
            return true;
    return false;
}

/* A base lies beside the preset or in a weaker place, so that what a preset is based on does not change with the
 * current folder. One of the preset's own name is the one that it hides. */
static bool look_for_base(struct found *base, const struct found *preset, const char *name,
                          const struct cli_place *places)
{
    char folder[CLI_PATH_SIZE], file[256];
    const char *slash = strrchr(preset->path, '/');
    snprintf(file, sizeof file, "%s.ini", name);
    const bool own = !strcmp(file, slash ? slash + 1 : preset->path);
    if (!own && cli_path_folder(folder, preset->path) && look_in(base, folder, preset->place, name))
        return true;
    return look_from(base, places, preset->place == CLI_PLACES ? 0 : preset->place + 1, name);
}

static bool is_same(const char *a, const char *b)
{
    struct stat first, second;
    return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static void complain_base(struct ps_ini *ini, const struct ps_ini_entry *base, const char *id,
                          const char *what)
{
    ps_ini_complain(ini, base->line, base->value_column, id, NULL, "base: %s", what);
}

static bool is_in_chain(const struct cli_preset_chain *chain, const char *path)
{
    for (size_t i = 0; i < chain->count; i++)
        if (is_same(chain->files[i]->name, path))
            return true;
    return false;
}

/* Adds the base of the chain's last preset. False where it has none, or none that can be used. */
static bool follow(struct cli_preset_chain *chain, struct found *at, const struct cli_place *places)
{
    struct ps_ini *ini = chain->files[chain->count - 1];
    const struct ps_ini_entry *base = ps_ini_find(ini, cli_preset_kind.own, "base");
    struct ps_error error = {0};
    struct found next;
    char what[512];
    if (!base || !*base->value)
        return false;
    if (cli_preset_is_file(base->value))
        complain_base(ini, base, "preset.base", "takes the name of a preset, not a file");
    else if (!look_for_base(&next, at, base->value, places)) {
        cli_preset_describe_unknown(what, sizeof what, base->value, places);
        complain_base(ini, base, "preset.base", what);
    } else if (is_in_chain(chain, next.path))
        complain_base(ini, base, "preset.loop", "leads back to a preset that is based on this one");
    else if (chain->count == CLI_PRESET_DEPTH)
        complain_base(ini, base, "preset.depth", "more than 8 presets are based on each other");
    else if (ps_ini_open(&chain->files[chain->count], next.path, &error))
        complain_base(ini, base, error.id, error.message);
    else {
        chain->count++;
        *at = next;
        return true;
    }
    return false;
}

static enum ps_status find(struct found *found, const char *name, const struct cli_place *places,
                           struct ps_error *error)
{
    char what[512];
    if (cli_preset_is_file(name)) {
        found->place = CLI_PLACES;
        if (cli_path_join(found->path, "", name))
            return PS_OK;
    } else if (look_from(found, places, 0, name))
        return PS_OK;
    cli_preset_describe_unknown(what, sizeof what, name, places);
    cli_fail(error, PS_ERR_INPUT, "preset.unknown", "%s", what);
    ps_hint(error, "packshot presets lists what there is; a file is named with .ini");
    return error->status;
}

enum ps_status cli_preset_open(struct cli_preset_chain *chain, const char *name,
                               const struct cli_place places[CLI_PLACES], struct ps_error *error)
{
    struct found at;
    *chain = (struct cli_preset_chain){0};
    if (find(&at, name, places, error) || ps_ini_open(&chain->files[0], at.path, error))
        return error->status;
    chain->count = 1;
    while (follow(chain, &at, places))
        continue;
    return PS_OK;
}

enum ps_status cli_preset_lay(const struct cli_preset_chain *chain, struct cli_settings *settings,
                              struct ps_error *error)
{
    for (size_t i = chain->count; i-- > 0 && !error->status;) {
        cli_settings_layer(settings);
        cli_read_keys(chain->files[i], &cli_preset_kind, settings, error);
    }
    return error->status;
}

enum ps_status cli_preset_check(const struct cli_preset_chain *chain, struct ps_error *error)
{
    char check[CLI_PATH_SIZE];
    for (size_t i = 0; i < chain->count && !error->status; i++) {
        snprintf(check, sizeof check, "packshot presets check %s", chain->files[i]->name);
        cli_fail_file(chain->files[i], check, error);
    }
    return error->status;
}

void cli_preset_close(struct cli_preset_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        ps_ini_close(&chain->files[i]);
    chain->count = 0;
}
