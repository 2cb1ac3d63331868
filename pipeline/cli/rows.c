#include "cli/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/guess.h"
#include "cli/judge.h"
#include "cli/paths.h"
#include "cli/stop.h"
#include "cli/store.h"

/* ---- what columns are, and their values ---- */

/* Options that are about one clip as a row is, though no preset has them. */
static bool is_of_row(const char *name)
{
    static const char *const names[] = {"candidates", "draft", "poster"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static const struct cli_option *find_option(const char *name)
{
    for (const struct cli_option *option = cli_request_options; option->name; option++)
        if (!strcmp(option->name, name))
            return option;
    return NULL;
}

static const struct cli_option *find_setting(const char *name)
{
    const struct cli_option *option = find_option(name);
    const bool may = option && ((option->scope == CLI_ANYWHERE && !option->trusted) || is_of_row(name));
    return may ? option : NULL;
}

/* Names that a column may have. */
static const char *column_name(const void *from, size_t i)
{
    static const char *const own[] = {"photo",    "preset",     "seed",  "output",
                                      "priority", "candidates", "draft", "poster"};
    enum { OWN = sizeof own / sizeof *own };
    (void)from;
    if (i < OWN)
        return own[i];
    i -= OWN;
    for (const struct cli_option *option = cli_request_options; option->name; option++)
        if (option->scope == CLI_ANYWHERE && !i--)
            return option->name;
    return NULL;
}

static enum ps_column on_column(void *user, const char *name, const char **guess)
{
    const struct cli_judge *judge = user;
    if (find_setting(name))
        return PS_COLUMN_SETTING;
    if ((judge->naming && ps_naming_uses(judge->naming, name)) ||
        (judge->poster && ps_naming_uses(judge->poster, name)))
        return PS_COLUMN_LABEL;
    if (find_option(name))
        return PS_COLUMN_REFUSED;
    *guess = ps_guess(name, column_name, NULL);
    return PS_COLUMN_UNKNOWN;
}

static bool check_preset(struct cli_judge *judge, const char *name, char *problem, size_t size)
{
    struct ps_error cause = {0};
    if (cli_preset_is_file(name))
        snprintf(problem, size, "\"%.100s\" is not the name of a preset", name);
    else if (!cli_bases_find(&judge->bases, judge->rows->shared, name, &cause))
        snprintf(problem, size, "%s", cause.message);
    else
        return true;
    return false;
}

static bool on_check(void *user, const char *key, const char *value, char *problem, size_t size)
{
    char expected[256];
    if (!strcmp(key, "preset"))
        return check_preset(user, value, problem, size);
    const struct cli_option *option = find_setting(key);
    if (!option || cli_accepts(option, value))
        return true;
    cli_describe(expected, sizeof expected, option);
    snprintf(problem, size, "\"%.100s\" is not %s", value, expected);
    return false;
}

/* ---- reading ---- */

static enum ps_status find_root(struct cli_rows *rows, struct ps_error *error)
{
    const char *manifest = rows->request->manifest;
    char folder[CLI_PATH_SIZE], path[CLI_PATH_SIZE] = "";
    if (rows->request->root)
        cli_path_absolute(path, rows->request->root);
    else if (cli_path_resolve(folder, manifest, "."))
        snprintf(path, sizeof path, "%s", folder);
    else if (cli_path_folder(folder, manifest))
        cli_path_absolute(path, folder);
    rows->root = *path ? realpath(path, NULL) : NULL;
    return rows->root ? PS_OK
                      : cli_fail(error, PS_ERR_INPUT, "manifest.not-found", "%.300s: there is no such folder",
                                 *path ? path : manifest);
}

static enum ps_status keep(struct cli_rows *rows, size_t *capacity, const struct cli_row *row,
                           struct ps_error *error)
{
    if (rows->count == *capacity) {
        const size_t more = *capacity ? 2 * *capacity : 64;
        struct cli_row *list = realloc(rows->list, more * sizeof *list);
        if (!list)
            return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        rows->list = list;
        *capacity = more;
    }
    rows->list[rows->count++] = *row;
    return PS_OK;
}

static enum ps_status read_rows(struct cli_rows *rows, struct cli_judge *judge, struct ps_error *error)
{
    const struct ps_manifest_row *row;
    size_t capacity = 0;
    while (!ps_manifest_next(rows->manifest, &row, error) && row) {
        struct cli_row made;
        if (cli_stop_signal())
            return cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked; nothing was written");
        const uint64_t problems = rows->manifest->problem_count;
        if (cli_judge_row(judge, row, &made, error) || !made.photo || keep(rows, &capacity, &made, error)) {
            rows->elsewhere += !error->status && problems == rows->manifest->problem_count;
            cli_row_free(&made);
        }
        if (error->status)
            break;
    }
    return error->status;
}

static void on_clash(void *user, uint64_t row, uint64_t photo_row, const char *path)
{
    struct ps_manifest *manifest = user;
    ps_manifest_complain(manifest, row, ps_manifest_column_of(manifest, "output"), "output.is-input", NULL,
                         "\"%.300s\" is the photo of row %llu", path, (unsigned long long)photo_row);
}

/* ---- telling ---- */

static void tell_problem(struct cli_report *report, const char *name,
                         const struct ps_manifest_problem *problem)
{
    char place[64] = "";
    if (problem->row && problem->column)
        snprintf(place, sizeof place, ":%llu:%u", (unsigned long long)problem->row, problem->column);
    else if (problem->row)
        snprintf(place, sizeof place, ":%llu", (unsigned long long)problem->row);
    cli_say(report, true, "%s%s: %s%s%s", name, place, problem->message, *problem->hint ? "; " : "",
            problem->hint);
    cli_emit(report,
             json_pack("{s:s, s:s, s:o, s:I, s:i, s:o, s:o}", "event", "problem", "id", problem->id, "file",
                       cli_json_text(name), "row", (json_int_t)problem->row, "column", (int)problem->column,
                       "message", cli_json_text(problem->message), "hint", cli_json_text(problem->hint)));
}

static enum ps_status fail_problems(const struct cli_rows *rows, struct ps_error *error)
{
    const struct ps_manifest *manifest = rows->manifest;
    struct cli_report loud = *rows->report;
    if (!manifest->problem_count)
        return PS_OK;
    loud.quiet = false; /* problems are errors */
    for (uint64_t i = 0; i < manifest->problem_count && i < PS_MANIFEST_PROBLEMS; i++)
        tell_problem(&loud, manifest->name, &manifest->problems[i]);
    cli_fail(error, PS_ERR_INPUT, "manifest.problems", "%.300s: %llu problem%s; nothing was rendered",
             manifest->name, (unsigned long long)manifest->problem_count,
             manifest->problem_count == 1 ? "" : "s");
    return error->status;
}

enum ps_status cli_rows_read(struct cli_rows *rows, struct ps_error *error)
{
    struct cli_judge *judge = calloc(1, sizeof *judge);
    const char *template = rows->request->name ? rows->request->name : "{name}";
    if (!judge)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    judge->rows = rows;
    judge->outputs = ps_outputs_new();
    if (!judge->outputs)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!error->status && rows->request->poster)
        ps_naming_new(&judge->poster, rows->request->poster, error);
    if (!error->status && !find_root(rows, error) && !ps_naming_new(&judge->naming, template, error)) {
        const struct ps_manifest_params params = {
            .root = rows->root, .column = on_column, .check = on_check, .user = judge};
        if (!ps_manifest_open(&rows->manifest, rows->request->manifest, &params, error) &&
            !ps_naming_check(judge->naming, rows->manifest->columns, rows->manifest->column_count, error) &&
            (!judge->poster ||
             !ps_naming_check(judge->poster, rows->manifest->columns, rows->manifest->column_count, error)) &&
            !read_rows(rows, judge, error)) {
            ps_outputs_find_clashes(judge->outputs, on_clash, rows->manifest);
            fail_problems(rows, error);
        }
    }
    cli_judge_end(judge);
    free(judge);
    return error->status;
}

void cli_rows_free(struct cli_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        cli_row_free(&rows->list[i]);
    free(rows->list);
    free(rows->root);
    ps_manifest_close(&rows->manifest);
}
