#include "cli/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/paths.h"
#include "cli/plan.h"
#include "cli/record.h"
#include "cli/store.h"
#include "jobs/key.h"

/* Options that are about the call that a snapshot is taken in, or that have done their part. */
static const char *const passing[] = {"output", "preset", "from", "dry-run", "json", "quiet"};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

static enum ps_status fail_memory(struct ps_error *error)
{
    return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

static json_t *option_json(const struct cli_option *option, const char *text, struct ps_error *error)
{
    char path[CLI_PATH_SIZE];
    if (cli_is_path(option, text)) {
        if (!cli_path_absolute(path, text)) {
            cli_fail(error, PS_ERR_USAGE, "usage.value", "--%s: \"%.300s\" is too long", option->name, text);
            return NULL;
        }
        text = path;
    }
    /* Bytes of a path may be anything; a journal's JSON is UTF-8. */
    json_t *value = json_string(text);
    if (!value)
        cli_fail(error, PS_ERR_USAGE, "usage.value", "--%s: \"%.300s\" is not UTF-8", option->name, text);
    return value;
}

/* Hashes by option of the files that options name. */
static json_t *files_of(const json_t *recorded)
{
    json_t *files = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)recorded, name, value)
    {
        if (json_is_object(value))
            json_object_set(files, name, json_object_get(value, "sha256"));
    }
    return files;
}

/* Adds what the job is made of. */
static void add_material(json_t *all, const struct cli_settings *settings,
                         const struct cli_material *material, struct ps_error *error)
{
    char photo[65], checkpoint[65];
    json_t *recorded = NULL;
    if (!cli_record_options(&recorded, settings, error) && !ps_file_hash(photo, material->photo, error) &&
        !ps_model_hash(checkpoint, material->model, error)) {
        json_object_set_new(all, "photo", json_string(photo));
        json_object_set_new(all, "checkpoint", json_string(checkpoint));
        json_object_set_new(all, "files", files_of(recorded));
    }
    json_decref(recorded);
}

char *cli_snapshot_make(const struct cli_settings *settings, const struct cli_material *material,
                        struct ps_error *error)
{
    json_t *options = json_object();
    for (const struct cli_option *option = settings->options; option->name && !error->status; option++) {
        const char *text = cli_settings_of(settings, option)->text;
        if (!text || is_one_of(option->name, passing, sizeof passing / sizeof *passing))
            continue;
        json_t *value = option_json(option, text, error);
        if (value && json_object_set_new(options, option->name, value))
            fail_memory(error);
    }
    const char *preset = cli_settings_of(settings, cli_settings_find(settings, "preset"))->text;
    json_t *all =
        json_pack("{s:o, s:s?, s:s}", "options", options, "preset", preset, "root", material->folder);
    if (all && !error->status)
        add_material(all, settings, material, error);
    char *text = all && !error->status ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (!text)
        fail_memory(error);
    json_decref(all);
    return text;
}

static enum ps_status lay(struct cli_settings *settings, const char *name, const char *text,
                          struct ps_error *error)
{
    const struct cli_option *option = cli_settings_find(settings, name);
    if (!option || !text || !cli_accepts(option, text))
        return cli_fail(error, PS_ERR_INPUT, "journal.settings",
                        "the journal has --%.64s \"%.100s\", which packshot %s does not take", name,
                        text ? text : "", ps_version());
    cli_settings_set(settings, option, text, NULL, 0);
    return PS_OK;
}

enum ps_status cli_snapshot_read(struct cli_snapshot *snapshot, const char *text, struct ps_error *error)
{
    const char *name;
    json_t *value;
    *snapshot = (struct cli_snapshot){.root = json_loads(text, JSON_REJECT_DUPLICATES, NULL)};
    json_t *options = json_object_get(snapshot->root, "options");
    snapshot->folder = json_string_value(json_object_get(snapshot->root, "root"));
    cli_settings_begin(&snapshot->settings, cli_request_options);
    if (!json_is_object(options) || !snapshot->folder)
        return cli_fail(error, PS_ERR_INPUT, "journal.settings",
                        "what the journal says of this job is not what packshot %s writes", ps_version());
    json_object_foreach(options, name, value)
    {
        if (lay(&snapshot->settings, name, json_string_value(value), error))
            break;
    }
    return error->status;
}

static enum ps_status fail_changed(const char *what, const char *name, struct ps_error *error)
{
    cli_fail(error, PS_ERR_INPUT, "job.changed", "%s%.300s is not the one of then", what, name);
    ps_hint(error, "run the batch again, and it becomes a job of its own");
    return error->status;
}

enum ps_status cli_snapshot_check_files(const struct cli_snapshot *snapshot, const char *photo,
                                        const json_t *recorded, struct ps_error *error)
{
    char hash[65];
    const char *then = json_string_value(json_object_get(snapshot->root, "photo"));
    if (ps_file_hash(hash, photo, error))
        return error->status;
    if (!then || strcmp(hash, then) != 0)
        return fail_changed("the photo ", photo, error);
    json_t *files = files_of(recorded);
    if (!json_equal(files, json_object_get(snapshot->root, "files")))
        fail_changed("a file that an option names", "", error);
    json_decref(files);
    return error->status;
}

enum ps_status cli_snapshot_check_model(const struct cli_snapshot *snapshot, const struct ps_model *model,
                                        struct ps_error *error)
{
    char hash[65];
    const char *then = json_string_value(json_object_get(snapshot->root, "checkpoint"));
    if (ps_model_hash(hash, model, error) || (then && !strcmp(hash, then)))
        return error->status;
    return fail_changed("the checkpoint", "", error);
}

void cli_snapshot_free(struct cli_snapshot *snapshot)
{
    cli_settings_end(&snapshot->settings);
    json_decref(snapshot->root);
    *snapshot = (struct cli_snapshot){0};
}

/* ---- the key ---- */

/* Parameters that have no default of the model's, and what else changes a clip's bytes. The resolved ones stand beside them
 * as numbers. */
static const char *const telling[] = {
    "fit",     "focus",   "pad-colour", "schedule", "sigmas",    "rng",          "decode-chunk", "on-fail",
    "rerolls", "encoder", "candidates", "draft",    "sign-with", "reproducible", "no-provenance"};

/* Files count by their content, wherever they lie. */
static void drop_paths(json_t *options)
{
    const char *name;
    json_t *value;
    json_object_foreach(options, name, value) if (json_is_object(value)) json_object_del(value, "path");
}

/* Everything that is set and changes the clip, in a fixed order. */
static char *describe_options(const struct cli_settings *settings, const struct ps_plan *plan,
                              struct ps_error *error)
{
    json_t *options = NULL;
    char *text = NULL;
    if (!cli_record_options(&options, settings, error)) {
        drop_paths(options);
        for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
            const struct cli_option *option = cli_settings_find(settings, telling[i]);
            const char *value = cli_settings_of(settings, option)->text;
            if (value)
                json_object_set_new(options, option->name, cli_json_text(value));
        }
        json_object_set_new(options, "parameters", cli_params_event(&plan->resolved));
        text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS);
        if (!text)
            fail_memory(error);
    }
    json_decref(options);
    return text;
}

enum ps_status cli_snapshot_key(char key[65], const struct cli_settings *settings, const struct ps_plan *plan,
                                const struct ps_model *model, int photo, struct ps_error *error)
{
    char checkpoint[65];
    if (ps_model_hash(checkpoint, model, error))
        return error->status;
    char *options = describe_options(settings, plan, error);
    if (!options)
        return error->status;
    const struct ps_job_identity identity = {
        .photo = photo, .options = options, .checkpoint = checkpoint, .version = ps_version()};
    ps_job_key(key, &identity, error);
    free(options);
    return error->status;
}
