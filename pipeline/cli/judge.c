#include "cli/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/estimate.h"
#include "cli/found.h"
#include "cli/paths.h"
#include "cli/snapshot.h"
#include "cli/store.h"
#include "cli/takes.h"
#include "jobs/beneath.h"

/* One row on its way to a job. */
struct sitting {
    struct cli_judge *judge;
    const struct ps_manifest_row *row;
    struct cli_settings settings;
    struct cli_request request;
    const char *preset;                              /* that applies; null for none */
    char output[CLI_PATH_SIZE], name[CLI_PATH_SIZE]; /* of the clip; and of the photo, for the template */
    struct cli_delivery delivery;
    struct cli_takes takes;
    struct cli_output others[CLI_TAKE_OUTPUTS]; /* files of takes beside the clips */
    size_t other_count;
    char seed[24], number[24]; /* texts of a setting, and of a token that is a number */
    bool faulty;
};

/* Passes an error on as a problem of the row, unless it is one of the machine. */
static void complain(struct sitting *sitting, uint32_t column, struct ps_error *cause, struct ps_error *error)
{
    if (cause->status == PS_ERR_CANCELLED || !strcmp(cause->id, "memory.host")) {
        *error = *cause;
        return;
    }
    sitting->faulty = true;
    ps_manifest_complain(sitting->judge->rows->manifest, sitting->row->row, column, cause->id,
                         cause->hint[0] ? cause->hint : NULL, "%s", cause->message);
}

/* ---- settings ---- */

/* The path of a setting, seen from the manifest's folder, if it stays in the root and is there; null after a complaint. */
static const char *place_setting(struct sitting *sitting, const struct ps_manifest_cell *cell,
                                 struct ps_error *error)
{
    const struct cli_rows *rows = sitting->judge->rows;
    struct ps_error cause = {0};
    char folder[CLI_PATH_SIZE], joined[CLI_PATH_SIZE], path[CLI_PATH_SIZE];
    int fd = -1;
    if (rows->manifest->kind == PS_MANIFEST_FOLDER)
        snprintf(folder, sizeof folder, "%s", rows->request->manifest);
    else if (!cli_path_folder(folder, rows->request->manifest))
        folder[0] = '\0';
    if (!cli_path_join(joined, *cell->value == '/' ? "" : folder, cell->value) ||
        !cli_path_absolute(path, joined))
        cli_fail(&cause, PS_ERR_INPUT, "manifest.value", "%s: the path is too long", cell->key);
    else
        ps_beneath_open(&fd, rows->root, path, &cause);
    if (fd >= 0)
        close(fd);
    if (!cause.status) {
        const char *kept = cli_settings_keep(&sitting->settings, path);
        if (!kept)
            cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return kept;
    }
    complain(sitting, cell->column, &cause, error);
    return NULL;
}

static void lay_cells(struct sitting *sitting, struct ps_error *error)
{
    const struct ps_manifest_row *row = sitting->row;
    struct cli_settings *settings = &sitting->settings;
    const char *origin = sitting->judge->rows->manifest->name;
    const uint32_t line = (uint32_t)row->row;
    cli_settings_layer(settings);
    if (row->has_seed) {
        snprintf(sitting->seed, sizeof sitting->seed, "%llu", (unsigned long long)row->seed);
        cli_settings_set(settings, cli_settings_find(settings, "seed"), sitting->seed, origin, line);
    }
    for (size_t i = 0; i < row->cell_count && !error->status; i++) {
        const struct ps_manifest_cell *cell = &row->cells[i];
        const struct cli_option *option =
            cell->kind == PS_COLUMN_SETTING ? cli_settings_find(settings, cell->key) : NULL;
        const char *text = cell->value;
        if (option && cli_is_path(option, text) && strcmp(option->name, "poster") != 0)
            text = place_setting(sitting, cell, error);
        if (option && text)
            cli_settings_set(settings, option, text, origin, line);
    }
}

/* Configuration, preset, environment, the row, the command line, each stronger than those before. */
static void settle(struct sitting *sitting, struct ps_error *error)
{
    struct cli_judge *judge = sitting->judge;
    struct ps_error cause = {0};
    const struct cli_layers *below =
        cli_bases_find(&judge->bases, judge->rows->shared, sitting->row->preset, &cause);
    if (!below) {
        /* Without a preset of its own it is the same in every row. */
        if (sitting->row->preset)
            complain(sitting, ps_manifest_column_of(judge->rows->manifest, "preset"), &cause, error);
        else
            *error = cause;
        sitting->faulty = true;
        return;
    }
    sitting->settings = below->settings;
    sitting->settings.kept = NULL; /* what was kept before stays with the layers below */
    lay_cells(sitting, error);
    cli_settings_lay(&sitting->settings, judge->rows->shared);
    if (cli_settings_check(&sitting->settings, &cli_render_command, &cause))
        complain(sitting, 0, &cause, error);
    const char *asked =
        cli_settings_of(judge->rows->shared, cli_settings_find(judge->rows->shared, "preset"))->text;
    sitting->preset =
        asked ? asked
        : sitting->row->preset
            ? sitting->row->preset
            : cli_settings_of(&sitting->settings, cli_settings_find(&sitting->settings, "preset"))->text;
}

/* ---- the render ---- */

/* Rows mostly differ by photo and seed alone, which no plan depends on. */
static void plan(struct sitting *sitting, struct ps_error *error)
{
    struct cli_judge *judge = sitting->judge;
    struct ps_error cause = {0};
    struct ps_render_params params = sitting->request.params;
    const struct cli_request *request = &sitting->request;
    const struct ps_takes takes = {.count = cli_takes_count(request), .until = request->draft};
    params.seed = 0;
    if (!judge->plan.phase_count || params.sigma_count || judge->candidates != request->candidates ||
        judge->draft != request->draft || memcmp(&params, &judge->planned, sizeof params) != 0) {
        judge->plan = (struct ps_plan){0};
        judge->planned = params;
        judge->candidates = request->candidates;
        judge->draft = request->draft;
        if (ps_render_takes_plan(&judge->plan, judge->rows->engine->model, &params, &takes, &cause))
            complain(sitting, 0, &cause, error);
    }
    judge->plan.resolved.seed = sitting->request.params.seed;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Logo and end card, once where many rows have the same. */
static void check_pictures(struct sitting *sitting, struct ps_error *error)
{
    struct cli_judge *judge = sitting->judge;
    struct cli_request *request = &sitting->request;
    struct cli_delivery pictures = {0};
    struct ps_error cause = {0};
    if (is_same(judge->logo, request->logo) && is_same(judge->end_card, request->end_card))
        return;
    if (cli_delivery_load(&pictures, request, &cause)) {
        complain(sitting, 0, &cause, error);
    } else {
        free(judge->logo);
        free(judge->end_card);
        judge->logo = request->logo ? strdup(request->logo) : NULL;
        judge->end_card = request->end_card ? strdup(request->end_card) : NULL;
    }
    cli_delivery_close(&pictures);
    request->save.finish.logo.picture = request->save.finish.end_card.picture = NULL;
}

/* ---- names ---- */

static const char *end_of(const struct cli_request *request)
{
    switch (request->save.codec) {
    case PS_CODEC_PRORES_422HQ:
    case PS_CODEC_PRORES_4444:
        return ".mov";
    case PS_CODEC_VP9:
        return ".webm";
    case PS_CODEC_GIF:
        return ".gif";
    case PS_CODEC_WEBP:
        return ".webp";
    case PS_CODEC_PNG:
        return "/";
    default:
        return ".mp4";
    }
}

/* The photo's name without folder and type. */
static const char *name_of(struct sitting *sitting)
{
    const char *photo = sitting->row->photo, *slash = strrchr(photo, '/');
    const char *name = slash ? slash + 1 : photo, *dot = strrchr(name, '.');
    const size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    snprintf(sitting->name, sizeof sitting->name, "%.*s", (int)length, name);
    return sitting->name;
}

static const char *whole(struct sitting *sitting, uint64_t value)
{
    snprintf(sitting->number, sizeof sitting->number, "%llu", (unsigned long long)value);
    return sitting->number;
}

/* The value of a template's token, or null. */
static const char *value_of(void *user, const char *token)
{
    struct sitting *sitting = user;
    const struct ps_render_params *params = &sitting->judge->plan.resolved;
    if (!strcmp(token, "name"))
        return name_of(sitting);
    if (!strcmp(token, "preset"))
        return sitting->preset;
    if (!strcmp(token, "seed"))
        return whole(sitting, params->seed);
    if (!strcmp(token, "w") || !strcmp(token, "width"))
        return whole(sitting, params->width);
    if (!strcmp(token, "h") || !strcmp(token, "height"))
        return whole(sitting, params->height);
    if (!strcmp(token, "frames"))
        return whole(sitting, params->frames);
    if (!strcmp(token, "fps"))
        return whole(sitting, params->fps);
    if (!strcmp(token, "row"))
        return whole(sitting, sitting->row->row);
    for (size_t i = 0; i < sitting->row->cell_count; i++)
        if (!strcmp(sitting->row->cells[i].key, token))
            return sitting->row->cells[i].value;
    return NULL;
}

/* Fills `relative`, the output seen from the folder of outputs. */
static void name_output(struct sitting *sitting, char relative[CLI_PATH_SIZE], struct ps_error *error)
{
    /* A sidecar's end, and the mark of a format. */
    enum { ENDS = sizeof ".json" + CLI_FORMAT_TEXT };
    struct cli_judge *judge = sitting->judge;
    struct ps_error cause = {0};
    struct ps_name name;
    if (sitting->row->output) {
        snprintf(relative, CLI_PATH_SIZE, "%s", sitting->row->output);
    } else if (ps_naming_make(judge->naming, &name, ENDS, value_of, sitting, &cause)) {
        complain(sitting, 0, &cause, error);
    } else {
        const bool complete = judge->rows->request->name && sitting->request.save.codec != PS_CODEC_PNG;
        if (name.replaced[0])
            cli_say(judge->rows->report, true, "%s:%llu: %s", judge->rows->manifest->name,
                    (unsigned long long)sitting->row->row, name.replaced);
        snprintf(relative, CLI_PATH_SIZE, "%s%s", name.text, complete ? "" : end_of(&sitting->request));
    }
}

/* Makes of the template that stands for it the path of the row's poster. */
static void name_poster(struct sitting *sitting, struct ps_error *error)
{
    /* The mark of a candidate's seed and that of a format. */
    enum { MARKS = 32 + CLI_FORMAT_TEXT };
    struct cli_judge *judge = sitting->judge;
    const char *template = sitting->request.poster;
    struct ps_naming *naming = NULL;
    struct ps_error cause = {0};
    struct ps_name name;
    char path[CLI_PATH_SIZE], mark[16] = "";
    if (!template)
        return;
    if (judge->version > 1)
        snprintf(mark, sizeof mark, "_v%d", judge->version);
    const struct ps_manifest *manifest = judge->rows->manifest;
    if (!ps_naming_new(&naming, template, &cause) &&
        !ps_naming_check(naming, manifest->columns, manifest->column_count, &cause) &&
        !ps_naming_make(naming, &name, MARKS, value_of, sitting, &cause) &&
        !cli_path_join(path, judge->rows->out, name.text))
        cli_fail(&cause, PS_ERR_INPUT, "output.bad-name", "the poster's path is too long");
    ps_naming_free(&naming);
    const struct cli_option *option = cli_settings_find(&sitting->settings, "poster");
    char *marked = cause.status ? NULL : cli_marked(path, mark);
    const char *kept = marked ? cli_settings_keep(&sitting->settings, marked) : NULL;
    free(marked);
    if (cause.status)
        complain(sitting, ps_manifest_column_of(manifest, "poster"), &cause, error);
    else if (!kept)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else
        cli_settings_set(&sitting->settings, option, kept, NULL, 0);
    sitting->request.poster = kept;
}

/* ---- outputs ---- */

static void take_up(struct sitting *sitting, const char *path, struct ps_error *error)
{
    uint64_t other = 0;
    if (!path || ps_outputs_add(sitting->judge->outputs, path, sitting->row->row, &other, error) || !other)
        return;
    struct ps_error cause = {0};
    cli_fail(&cause, PS_ERR_INPUT, "output.taken", "\"%.300s\" is an output of row %llu too", path,
             (unsigned long long)other);
    ps_hint(&cause, "name outputs by a column, or with --name, such as {name}_{row}.mp4");
    complain(sitting, ps_manifest_column_of(sitting->judge->rows->manifest, "output"), &cause, error);
}

/* Where the folder of an output is not there yet, a name in the one around it stands for it. */
static const char *stand_in(char to[CLI_PATH_SIZE], const char *output)
{
    char folder[CLI_PATH_SIZE], around[CLI_PATH_SIZE], name[CLI_PATH_SIZE];
    const size_t length = strlen(output);
    const bool is_folder = length && output[length - 1] == '/';
    snprintf(name, sizeof name, "%.*s", (int)(is_folder ? length - 1 : length), output);
    const char *slash = strrchr(name, '/');
    if (!slash || !cli_path_folder(folder, name) || !access(folder, F_OK) ||
        !cli_path_standing(around, folder) ||
        snprintf(to, CLI_PATH_SIZE, "%s/.packshot-%s%s", around, slash + 1, is_folder ? "/" : "") >=
            CLI_PATH_SIZE)
        return output;
    return to;
}

/* That clips of this shape can be saved so, leaving aside what is there already. Adds what they will take. */
static void plan_saves(struct sitting *sitting, struct cli_row *made, struct ps_error *error)
{
    struct cli_delivery delivery = {0};
    struct ps_error cause = {0};
    char substitute[CLI_PATH_SIZE], poster[CLI_PATH_SIZE];
    struct cli_request request = sitting->request;
    request.output = stand_in(substitute, sitting->output);
    request.poster = request.poster ? stand_in(poster, request.poster) : NULL;
    request.save.overwrite = true;
    if (cli_delivery_name(&delivery, &request, 1, false, &cause) ||
        cli_delivery_check(&delivery, &request, NULL, 0, &cause) ||
        cli_delivery_plan(&delivery, &request, &sitting->judge->plan.resolved, NULL, &cause))
        complain(sitting, 0, &cause, error);
    for (uint32_t i = 0; i < delivery.count && !cause.status; i++)
        made->bytes += sitting->takes.count * cli_estimate_bytes(&delivery.targets[i].plan, request.save.crf);
    cli_delivery_close(&delivery);
}

/* What the journal knows of an output. */
struct known {
    const char *key;
    bool found;
    enum ps_job_state state;
};

static bool on_known(void *user, const struct ps_journal_job *job)
{
    struct known *known = user;
    known->found = !strcmp(job->key, known->key);
    known->state = job->state;
    return !known->found;
}

/* A file that is where one beside the clip would go, or null. */
static const char *find_beside(const struct sitting *sitting)
{
    for (size_t i = 0; i < sitting->other_count; i++)
        if (sitting->others[i].path && !access(sitting->others[i].path, F_OK))
            return sitting->others[i].path;
    if (sitting->delivery.sheet && !access(sitting->delivery.sheet, F_OK))
        return sitting->delivery.sheet;
    if (sitting->delivery.page && !access(sitting->delivery.page, F_OK))
        return sitting->delivery.page;
    for (uint32_t i = 0; i < sitting->delivery.count; i++)
        if (sitting->delivery.targets[i].poster && !access(sitting->delivery.targets[i].poster, F_OK))
            return sitting->delivery.targets[i].poster;
    return NULL;
}

/* What is there already is recognised, passed over, to be replaced, or a problem. */
static void look(struct sitting *sitting, struct cli_row *made, struct ps_error *error)
{
    const struct cli_rows *rows = sitting->judge->rows;
    const struct cli_batch_request *request = rows->request;
    struct known known = {.key = made->key};
    const struct ps_job_filter filter = {.output = sitting->output};
    if (rows->journal && ps_journal_each(rows->journal, &filter, on_known, &known, error))
        return;
    const enum cli_found found = cli_find(&sitting->delivery, made->key);
    const bool replaces =
        cli_may_replace(found, sitting->request.save.overwrite, request->force, request->requeue);
    const bool under_way = known.found && known.state != PS_JOB_DONE;
    const char *in_the_way = found == CLI_FOUND_NOTHING && !known.found && !sitting->request.save.overwrite
                                 ? find_beside(sitting)
                                 : NULL;
    if (found != CLI_FOUND_WHOLE && found != CLI_FOUND_NOTHING && request->skip_existing) {
        made->ignored = strdup("its clip is there already");
        if (!made->ignored)
            cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    } else if ((!replaces || in_the_way) && !under_way) {
        struct ps_error cause = {0};
        cli_fail(&cause, PS_ERR_INPUT, "output.exists",
                 "\"%.300s\" is there already, and not from this row as it is now",
                 in_the_way ? in_the_way : sitting->output);
        ps_hint(&cause, "--skip-existing passes over it, --overwrite replaces it");
        complain(sitting, ps_manifest_column_of(rows->manifest, "output"), &cause, error);
    }
    made->anew = known.found && known.state == PS_JOB_DONE && found != CLI_FOUND_WHOLE;
}

/* ---- all of it ---- */

static json_t *list_clips(const struct sitting *sitting)
{
    json_t *clips = json_array();
    for (uint32_t i = 0; i < sitting->delivery.count; i++)
        json_array_append_new(clips, cli_json_text(sitting->delivery.targets[i].clip));
    return clips;
}

static void fill(struct sitting *sitting, struct cli_row *made, struct ps_error *error)
{
    struct cli_judge *judge = sitting->judge;
    made->row = sitting->row->row;
    made->priority = sitting->row->priority;
    made->photo = strdup(sitting->row->path);
    for (uint32_t i = 0; i < judge->plan.phase_count; i++)
        made->flops += judge->plan.phases[i].flops;
    if (!made->ignored) {
        made->output = strdup(sitting->output);
        made->clips = judge->rows->request->render.dry_run ? list_clips(sitting) : NULL;
        const struct cli_material material = {sitting->row->path, judge->rows->root,
                                              judge->rows->engine->model};
        made->settings = cli_snapshot_make(&sitting->settings, &material, error);
    }
    if (!made->photo || (!made->ignored && (!made->output || !made->settings)))
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

/* False where the row is another machine's. */
static bool name_and_share(struct sitting *sitting, struct ps_error *error)
{
    char relative[CLI_PATH_SIZE] = "";
    const struct cli_rows *rows = sitting->judge->rows;
    const struct cli_shard *shard = &rows->request->shard;
    struct ps_error cause = {0};
    name_output(sitting, relative, error);
    if (!sitting->faulty && !cli_path_join(sitting->output, rows->out, relative)) {
        cli_fail(&cause, PS_ERR_INPUT, "output.bad-name", "the output's path is too long");
        complain(sitting, 0, &cause, error);
    }
    sitting->request.output = sitting->output;
    return !shard->parts || ps_shard_has(relative, shard->part, shard->parts);
}

static void check_outputs(struct sitting *sitting, struct cli_row *made, struct ps_error *error)
{
    struct ps_error cause = {0};
    sitting->takes.request = &sitting->request;
    if (cli_takes_name(&sitting->takes, sitting->others, &sitting->other_count, &cause) ||
        cli_delivery_name(&sitting->delivery, &sitting->request, sitting->takes.count,
                          sitting->request.candidates > 0, &cause))
        complain(sitting, 0, &cause, error);
    for (uint32_t i = 0; i < sitting->delivery.count && !sitting->faulty && !error->status; i++) {
        take_up(sitting, sitting->delivery.targets[i].clip, error);
        if (!sitting->faulty)
            take_up(sitting, sitting->delivery.targets[i].sidecar, error);
        if (!sitting->faulty)
            take_up(sitting, sitting->delivery.targets[i].poster, error);
    }
    const char *const overview[] = {sitting->delivery.sheet, sitting->delivery.page};
    for (size_t i = 0; i < sizeof overview / sizeof *overview && !sitting->faulty && !error->status; i++)
        take_up(sitting, overview[i], error);
    for (size_t i = 0; i < sitting->other_count && !sitting->faulty && !error->status; i++)
        take_up(sitting, sitting->others[i].path, error);
    if (!sitting->faulty && !error->status)
        plan_saves(sitting, made, error);
}

static void judge_photo(struct sitting *sitting, struct cli_row *made, struct ps_error *error)
{
    struct cli_judge *judge = sitting->judge;
    struct ps_error cause = {0};
    settle(sitting, error);
    if (sitting->faulty || error->status)
        return;
    cli_settings_store(&sitting->settings, &sitting->request);
    sitting->request.photo = sitting->row->path;
    sitting->request.output = sitting->row->path; /* until it has one: a request without is incomplete */
    if (cli_request_resolve(&sitting->request, &cause))
        complain(sitting, 0, &cause, error);
    if (!sitting->faulty && !error->status)
        plan(sitting, error);
    if (sitting->faulty || error->status)
        return;
    check_pictures(sitting, error);
    const bool ours = name_and_share(sitting, error);
    if (!sitting->faulty && !error->status)
        name_poster(sitting, error);
    if (sitting->faulty || error->status)
        return;
    check_outputs(sitting, made, error);
    if (!sitting->faulty && !error->status && ours &&
        cli_snapshot_key(made->key, &sitting->settings, &judge->plan, judge->rows->engine->model,
                         sitting->row->fd, &cause))
        complain(sitting, 0, &cause, error);
    if (!sitting->faulty && !error->status && ours)
        look(sitting, made, error);
    if (!sitting->faulty && !error->status && ours)
        fill(sitting, made, error);
}

static void take_ignored(const struct ps_manifest_row *row, struct cli_row *made, struct ps_error *error)
{
    made->row = row->row;
    made->photo = strdup(row->path);
    made->ignored = strdup(row->ignored);
    if (!made->photo || !made->ignored)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

enum ps_status cli_judge_row(struct cli_judge *judge, const struct ps_manifest_row *row, struct cli_row *made,
                             struct ps_error *error)
{
    struct sitting *sitting = calloc(1, sizeof *sitting);
    *made = (struct cli_row){0};
    if (!sitting)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    sitting->judge = judge;
    sitting->row = row;
    cli_settings_begin(&sitting->settings, cli_request_options);
    if (row->ignored) {
        take_ignored(row, made, error);
    } else {
        ps_outputs_add_photo(judge->outputs, row->fd, row->row, error);
        judge_photo(sitting, made, error);
    }
    cli_takes_free(&sitting->takes);
    cli_delivery_close(&sitting->delivery);
    cli_request_free(&sitting->request);
    cli_settings_end(&sitting->settings);
    free(sitting);
    return error->status;
}

void cli_row_free(struct cli_row *row)
{
    free(row->photo);
    free(row->output);
    free(row->settings);
    free(row->ignored);
    json_decref(row->clips);
    *row = (struct cli_row){0};
}

void cli_judge_end(struct cli_judge *judge)
{
    cli_bases_free(&judge->bases);
    ps_naming_free(&judge->naming);
    ps_naming_free(&judge->poster);
    ps_outputs_free(&judge->outputs);
    free(judge->logo);
    free(judge->end_card);
}
