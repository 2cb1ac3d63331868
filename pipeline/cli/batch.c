#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/place.h"
#include "cli/commands.h"
#include "cli/estimate.h"
#include "cli/layers.h"
#include "cli/ledger.h"
#include "cli/rows.h"
#include "cli/stop.h"
#include "cli/text.h"

static const char *const examples[] = {
    "batch shoes.csv --out clips",
    "batch shoes.csv --out clips --preset hero --name {sku}_{w}x{h}.mp4 --model svd-xt",
    "batch photos/ --out clips --dry-run",
    NULL,
};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_batch_command = {
    .name = "batch",
    .summary = "a clip of each photo in a list or a folder",
    .operand = "MANIFEST",
    .operand_offset = offsetof(struct cli_batch_request, manifest),
    .examples = examples,
    .options = cli_batch_options,
    .notes =
        "MANIFEST is a CSV file, JSON lines or a folder of photos. Its columns are photo, preset, seed, "
        "output,\n"
        "priority, candidates, draft, poster and the keys of presets; what the command line says wins over\n"
        "every row. Everything is checked before the first render, and all that is wrong is told at once.\n"
        "Ctrl-C stops after the step at hand; packshot resume DIR goes on. What is done is not done again.\n"
        "What may pass, such as short memory or a lost device, is tried three times; a folder that goes "
        "away\n"
        "is waited for. Each job has a log beside the journal, JOURNAL.logs/JOB.log.",
    .run = run,
};

/* What a batch holds on to until its end. */
struct work {
    struct cli_report report;
    struct cli_batch_request request;
    struct cli_settings arguments; /* the command line, by the rows of cli_batch_options */
    struct cli_settings shared;    /* what of it is about clips, by those of cli_request_options */
    char out[CLI_PATH_SIZE], journal_path[CLI_PATH_SIZE], states[CLI_PATH_SIZE];
    struct cli_engine engine;
    struct ps_journal *journal;
    struct cli_rows rows;
};

/* ---- the command line ---- */

static enum ps_status judge_request(struct work *work, struct ps_error *error)
{
    const struct cli_batch_request *request = &work->request;
    if (!request->out)
        return cli_fail(error, PS_ERR_USAGE, "usage.option",
                        "batch needs --out DIR; see packshot help batch");
    if (!cli_path_absolute(work->out, request->out) ||
        !(request->journal ? cli_path_absolute(work->journal_path, request->journal)
                           : cli_ledger_place(work->journal_path, work->out)))
        return cli_fail(error, PS_ERR_USAGE, "usage.value", "--out: \"%.300s\" is too long", request->out);
    if (request->states && !cli_path_absolute(work->states, request->states))
        return cli_fail(error, PS_ERR_USAGE, "usage.value", "--states: \"%.300s\" is too long",
                        request->states);
    return PS_OK;
}

/* ---- before any row ---- */

/* That the journal can be made beside the clips, rather than as many times as there are rows that they cannot. */
static enum ps_status check_out(const struct work *work, struct ps_error *error)
{
    char standing[CLI_PATH_SIZE], inside[CLI_PATH_SIZE];
    const char *name;
    int folder = -1;
    if (work->request.journal || !cli_path_standing(standing, work->out) ||
        !cli_path_join(inside, standing, ".packshot"))
        return PS_OK;
    if (!ps_place_open(&folder, &name, inside, error))
        ps_place_check_room(folder, work->out, error);
    if (folder >= 0)
        close(folder);
    return error->status;
}

/* Device and checkpoint are the same for every row: no row names another. */
static enum ps_status open_engine(struct work *work, struct ps_error *error)
{
    struct cli_layers layers;
    struct cli_request request = {.photo = work->request.manifest, .output = work->request.out};
    cli_layers_begin(&layers, &cli_render_command);
    if (!cli_layers_lay(&layers, &work->shared, NULL, error)) {
        cli_settings_lay(&layers.settings, &work->shared);
        cli_settings_store(&layers.settings, &request);
        if (!cli_request_resolve(&request, error) &&
            !cli_engine_open(&work->engine, &request, &work->report, error)) {
            cli_engine_warn(&work->engine, &work->shared, &work->report);
            cli_engine_identify(&work->engine, !work->request.render.dry_run, error);
        }
    }
    cli_request_free(&request);
    cli_layers_end(&layers);
    return error->status;
}

/* To look into, if there is one; a dry run makes none, and a batch not before it is known to be sound. */
static enum ps_status look_into_journal(struct work *work, struct ps_error *error)
{
    const struct ps_journal_params params = {.read_only = true};
    struct ps_error cause = {0};
    if (access(work->journal_path, F_OK))
        return PS_OK;
    /* One without a batch yet is what a kill at its making leaves. */
    if (ps_journal_open(&work->journal, work->journal_path, &params, &cause) &&
        strcmp(cause.id, "journal.not-found") != 0)
        *error = cause;
    return error->status;
}

static enum ps_status read_manifest(struct work *work, struct ps_error *error)
{
    work->rows = (struct cli_rows){.request = &work->request,
                                   .shared = &work->shared,
                                   .engine = &work->engine,
                                   .out = work->out,
                                   .report = &work->report};
    if (look_into_journal(work, error))
        return error->status;
    work->rows.journal = work->journal;
    cli_rows_read(&work->rows, error);
    work->rows.journal = NULL;
    ps_journal_close(&work->journal);
    return error->status;
}

/* ---- what it will take ---- */

struct cost {
    uint64_t jobs, flops, bytes;
};

static struct cost cost_of(const struct cli_rows *rows)
{
    struct cost cost = {0};
    for (size_t i = 0; i < rows->count; i++) {
        const struct cli_row *row = &rows->list[i];
        if (row->ignored)
            continue;
        cost.jobs++;
        cost.flops += row->flops;
        cost.bytes += row->bytes;
    }
    return cost;
}

static enum ps_status check_room(const struct work *work, const struct cost *cost, struct ps_error *error)
{
    char folder[CLI_PATH_SIZE], need[CLI_NUMBER_SIZE], has[CLI_NUMBER_SIZE];
    struct statvfs space;
    if (!cli_path_standing(folder, work->out) || statvfs(folder, &space) || !space.f_blocks)
        return PS_OK;
    const uint64_t room = (uint64_t)space.f_bavail * space.f_frsize;
    if (room >= cost->bytes)
        return PS_OK;
    cli_fail(error, PS_ERR_OUTPUT, "output.disk-full", "%.300s: the clips need about %s and %s are free",
             work->out, cli_bytes(need, cost->bytes), cli_bytes(has, room));
    ps_hint(error, "free some space, or write to another disk");
    return error->status;
}

static void tell_row(struct work *work, const struct cli_row *row, double rate)
{
    json_t *event = json_pack("{s:s, s:I, s:o, s:o}", "event", "job_plan", "row", (json_int_t)row->row,
                              "photo", cli_json_text(row->photo), "output",
                              row->output ? cli_json_text(row->output) : json_null());
    if (event && row->ignored) {
        json_object_set_new(event, "ignored", cli_json_text(row->ignored));
    } else if (event) {
        json_object_set_new(event, "bytes", json_integer((json_int_t)row->bytes));
        json_object_set_new(event, "seconds", rate > 0 ? json_real((double)row->flops / rate) : json_null());
    }
    if (event && row->clips)
        json_object_set(event, "clips", row->clips);
    cli_emit(&work->report, event);
    if (work->report.quiet)
        return;
    if (row->ignored)
        cli_print(&work->report, "%s: ignored: %s", row->photo, row->ignored);
    size_t i;
    json_t *clip;
    json_array_foreach(row->clips, i, clip) cli_print(&work->report, "%s", json_string_value(clip));
}

static void tell_plan(struct work *work, const struct cost *cost)
{
    char bytes[CLI_NUMBER_SIZE], seconds[CLI_NUMBER_SIZE];
    const double rate = cost->jobs
                            ? cli_estimate_rate(&work->engine, (enum ps_dtype)work->request.render.dtype,
                                                work->request.render.params.memory_bytes)
                            : 0;
    const double total = rate > 0 ? (double)cost->flops / rate : 0;
    for (size_t i = 0; i < work->rows.count; i++)
        tell_row(work, &work->rows.list[i], rate);
    cli_emit(&work->report,
             json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o}", "event", "batch_summary", "dry_run", 1, "rows",
                       (json_int_t)work->rows.count, "jobs", (json_int_t)cost->jobs, "other_shards",
                       (json_int_t)work->rows.elsewhere, "bytes", (json_int_t)cost->bytes, "seconds",
                       rate > 0 ? json_real(total) : json_null()));
    cli_say(&work->report, true, "%llu clips, about %s%s%s", (unsigned long long)cost->jobs,
            cli_bytes(bytes, cost->bytes),
            rate > 0 ? " and, at the pace of a small forward measured now, " : "",
            rate > 0 ? cli_duration(seconds, total) : "");
}

/* ---- into the journal ---- */

static enum ps_status open_journal(struct work *work, struct ps_error *error)
{
    const struct ps_journal_params params = {0};
    char folder[CLI_PATH_SIZE];
    if (cli_path_make(work->out, error) ||
        (cli_path_folder(folder, work->journal_path) && cli_path_make(folder, error)) ||
        (work->request.states && cli_path_make(work->states, error)))
        return error->status;
    return ps_journal_open(&work->journal, work->journal_path, &params, error);
}

static enum ps_status add_row(struct work *work, const struct cli_row *row, struct ps_error *error)
{
    enum ps_added added;
    const struct ps_new_job job = {.row = row->row,
                                   .photo = row->photo,
                                   .output = row->ignored ? NULL : row->output,
                                   .settings = row->ignored ? "{}" : row->settings,
                                   .key = row->ignored ? NULL : row->key,
                                   .priority = row->priority,
                                   .force = !row->ignored && (work->request.force || row->anew),
                                   .ignored = row->ignored};
    if (ps_journal_add(work->journal, &job, &added, error))
        return error->status;
    if (added == PS_ADDED_BUSY)
        cli_say(&work->report, true, "%s: is being made by another process", row->output);
    return PS_OK;
}

static enum ps_status add_rows(struct work *work, int64_t *id, struct ps_error *error)
{
    char manifest[CLI_PATH_SIZE];
    if (!cli_path_absolute(manifest, work->request.manifest))
        return cli_fail(error, PS_ERR_INPUT, "manifest.not-found", "the manifest's path is too long");
    char *settings = cli_ledger_settings(work->out, work->request.states ? work->states : NULL);
    const struct ps_batch batch = {.manifest = manifest,
                                   .sha256 = work->rows.manifest->sha256,
                                   .settings = settings ? settings : "{}",
                                   .version = ps_version()};
    ps_journal_begin(work->journal, &batch, id, error);
    free(settings);
    if (error->status)
        return error->status;
    for (size_t i = 0; i < work->rows.count && !error->status; i++)
        add_row(work, &work->rows.list[i], error);
    if (error->status) {
        ps_journal_rollback(work->journal);
        return error->status;
    }
    return ps_journal_commit(work->journal, error);
}

static enum ps_status retry_failed(struct work *work, int64_t id, struct ps_error *error)
{
    const struct ps_job_filter filter = {.batch = id, .states = 1u << PS_JOB_FAILED};
    uint64_t count;
    return work->request.retry_failed ? ps_journal_retry(work->journal, &filter, &count, error) : PS_OK;
}

static enum ps_status render(struct work *work, struct ps_error *error)
{
    struct cli_ledger_run ledger = {.path = work->journal_path,
                                    .engine = &work->engine,
                                    .report = &work->report,
                                    .retry_delay = work->request.retry_delay,
                                    .out = work->out,
                                    .states = work->request.states ? work->states : NULL,
                                    .fail_if_empty = work->request.fail_if_empty,
                                    .sole = work->request.requeue};
    if (open_journal(work, error) || add_rows(work, &ledger.claim.batch, error) ||
        retry_failed(work, ledger.claim.batch, error))
        return error->status;
    cli_rows_free(&work->rows);
    work->rows = (struct cli_rows){0};
    ledger.journal = work->journal;
    return cli_ledger_run(&ledger, error);
}

static enum ps_status do_batch(struct work *work, struct ps_error *error)
{
    work->engine.notices.once = true;
    if (judge_request(work, error) || check_out(work, error) || open_engine(work, error) ||
        read_manifest(work, error))
        return error->status;
    const struct cost cost = cost_of(&work->rows);
    if (work->rows.elsewhere)
        cli_say(&work->report, true, "%zu rows are of other shards", work->rows.elsewhere);
    if (!work->rows.count)
        cli_say(&work->report, true, "%s has no rows to do", work->request.manifest);
    if (check_room(work, &cost, error))
        return error->status;
    if (!work->request.render.dry_run)
        return render(work, error);
    tell_plan(work, &cost);
    return work->request.fail_if_empty && !cost.jobs
               ? cli_fail(error, CLI_NOTHING_TO_DO, "batch.empty", "there is nothing to do")
               : PS_OK;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct work work = {0};
    if (cli_begin_settings(command, argc, argv, &work.arguments, &work.request, &work.report, &error)) {
        work.report.quiet = work.request.render.quiet;
        cli_settings_share(&work.shared, &work.arguments);
        cli_layers_warn(&work.report, cli_request_options);
        cli_stop_begin(work.report.quiet);
        do_batch(&work, &error);
        if (work.request.requeue)
            cli_ledger_requeue(&error);
    }
    cli_rows_free(&work.rows);
    ps_journal_close(&work.journal);
    cli_engine_close(&work.engine);
    cli_request_free(&work.request.render);
    cli_settings_end(&work.arguments);
    return cli_finish(&work.report, &error);
}
