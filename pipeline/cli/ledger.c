#include "cli/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "cli/leftovers.h"
#include "cli/stop.h"

bool cli_ledger_place(char to[CLI_PATH_SIZE], const char *folder)
{
    return cli_path_join(to, folder, ".packshot/journal.sqlite");
}

enum ps_status cli_ledger_open(struct ps_journal **journal, char path[CLI_PATH_SIZE], const char *named,
                               bool read_only, struct ps_error *error)
{
    const struct ps_journal_params params = {.read_only = read_only};
    struct stat about;
    const bool is_folder = !stat(named, &about) && S_ISDIR(about.st_mode);
    if (!(is_folder ? cli_ledger_place(path, named) : cli_path_join(path, "", named)))
        return cli_fail(error, PS_ERR_INPUT, "journal.not-found", "%.300s: the path is too long", named);
    /* Opening would make it. */
    if (stat(path, &about)) {
        cli_fail(error, PS_ERR_INPUT, "journal.not-found", "%.300s: there is no journal", path);
        ps_hint(error, "name the journal, or the folder that a batch writes to");
        return error->status;
    }
    return ps_journal_open(journal, path, &params, error);
}

/* ---- running ---- */

static void tell_how_to_go_on(const struct cli_ledger_run *run, const struct ps_job_counts *counts,
                              struct ps_error *error)
{
    const uint64_t left = counts->of[PS_JOB_WAITING] + counts->of[PS_JOB_RUNNING];
    if (error->status == PS_ERR_CANCELLED && cli_stop_signal())
        snprintf(error->message, sizeof error->message, "stopped as asked; %llu of %llu jobs are left",
                 (unsigned long long)left, (unsigned long long)counts->total);
    if (left && error->hint[0])
        cli_say(run->report, true, "then packshot resume %s goes on", run->path);
    else if (left)
        ps_hint(error, "packshot resume %.200s goes on", run->path);
}

static enum ps_status judge(const struct cli_ledger_run *run, const struct ps_job_counts *counts,
                            struct ps_error *error)
{
    const uint64_t failed = counts->of[PS_JOB_FAILED];
    if (!failed)
        return PS_OK;
    cli_fail(error, CLI_SOME_FAILED, "batch.some-failed", "%llu of %llu jobs failed",
             (unsigned long long)failed, (unsigned long long)counts->total);
    ps_hint(error, "packshot retry %.200s has them tried again", run->path);
    return error->status;
}

static enum ps_status run_jobs(struct cli_runner *runner, const struct cli_ledger_run *run,
                               const struct ps_job_filter *filter, struct ps_error *error)
{
    struct ps_job_counts counts;
    struct ps_error later = {0};
    cli_runner_run(runner, error);
    if (cli_runner_summarise(runner, filter, &counts, error->status ? &later : error))
        return error->status;
    if (error->status)
        tell_how_to_go_on(run, &counts, error);
    return error->status ? error->status : judge(run, &counts, error);
}

double cli_ledger_backoff(float asked)
{
    return asked > 0 ? (double)asked : 10;
}

char *cli_ledger_settings(const char *out, const char *states)
{
    json_t *settings =
        json_pack("{s:o, s:o*}", "out", cli_json_text(out), "states", states ? json_string(states) : NULL);
    char *text = settings ? json_dumps(settings, JSON_COMPACT) : NULL;
    json_decref(settings);
    return text;
}

/* Where the clips and the states of the latest batch go; null where that is not known. */
struct places {
    json_t *settings;
    const char *out, *states;
};

static enum ps_status find_places(struct places *places, const struct cli_ledger_run *run,
                                  struct ps_error *error)
{
    struct ps_batch *batch = NULL;
    if (ps_journal_batch(run->journal, &batch, error))
        return error->status;
    places->settings = batch ? json_loads(batch->settings, 0, NULL) : NULL;
    places->out = run->out ? run->out : json_string_value(json_object_get(places->settings, "out"));
    places->states =
        run->states ? run->states : json_string_value(json_object_get(places->settings, "states"));
    ps_batch_free(&batch);
    return PS_OK;
}

static enum ps_status run_all(const struct cli_ledger_run *run, const struct places *places,
                              struct ps_error *error)
{
    const struct ps_job_filter filter = {.batch = run->claim.batch};
    struct cli_runner runner = {.journal = run->journal,
                                .claim = run->claim,
                                .engine = run->engine,
                                .report = run->report,
                                .out = places->out,
                                .waits = true,
                                .sole = run->sole};
    struct ps_job_counts counts;
    char folder[CLI_PATH_SIZE];
    uint64_t recovered;
    runner.claim.backoff = cli_ledger_backoff(run->retry_delay);
    runner.states = places->states ? places->states : cli_path_folder(folder, run->path) ? folder : ".";
    if (ps_journal_recover(run->journal, &recovered, error) ||
        ps_journal_counts(run->journal, &filter, &counts, error) ||
        cli_runner_announce(&runner, &filter, run->path, error))
        return error->status;
    if (!places->states)
        cli_states_sweep(run->journal, runner.states);
    ps_journal_log_sweep(run->journal, time(NULL));
    if (recovered)
        cli_say(run->report, true, "%llu jobs were left by a process that is gone",
                (unsigned long long)recovered);
    if (run->fail_if_empty && !counts.of[PS_JOB_WAITING])
        return cli_fail(error, CLI_NOTHING_TO_DO, "batch.empty", "there is nothing to do");
    return run_jobs(&runner, run, &filter, error);
}

enum ps_status cli_ledger_run(const struct cli_ledger_run *run, struct ps_error *error)
{
    struct places places = {0};
    if (!find_places(&places, run, error))
        run_all(run, &places, error);
    json_decref(places.settings);
    return error->status;
}

void cli_ledger_requeue(struct ps_error *error)
{
    if (error->status == PS_ERR_CANCELLED && cli_stop_signal())
        error->status = PS_ERR_TRY_AGAIN;
}
