#include "cli/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/ledger.h"
#include "jobs/writer.h"

enum { VERSIONS = 99 }; /* of clips that would have the same name */

enum ps_status cli_intake_begin(struct cli_intake *intake, struct cli_watch *watch, struct ps_error *error)
{
    *intake = (struct cli_intake){.watch = watch};
    intake->rows = (struct cli_rows){.request = &watch->request.batch,
                                     .shared = &watch->shared,
                                     .engine = &watch->engine,
                                     .journal = watch->journal,
                                     .report = &watch->report,
                                     .root = watch->folder};
    intake->judge = (struct cli_judge){.rows = &intake->rows, .outputs = ps_outputs_new()};
    intake->clients = (struct cli_clients){.root = watch->folder,
                                           .preset = watch->preset,
                                           .shared = &watch->shared,
                                           .bases = &intake->judge.bases};
    if (!intake->judge.outputs)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    return PS_OK;
}

/* "client/a" for "client/a/shoe.png". */
static void folder_of(char to[CLI_PATH_SIZE], const char *photo)
{
    const char *slash = strrchr(photo, '/');
    snprintf(to, CLI_PATH_SIZE, "%.*s", slash ? (int)(slash - photo) : 0, photo);
}

static const char *name_of(const char *photo)
{
    const char *slash = strrchr(photo, '/');
    return slash ? slash + 1 : photo;
}

/* Names the photo in a message as people know it: what has `path` in it, or where that was before, gets `photo`. */
static void call_by_name(char *to, size_t size, const char *message, const char *path, const char *photo)
{
    char *origin = ps_claims_origin(path);
    const char *found = origin && !strstr(message, path) ? origin : path, *at = strstr(message, found);
    if (at)
        snprintf(to, size, "%.*s%s%s", (int)(at - message), message, photo, at + strlen(found));
    else
        snprintf(to, size, "%s", message);
    free(origin);
}

/* ---- is it complete? ---- */

/* Holds a file back and says why, unless that was said when it was held back before. */
static void hold(struct cli_intake *intake, const struct ps_inbox_file *file, enum ps_inbox_state state,
                 const char *words)
{
    struct cli_watch *watch = intake->watch;
    if (file->state != state)
        cli_watch_tell(watch, file->path, state == PS_INBOX_HELD ? "held" : "incomplete", words, NULL);
    ps_inbox_put(watch->inbox, file, state, ps_seconds());
}

/* Whether a file begins with nothing at all, as one does whose place was made before its bytes came. */
static bool is_hollow(int fd)
{
    char head[16] = "";
    static const char zeros[sizeof head];
    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && !memcmp(head, zeros, sizeof head);
}

/* Whether a photo that cannot be decoded may only lack the rest of it. What is wrong in another way is a job that fails. */
static bool may_grow(const struct ps_error *cause, int fd)
{
    static const char *const ids[] = {"image.truncated", "image.damaged", "image.empty", "image.changing"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (!strcmp(cause->id, ids[i]))
            return true;
    return !strcmp(cause->id, "image.unknown-type") && is_hollow(fd);
}

static uint32_t shorter_side(const struct ps_photo *photo)
{
    const uint32_t width = ps_photo_width(photo), height = ps_photo_height(photo);
    return width < height ? width : height;
}

static bool decodes(struct cli_intake *intake, const struct ps_inbox_file *file, const char *path, int fd)
{
    char words[sizeof((struct ps_error *)0)->message + 64], since[32];
    struct ps_photo *photo = NULL;
    struct ps_error cause = {0};
    struct ps_photo_params params = {0};
    struct tm then;
    const time_t seen = time(NULL) - (time_t)(ps_seconds() - file->seen);
    params.sandbox = (enum ps_sandbox)intake->watch->request.batch.render.sandbox;
    ps_photo_load(&photo, path, &params, &cause);
    intake->side = cause.status ? 0 : shorter_side(photo);
    ps_photo_free(&photo);
    if (!cause.status || !may_grow(&cause, fd))
        return true;
    if (!localtime_r(&seen, &then) || !strftime(since, sizeof since, "%H:%M", &then))
        since[0] = '\0';
    const int used = snprintf(words, sizeof words, "since %s: ", since);
    call_by_name(words + used, sizeof words - (size_t)used, cause.message, path, file->path);
    hold(intake, file, PS_INBOX_INCOMPLETE, words);
    return false;
}

/* Whether the file can be taken now; else it has been put into its state. */
static bool is_complete(struct cli_intake *intake, const struct ps_inbox_file *file)
{
    struct cli_watch *watch = intake->watch;
    char path[CLI_PATH_SIZE], words[128];
    bool complete = false;
    intake->side = 0;
    if (!cli_path_join(path, watch->folder, file->path))
        return false;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(words, sizeof words, "cannot be read: %s", strerror(errno));
        hold(intake, file, PS_INBOX_HELD, words);
        return false;
    }
    if (ps_inbox_is_overdue(watch->inbox, file, ps_seconds()))
        complete = true;
    else if (!watch->remote && ps_has_writer(fd))
        ps_inbox_put(watch->inbox, file, PS_INBOX_SETTLING, ps_seconds());
    else
        complete = decodes(intake, file, path, fd);
    close(fd);
    return complete;
}

/* ---- taking ---- */

static void tell_client(struct cli_watch *watch, const char *folder, const char *state, const char *words)
{
    const char *name = *folder ? folder : ".";
    cli_emit(&watch->report, json_pack("{s:s, s:o, s:s, s:o}", "event", "watch_client", "folder",
                                       cli_json_text(name), "state", state, "message", cli_json_text(words)));
    cli_say(&watch->report, true, "%s: %s: %s", name, state, words);
}

/* What is wrong with a folder's settings is said once for all its photos. */
static bool is_usable(struct cli_intake *intake, const struct ps_inbox_file *file, struct ps_error *error)
{
    struct cli_watch *watch = intake->watch;
    char folder[CLI_PATH_SIZE];
    folder_of(folder, file->path);
    const struct cli_client *client = cli_clients_find(&intake->clients, folder);
    if (!client) {
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return false;
    }
    char words[sizeof client->error.message] = "";
    if (client->error.status)
        snprintf(words, sizeof words, "%s", client->error.message);
    else if (!cli_hours_have(&client->hours, time(NULL)))
        cli_hours_say(words, sizeof words, &client->hours);
    if (cli_watch_is_news(watch, folder, words))
        tell_client(watch, folder, *words ? "paused" : "resumed", *words ? words : "goes on");
    return !*words;
}

static enum ps_status take(struct cli_intake *intake, const struct ps_inbox_file *file,
                           struct ps_error *error)
{
    struct cli_watch *watch = intake->watch;
    struct cli_taken *taken = &intake->list[intake->count];
    char path[CLI_PATH_SIZE];
    *taken = (struct cli_taken){.photo = strdup(file->path), .side = intake->side};
    if (watch->leave)
        taken->path = cli_path_join(path, watch->folder, file->path) ? strdup(path) : NULL;
    else if (taken->photo)
        ps_claims_take(watch->claims, taken->photo, &file->mark, &taken->path, error);
    if (watch->leave)
        ps_inbox_put(watch->inbox, file, PS_INBOX_KEPT, ps_seconds());
    else
        ps_inbox_take(watch->inbox, file);
    /* Null without an error: another watcher has it. */
    if (taken->photo && taken->path) {
        intake->count++;
        watch->tally.taken++;
    } else {
        free(taken->photo);
    }
    return error->status;
}

enum ps_status cli_intake_try(struct cli_intake *intake, const struct ps_inbox_file *file,
                              struct ps_error *error)
{
    if (!is_usable(intake, file, error))
        ps_inbox_put(intake->watch->inbox, file, PS_INBOX_HELD, ps_seconds());
    else if (is_complete(intake, file))
        take(intake, file, error);
    return error->status;
}

/* ---- filing ---- */

static void tell_filed(struct cli_intake *intake, const struct cli_taken *taken, const char *to,
                       const struct ps_error *cause)
{
    if (cause->status)
        cli_say(&intake->watch->report, true, "%s: stays where it is: %s", taken->photo, cause->message);
    else
        cli_emit(&intake->watch->report, json_pack("{s:s, s:o, s:s}", "event", "watch_filed", "photo",
                                                   cli_json_text(taken->photo), "to", to));
}

/* To a folder of the watched one; a photo that cannot be moved is found again later, and then known. */
static void file_away(struct cli_intake *intake, struct cli_taken *taken, const char *to, const char *note)
{
    struct ps_error cause = {0};
    taken->ended = true;
    if (intake->watch->leave)
        return;
    ps_claims_file(intake->watch->claims, taken->photo, to, note, &cause);
    tell_filed(intake, taken, to, &cause);
}

static void file_done(struct cli_intake *intake, struct cli_taken *taken, const char *note)
{
    char to[64] = PS_WATCH_DONE;
    const time_t now = time(NULL);
    const struct tm *today = localtime(&now);
    if (today)
        strftime(to, sizeof to, PS_WATCH_DONE "/%Y-%m-%d", today);
    file_away(intake, taken, to, note);
}

static void file_failed(struct cli_intake *intake, struct cli_taken *taken, const char *id,
                        const char *message, const char *hint)
{
    char note[2400], problem[1024], when[32] = "";
    const time_t now = time(NULL);
    const struct tm *local = localtime(&now);
    if (local)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", local);
    call_by_name(problem, sizeof problem, message, taken->path, taken->photo);
    snprintf(note, sizeof note,
             "photo: %s\nwhen: %s\nproblem: %s\nname of the problem: %s\n%s%s%s"
             "To have it tried again, move the photo back to where it was.\n",
             taken->photo, when, problem, id, *hint ? "what to do: " : "", hint, *hint ? "\n" : "");
    intake->watch->tally.failed++;
    file_away(intake, taken, PS_WATCH_FAILED, note);
}

/* Unfinished: as if it had just come. */
static void put_back(struct cli_intake *intake, struct cli_taken *taken)
{
    struct cli_watch *watch = intake->watch;
    struct ps_error cause = {0};
    const struct ps_inbox_file file = {.path = taken->photo};
    taken->ended = true;
    if (watch->leave)
        ps_inbox_put(watch->inbox, &file, PS_INBOX_SETTLING, ps_seconds());
    else if (ps_claims_put_back(watch->claims, taken->photo, &cause))
        tell_filed(intake, taken, "", &cause);
}

/* ---- judging ---- */

/* The template of a clip's nth name: "_v2" goes before its ending. */
static struct ps_naming *naming_of(const char *template, int version, struct ps_error *error)
{
    char text[PS_TEMPLATE_BYTES + 16];
    struct ps_naming *naming = NULL;
    const char *brace = strrchr(template, '}'), *dot = strrchr(template, '.');
    const int stem =
        (int)(dot && dot > template && (!brace || dot > brace) ? (size_t)(dot - template) : strlen(template));
    if (version == 1)
        snprintf(text, sizeof text, "%s", template);
    else
        snprintf(text, sizeof text, "%.*s_v%d%s", stem, template, version, template + stem);
    ps_naming_new(&naming, text, error);
    return naming;
}

/* Judges the photo under one name for its clip. *again where only that is taken. */
static enum ps_status judge_once(struct cli_intake *intake, struct cli_taken *taken, int version, bool *again,
                                 struct ps_error *error)
{
    const char *template = intake->rows.request->name ? intake->rows.request->name : "{name}";
    char folder[CLI_PATH_SIZE], out[CLI_PATH_SIZE];
    folder_of(folder, taken->photo);
    const struct cli_client *client = cli_clients_find(&intake->clients, folder);
    ps_naming_free(&intake->judge.naming);
    intake->judge.naming = naming_of(template, version, error);
    intake->judge.version = version;
    struct ps_manifest_row row = {
        .row = ++intake->number, .photo = name_of(taken->photo), .path = taken->path};
    if (error->status || !client || !cli_path_join(out, intake->watch->out, folder))
        return error->status ? error->status : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    row.preset = client->preset;
    row.cells = client->cells;
    row.cell_count = client->cell_count;
    row.fd = open(taken->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    intake->rows.out = *folder ? out : intake->watch->out;
    const uint64_t before = intake->rows.manifest->problem_count;
    if (row.fd < 0)
        ps_manifest_complain(intake->rows.manifest, row.row, 0, "photo.unreadable", NULL,
                             "cannot be read: %s", strerror(errno));
    else
        cli_judge_row(&intake->judge, &row, &taken->row, error);
    if (row.fd >= 0)
        close(row.fd);
    const uint64_t after = intake->rows.manifest->problem_count;
    taken->judged = after == before && !error->status;
    *again = after > before;
    for (uint64_t i = before; i < after; i++) {
        const char *id = intake->rows.manifest->problems[i].id;
        *again = *again && (!strcmp(id, "output.exists") || !strcmp(id, "output.taken"));
    }
    if (!taken->judged)
        cli_row_free(&taken->row);
    return error->status;
}

/* Whether the photo is as large as its folder wants it; else it has failed. */
static bool is_large_enough(struct cli_intake *intake, struct cli_taken *taken, struct ps_error *error)
{
    static const char id[] = "photo.too-small";
    char folder[CLI_PATH_SIZE], words[160];
    folder_of(folder, taken->photo);
    const struct cli_client *client = cli_clients_find(&intake->clients, folder);
    if (!client) {
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return false;
    }
    const uint32_t least = client->min_size ? client->min_size : intake->watch->request.min_size;
    /* Of one that was taken without being decoded nothing is known; the render says what is wrong with it. */
    if (!taken->side || taken->side >= least)
        return true;
    snprintf(words, sizeof words, "its shorter side has %u pixels, and photos here have %u at least",
             taken->side, least);
    cli_watch_tell(intake->watch, taken->photo, "failed", words, id);
    file_failed(intake, taken, id, words, "put a larger photo in its place, or change min-size");
    return false;
}

/* A photo that is judged by itself is the one row of a manifest that is a folder. */
static enum ps_status judge(struct cli_intake *intake, struct cli_taken *taken, struct ps_error *error)
{
    const struct ps_manifest_params params = {0};
    bool again = true;
    if (!is_large_enough(intake, taken, error))
        return error->status;
    if (ps_manifest_open(&intake->rows.manifest, intake->watch->out, &params, error))
        return error->status;
    for (int version = 1; again && version <= VERSIONS && !error->status; version++)
        judge_once(intake, taken, version, &again, error);
    const struct ps_manifest *manifest = intake->rows.manifest;
    if (!taken->judged && !error->status) {
        const struct ps_manifest_problem *last = &manifest->problems[manifest->problem_count - 1];
        cli_watch_tell(intake->watch, taken->photo, "failed", last->message, last->id);
        file_failed(intake, taken, last->id, last->message, last->hint);
    }
    ps_manifest_close(&intake->rows.manifest);
    return error->status;
}

/* ---- into the journal ---- */

struct known {
    enum ps_job_state state;
    char reason[512];
};

static bool on_known(void *user, const struct ps_journal_job *job)
{
    struct known *known = user;
    known->state = job->state;
    snprintf(known->reason, sizeof known->reason, "%s", job->reason);
    return false;
}

static enum ps_status add(struct cli_intake *intake, struct cli_taken *taken, enum ps_added *added,
                          struct ps_error *error)
{
    const struct cli_row *row = &taken->row;
    const struct ps_new_job job = {.row = row->row,
                                   .photo = row->photo,
                                   .output = row->output,
                                   .settings = row->settings,
                                   .key = row->key,
                                   .force = row->anew};
    return ps_journal_add(intake->watch->journal, &job, added, error);
}

/* All of one transaction; `added` says of each how. */
static enum ps_status add_all(struct cli_intake *intake, enum ps_added added[CLI_INTAKE], int64_t *batch,
                              struct ps_error *error)
{
    struct cli_watch *watch = intake->watch;
    const struct ps_batch about = {
        .manifest = watch->folder, .sha256 = "", .settings = "{}", .version = ps_version()};
    if (ps_journal_begin(watch->journal, &about, batch, error))
        return error->status;
    for (size_t i = 0; i < intake->count && !error->status; i++)
        if (intake->list[i].judged)
            add(intake, &intake->list[i], &added[i], error);
    if (!error->status)
        return ps_journal_commit(watch->journal, error);
    ps_journal_rollback(watch->journal);
    return error->status;
}

/* A photo whose job was there: done it is done again by looking; failed it is tried again, since somebody has put it back. */
static enum ps_status meet_again(struct cli_intake *intake, struct cli_taken *taken, enum ps_added added,
                                 struct ps_error *error)
{
    struct cli_watch *watch = intake->watch;
    struct known known = {0};
    char note[768];
    uint64_t count;
    const struct ps_job_filter filter = {.output = taken->row.output};
    const struct ps_job_filter over = {.output = taken->row.output,
                                       .states = 1u << PS_JOB_FAILED | 1u << PS_JOB_IGNORED};
    if (ps_journal_each(watch->journal, &filter, on_known, &known, error))
        return error->status;
    if (added == PS_ADDED_DUPLICATE) {
        snprintf(note, sizeof note, "nothing was rendered: %s\n", known.reason);
        watch->tally.duplicates++;
        cli_watch_tell(watch, taken->photo, "duplicate", known.reason, NULL);
        file_done(intake, taken, note);
    } else if (known.state == PS_JOB_DONE) {
        watch->tally.recognised++;
        snprintf(note, sizeof note, "was rendered before: %.500s", taken->row.output);
        cli_watch_tell(watch, taken->photo, "known", note, NULL);
        file_done(intake, taken, NULL);
    } else {
        return ps_journal_retry(watch->journal, &over, &count, error);
    }
    return PS_OK;
}

/* Jobs of a watcher that is gone come first: they are these photos', which lie elsewhere since. */
static enum ps_status enter(struct cli_intake *intake, int64_t *batch, struct ps_error *error)
{
    enum ps_added added[CLI_INTAKE] = {PS_ADDED_NEW};
    uint64_t recovered;
    if (ps_journal_recover(intake->watch->journal, &recovered, error) || add_all(intake, added, batch, error))
        return error->status;
    for (size_t i = 0; i < intake->count && !error->status; i++) {
        struct cli_taken *taken = &intake->list[i];
        if (!taken->judged)
            continue;
        if (added[i] == PS_ADDED_BUSY)
            put_back(intake, taken);
        else if (added[i] == PS_ADDED_KNOWN || added[i] == PS_ADDED_DUPLICATE)
            meet_again(intake, taken, added[i], error);
    }
    return error->status;
}

/* ---- rendering ---- */

static struct cli_taken *find(struct cli_intake *intake, const char *path)
{
    for (size_t i = 0; i < intake->count; i++)
        if (!strcmp(intake->list[i].path, path))
            return &intake->list[i];
    return NULL;
}

static void on_ended(void *user, const struct cli_task *task)
{
    struct cli_intake *intake = user;
    struct cli_watch_tally *tally = &intake->watch->tally;
    struct cli_taken *taken = find(intake, task->record->photo);
    if (!taken || taken->ended)
        return;
    tally->render_seconds += task->render_seconds;
    switch (task->outcome) {
    case CLI_TASK_DONE:
    case CLI_TASK_RECOGNISED:
        *(task->outcome == CLI_TASK_DONE ? &tally->rendered : &tally->recognised) += 1;
        file_done(intake, taken, NULL);
        break;
    case CLI_TASK_FAILED:
    case CLI_TASK_IGNORED:
        file_failed(intake, taken, task->error.id, task->error.message, task->error.hint);
        break;
    case CLI_TASK_AGAIN:
    case CLI_TASK_RELEASED:
    case CLI_TASK_OPEN:
        break;
    }
}

/* Between launches: files settle meanwhile, so that they need not be waited for later. The journal is another thread's now,
 * and no photo is decoded. */
static bool on_alive(void *user)
{
    struct cli_intake *intake = user;
    struct cli_watch *watch = intake->watch;
    struct ps_error cause = {0};
    cli_pulse_alive(watch->pulse);
    if (ps_seconds() - watch->looked >= watch->poll)
        cli_watch_look(watch, &cause);
    cli_watch_write_metrics(watch, false);
    return cli_watch_goes_on(watch);
}

enum ps_status cli_intake_run(struct cli_intake *intake, struct ps_error *error)
{
    struct cli_watch *watch = intake->watch;
    char states[CLI_PATH_SIZE];
    struct cli_runner runner = {.journal = watch->journal,
                                .engine = &watch->engine,
                                .report = &watch->report,
                                .states = cli_path_folder(states, watch->journal_path) ? states : ".",
                                .claim = {.backoff = cli_ledger_backoff(watch->request.batch.retry_delay)},
                                .out = watch->out,
                                .alive = on_alive,
                                .ended = on_ended,
                                .user = intake};
    for (size_t i = 0; i < intake->count && !error->status; i++)
        judge(intake, &intake->list[i], error);
    if (!error->status && !enter(intake, &runner.claim.batch, error))
        cli_runner_run(&runner, error);
    for (size_t i = 0; i < intake->count; i++)
        if (!intake->list[i].ended)
            put_back(intake, &intake->list[i]);
    return error->status;
}

void cli_intake_end(struct cli_intake *intake)
{
    for (size_t i = 0; i < intake->count; i++) {
        cli_row_free(&intake->list[i].row);
        free(intake->list[i].photo);
        free(intake->list[i].path);
    }
    cli_clients_free(&intake->clients);
    cli_judge_end(&intake->judge);
}
