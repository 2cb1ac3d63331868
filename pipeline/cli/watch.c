#include "cli/watch.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/intake.h"
#include "cli/leftovers.h"
#include "cli/ledger.h"
#include "cli/runner.h"
#include "cli/stop.h"

/* Seconds without work after which device and checkpoint are closed: while they are open nobody else has a turn at the GPU.
 * Opening them again takes a second or so. */
#define IDLE_SECONDS 10.0

/* Files that are tried in one go, taken or not, before signals and the folder are looked at again. */
enum { TRIES = 256 };

static const char *const examples[] = {
    "watch in --out clips --preset hero",
    "watch /srv/photos --out /srv/clips --model svd-xt --metrics packshot.prom",
    "watch in --out clips --hours 19:00-07:00",
    "watch in --out clips --once",
    "watch in --pause",
    NULL,
};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_watch_command = {
    .name = "watch",
    .summary = "a clip of each photo that is put into a folder",
    .operand = "DIR",
    .operand_offset = offsetof(struct cli_watch_request, folder),
    .examples = examples,
    .options = cli_watch_options,
    .notes =
        "A photo is taken when it was left alone for a while, nobody has it open for writing and it decodes. "
        "Then it\n"
        "moves to DIR/done/DATE, or to DIR/failed with a text file that says why; put back into DIR it is "
        "tried again.\n"
        "Folders in DIR keep their places in --out; a packshot.ini in one sets options for it, and one that "
        "is called\n"
        "like a preset has that. SIGHUP reads presets anew at once; Ctrl-C stops after the step at hand.",
    .run = run,
};

static atomic_bool asked_to_look; /* set by a signal, which comes to whichever thread */

static void on_hangup(int number)
{
    (void)number;
    asked_to_look = true;
}

/* SIGHUP asks a service to read its settings again. */
static void take_signals(bool quiet)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
    cli_stop_begin(quiet);
    action.sa_handler = on_hangup;
    sigaction(SIGHUP, &action, NULL);
}

/* ---- the command line ---- */

static enum ps_status place(struct cli_watch *watch, struct ps_error *error)
{
    const struct cli_watch_request *request = &watch->request;
    if (!request->batch.out)
        return cli_fail(error, PS_ERR_USAGE, "usage.option",
                        "watch needs --out DIR; see packshot help watch");
    if (!cli_path_absolute(watch->folder, request->folder) ||
        !cli_path_absolute(watch->out, request->batch.out) ||
        !(request->batch.journal ? cli_path_absolute(watch->journal_path, request->batch.journal)
                                 : cli_ledger_place(watch->journal_path, watch->out)))
        return cli_fail(error, PS_ERR_USAGE, "usage.value", "--out: \"%.300s\" is too long",
                        request->batch.out);
    return PS_OK;
}

static bool is_same_folder(const char *a, const char *b)
{
    struct stat one, other;
    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool is_within(const char *inner, const char *outer)
{
    char standing[CLI_PATH_SIZE];
    const size_t length = strlen(outer);
    if (!strncmp(inner, outer, length) && (!inner[length] || inner[length] == '/'))
        return true;
    return cli_path_standing(standing, inner) &&
           (is_same_folder(standing, outer) || cli_path_is_beneath(standing, outer));
}

/* Clips in the watched folder would be found as photos, or photos as clips. */
static enum ps_status keep_apart(const struct cli_watch *watch, struct ps_error *error)
{
    if (!is_within(watch->out, watch->folder) && !is_within(watch->folder, watch->out))
        return PS_OK;
    cli_fail(error, PS_ERR_USAGE, "watch.out-inside",
             "--out %.200s and the watched folder %.200s lie in each other", watch->out, watch->folder);
    ps_hint(error, "name two folders beside each other, such as in and clips");
    return error->status;
}

/* The preset of the command line is for photos whose folder has none. */
static void share(struct cli_watch *watch)
{
    cli_settings_share(&watch->shared, &watch->arguments);
    const struct cli_option *preset = cli_settings_find(&watch->shared, "preset");
    watch->preset = cli_settings_of(&watch->shared, preset)->text;
    cli_settings_set(&watch->shared, preset, NULL, NULL, 0);
}

/* ---- beginning ---- */

/* What would be wrong with every photo. */
static enum ps_status check_names(const struct cli_watch *watch, struct ps_error *error)
{
    struct ps_naming *naming = NULL;
    const char *template = watch->request.batch.name;
    if (template && !ps_naming_new(&naming, template, error))
        ps_naming_check(naming, NULL, 0, error);
    ps_naming_free(&naming);
    return error->status;
}

/* Opens what is not open: after the device was lost it is closed. */
static enum ps_status open_engine(struct cli_watch *watch, struct ps_error *error)
{
    struct cli_layers layers;
    struct cli_request request = {.photo = watch->folder, .output = watch->out};
    cli_layers_begin(&layers, &cli_render_command);
    if (!cli_layers_lay(&layers, &watch->shared, watch->preset, error)) {
        cli_settings_lay(&layers.settings, &watch->shared);
        cli_settings_store(&layers.settings, &request);
        if (!cli_request_resolve(&request, error) &&
            !cli_engine_open(&watch->engine, &request, &watch->report, error))
            cli_engine_identify(&watch->engine, true, error);
    }
    cli_request_free(&request);
    cli_layers_end(&layers);
    return error->status;
}

static enum ps_status open_journal(struct cli_watch *watch, struct ps_error *error)
{
    const struct ps_journal_params params = {0};
    char folder[CLI_PATH_SIZE];
    if (cli_path_make(watch->out, error) ||
        (cli_path_folder(folder, watch->journal_path) && cli_path_make(folder, error)))
        return error->status;
    if (ps_journal_open(&watch->journal, watch->journal_path, &params, error)) {
        if (!strcmp(error->id, "journal.network"))
            ps_hint(error, "name a file on a disk of this machine with --journal");
        return error->status;
    }
    if (cli_path_folder(folder, watch->journal_path))
        cli_states_sweep(watch->journal, folder);
    ps_journal_log_sweep(watch->journal, time(NULL));
    return ps_journal_counts(watch->journal, NULL, &watch->counts, error);
}

/* ---- the loop ---- */

static enum ps_status try_files(struct cli_watch *watch, struct cli_intake *intake, struct ps_error *error)
{
    const struct ps_inbox_file *file;
    for (int i = 0; i < TRIES && intake->count < CLI_INTAKE && !error->status && !cli_stop_signal(); i++) {
        if (!(file = ps_inbox_next(watch->inbox, ps_seconds())))
            break;
        cli_pulse_alive(watch->pulse);
        cli_intake_try(intake, file, error);
    }
    return error->status;
}

/* A folder that goes away meanwhile is waited for. */
static enum ps_status forgive(struct ps_error *error)
{
    if (!strcmp(error->id, "watch.no-folder"))
        *error = (struct ps_error){0};
    return error->status;
}

/* Takes what is complete and renders it. *worked where there was something. */
static enum ps_status work(struct cli_watch *watch, bool *worked, struct ps_error *error)
{
    struct cli_intake *intake;
    *worked = false;
    if (!cli_watch_may_work(watch) || !watch->is_up || (!watch->claims && !watch->leave) ||
        !ps_inbox_next(watch->inbox, ps_seconds()))
        return PS_OK;
    intake = calloc(1, sizeof *intake);
    if (!intake)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!cli_intake_begin(intake, watch, error)) {
        try_files(watch, intake, error);
        forgive(error);
        *worked = intake->count > 0;
        /* Photos that are taken and not rendered go back at the end. */
        if (intake->count && !open_engine(watch, error))
            cli_intake_run(intake, error);
    }
    cli_intake_end(intake);
    free(intake);
    if (!error->status)
        ps_journal_counts(watch->journal, NULL, &watch->counts, error);
    return error->status;
}

static enum ps_status look(struct cli_watch *watch, bool hinted, struct ps_error *error)
{
    const double now = ps_seconds();
    const bool settled = ps_inbox_wait(watch->inbox, now) == 0 && !ps_inbox_next(watch->inbox, now);
    const bool due = settled || now - watch->looked >= watch->poll;
    if (asked_to_look)
        cli_say(&watch->report, true, "reading presets and the folder anew");
    if (watch->looked > 0 && !hinted && !due && !asked_to_look)
        return PS_OK;
    asked_to_look = false;
    return cli_watch_look(watch, error);
}

/* Whether a call with --once has nothing more to wait for: a file that does not come to rest is left for the next. */
static bool is_over(const struct cli_watch *watch, double worked_at)
{
    const double patience = 4 * watch->quiet_time + 1;
    return ps_inbox_wait(watch->inbox, ps_seconds()) > watch->quiet_time ||
           !ps_inbox_is_settling(watch->inbox, ps_seconds(), patience) || ps_seconds() - worked_at > patience;
}

static enum ps_status loop(struct cli_watch *watch, struct ps_error *error)
{
    double worked_at = ps_seconds();
    bool hinted = false, worked = false;
    while (!cli_stop_signal() && !watch->report.broken) {
        cli_pulse_alive(watch->pulse);
        if (look(watch, hinted, error) || cli_watch_recover(watch, error) || work(watch, &worked, error))
            return error->status;
        cli_watch_write_metrics(watch, worked);
        if (worked) {
            worked_at = ps_seconds();
            /* A look at many files takes its time, so what is known comes first. */
            hinted = !ps_inbox_next(watch->inbox, ps_seconds());
            continue;
        }
        if (watch->engine.context && ps_seconds() - worked_at > IDLE_SECONDS)
            cli_engine_close(&watch->engine);
        if (watch->once && !watch->is_up)
            return cli_fail(error, PS_ERR_INPUT, "watch.no-folder", "%.300s: there is no such folder",
                            watch->folder);
        if (watch->once && (watch->rest != CLI_WATCH_ON || is_over(watch, worked_at)))
            return PS_OK;
        hinted =
            cli_watch_wait(watch) || (watch->once && ps_seconds() - watch->looked >= watch->quiet_time / 4);
    }
    return cli_stop_signal() ? cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked") : PS_OK;
}

/* ---- the end ---- */

static void summarise(struct cli_watch *watch)
{
    const struct cli_watch_tally *tally = &watch->tally;
    cli_emit(&watch->report,
             json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "event", "watch_end", "taken",
                       (json_int_t)tally->taken, "rendered", (json_int_t)tally->rendered, "recognised",
                       (json_int_t)tally->recognised, "duplicates", (json_int_t)tally->duplicates, "failed",
                       (json_int_t)tally->failed, "counts", cli_counts_event(&watch->counts)));
    cli_say(&watch->report, true,
            "%llu photos taken: %llu rendered, %llu recognised, %llu duplicates, %llu failed",
            (unsigned long long)tally->taken, (unsigned long long)tally->rendered,
            (unsigned long long)tally->recognised, (unsigned long long)tally->duplicates,
            (unsigned long long)tally->failed);
}

/* What a call with --once ends with where nothing else is wrong. */
static enum ps_status judge(const struct cli_watch *watch, struct ps_error *error)
{
    if (error->status || !watch->once)
        return error->status;
    if (watch->tally.failed)
        cli_fail(error, CLI_SOME_FAILED, "batch.some-failed",
                 "%llu of %llu photos failed; %.300s/" PS_WATCH_FAILED " says why",
                 (unsigned long long)watch->tally.failed, (unsigned long long)watch->tally.taken,
                 watch->folder);
    else if (watch->request.batch.fail_if_empty && !watch->tally.taken)
        cli_fail(error, CLI_NOTHING_TO_DO, "batch.empty", "there is nothing to do");
    return error->status;
}

static enum ps_status do_watch(struct cli_watch *watch, struct ps_error *error)
{
    if (watch->request.pause || watch->request.go_on)
        return cli_watch_set_pause(watch, watch->request.pause, error);
    watch->engine.notices.once = true;
    if (cli_watch_configure(watch, error) || place(watch, error) || keep_apart(watch, error) ||
        check_names(watch, error) || open_engine(watch, error) || open_journal(watch, error) ||
        cli_pulse_begin(&watch->pulse, error) || cli_watch_begin(watch, error))
        return error->status;
    cli_emit(&watch->report, json_pack("{s:s, s:o, s:o, s:o, s:f, s:f}", "event", "watch_begin", "folder",
                                       cli_json_text(watch->folder), "out", cli_json_text(watch->out),
                                       "journal", cli_json_text(watch->journal_path), "quiet_time",
                                       watch->quiet_time, "poll", watch->poll));
    cli_presence_begin(&watch->presence, watch->journal_path);
    cli_pulse_say(watch->pulse, "READY=1\nSTATUS=watching %.300s", watch->folder);
    loop(watch, error);
    cli_pulse_say(watch->pulse, "STOPPING=1");
    cli_watch_write_metrics(watch, true);
    summarise(watch);
    return judge(watch, error);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct cli_watch watch = {.presence = {.fd = -1}};
    if (cli_begin_settings(command, argc, argv, &watch.arguments, &watch.request, &watch.report, &error) &&
        !cli_settings_check_needs(&watch.arguments, command, &error)) {
        watch.report.quiet = watch.request.batch.render.quiet;
        watch.request.batch.manifest = watch.folder;
        watch.once = watch.request.once;
        watch.leave = watch.request.leave;
        share(&watch);
        cli_layers_warn(&watch.report, cli_request_options);
        take_signals(watch.report.quiet);
        do_watch(&watch, &error);
    }
    cli_presence_end(&watch.presence);
    cli_watch_end(&watch);
    cli_grounds_free(&watch.grounds);
    cli_pulse_end(&watch.pulse);
    ps_journal_close(&watch.journal);
    cli_engine_close(&watch.engine);
    cli_request_free(&watch.request.batch.render);
    cli_settings_end(&watch.arguments);
    return cli_finish(&watch.report, &error);
}
