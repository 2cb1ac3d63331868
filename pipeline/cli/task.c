#include "cli/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/output.h"
#include "cli/found.h"
#include "cli/leftovers.h"
#include "cli/paths.h"
#include "jobs/beneath.h"

struct cli_task *cli_task_new(struct ps_journal_job **record, struct cli_report *report,
                              struct cli_engine *engine, const char *folder, bool sole)
{
    struct cli_task *task = calloc(1, sizeof *task);
    if (!task)
        return NULL;
    task->state = cli_state_path(folder, (*record)->key);
    if (!task->state) {
        free(task);
        return NULL;
    }
    task->record = *record;
    task->sole = sole;
    *record = NULL;
    task->job.report = report;
    task->job.engine = engine;
    task->begun = task->clock = ps_seconds();
    atomic_init(&task->cancelled, false);
    atomic_init(&task->lost, false);
    return task;
}

void cli_task_book(struct cli_task *task, const char *phase)
{
    const double now = ps_seconds(), spent = now - task->clock;
    size_t i = 0;
    task->clock = now;
    while (i < CLI_PHASES && *task->phases[i].name && strcmp(task->phases[i].name, phase) != 0)
        i++;
    if (i == CLI_PHASES)
        return;
    snprintf(task->phases[i].name, sizeof task->phases[i].name, "%s", phase);
    task->phases[i].seconds += spent;
}

void cli_task_warn(struct cli_task *task, const char *line)
{
    const size_t used = strlen(task->warnings), room = sizeof task->warnings - used;
    if (strlen(line) + 2 <= room)
        snprintf(task->warnings + used, room, "%s\n", line);
}

bool cli_task_must_stop(const struct cli_task *task)
{
    return atomic_load(&task->cancelled) || atomic_load(&task->lost);
}

static void remove_state(struct cli_task *task)
{
    if (task->state)
        unlink(task->state);
    free(task->state);
    task->state = NULL;
}

void cli_task_end_state(struct cli_task *task)
{
    const struct ps_error *cause = &task->error;
    if (cause->status != PS_ERR_CANCELLED && !cli_task_is_transient(cause) && !cli_task_waits(cause) &&
        !cli_task_ends_all(cause))
        remove_state(task);
}

void cli_task_forget(struct cli_task *task)
{
    if (task->outcome != CLI_TASK_AGAIN && task->outcome != CLI_TASK_RELEASED)
        remove_state(task);
    free(task->state);
    task->state = NULL;
    cli_job_close(&task->job);
    cli_snapshot_free(&task->snapshot);
}

void cli_task_free(struct cli_task **task)
{
    if (!*task)
        return;
    cli_task_forget(*task);
    ps_journal_job_free(&(*task)->record);
    json_decref((*task)->event);
    free((*task)->log);
    free(*task);
    *task = NULL;
}

/* The photo of then is what the job is known by: another one in its place is another job. */
static enum ps_status check_material(struct cli_task *task)
{
    struct ps_error *error = &task->error;
    int fd = -1;
    if (ps_beneath_open(&fd, task->snapshot.folder, task->record->photo, error))
        return error->status;
    close(fd);
    if (cli_job_record(&task->job, error))
        return error->status;
    return cli_snapshot_check_files(&task->snapshot, task->record->photo,
                                    json_object_get(task->job.sections, "options"), error);
}

static enum ps_status make_folder(const char *output, struct ps_error *error)
{
    char folder[CLI_PATH_SIZE], plain[CLI_PATH_SIZE];
    size_t length = strlen(output);
    while (length > 1 && output[length - 1] == '/')
        length--;
    if (length >= sizeof plain)
        return cli_fail(error, PS_ERR_OUTPUT, "output.bad-name", "%.300s: the path is too long", output);
    memcpy(plain, output, length);
    plain[length] = '\0';
    return cli_path_folder(folder, plain) ? cli_path_make(folder, error) : PS_OK;
}

/* Whether whoever was at this job before is dead: the journal says so, or the caller. */
static bool is_orphaned(const struct cli_task *task)
{
    return task->record->deaths > 0 || task->sole;
}

/* Whether an attempt at this job came to no end: its worker died, or the disk failed between two names and the state is still
 * there. */
static bool was_cut_off(const struct cli_task *task)
{
    return is_orphaned(task) || !access(task->state, F_OK);
}

/* Reports show the clips of a job that was done before as those of any other. */
static void recognise(struct cli_task *task, const struct cli_delivery *delivery)
{
    json_t *outputs = json_array(), *clips;
    for (uint32_t i = 0; i < delivery->count / delivery->formats; i++) {
        json_array_extend(outputs, clips = cli_delivery_event(delivery, i));
        json_decref(clips);
    }
    task->outcome = CLI_TASK_RECOGNISED;
    task->event = json_pack("{s:o}", "outputs", outputs);
}

/* Whether the job writes files beside its clip. That nothing of somebody else's lay there was seen when it was added: what
 * lies there now an attempt that was cut short has left. */
static bool has_files_beside(const struct cli_request *request)
{
    return request->poster || request->candidates || request->draft;
}

/* Sets the outcome where the clip is there; else what is in the way may be replaced, or is an error. */
static enum ps_status look(struct cli_task *task)
{
    const struct ps_journal_job *record = task->record;
    struct cli_request *request = &task->job.request;
    struct cli_delivery delivery = {0};
    struct ps_error *error = &task->error;
    const bool cut_off = was_cut_off(task);
    if (!cli_delivery_name(&delivery, request, cli_takes_count(request), request->candidates > 0, error)) {
        if (cut_off)
            task->swept = cli_found_sweep(&delivery, is_orphaned(task)) +
                          ps_output_sweep(task->state, is_orphaned(task));
        const enum cli_found found = cli_find(&delivery, record->key);
        if (found == CLI_FOUND_WHOLE && !record->forced)
            recognise(task, &delivery);
        else if (cli_may_replace(found, request->save.overwrite, record->forced, cut_off))
            request->save.overwrite =
                request->save.overwrite || found != CLI_FOUND_NOTHING || has_files_beside(request);
        else if (cli_fail(error, PS_ERR_OUTPUT, "output.exists", "%.300s: exists already", record->output))
            ps_hint(error, "move it away, or run the batch again with --overwrite or --skip-existing");
    }
    cli_delivery_close(&delivery);
    request->params.overwrite = request->save.overwrite;
    return error->status;
}

/* A cluster may take a machine for dead whose process lives on and makes the same clip. Then it may just be naming it, or
 * have cleared our temporaries away; the next try finds the clip. */
static void reconsider(struct cli_task *task)
{
    if (task->sole && task->error.status == PS_ERR_OUTPUT && !cli_task_ends_all(&task->error))
        task->error.status = PS_ERR_TRY_AGAIN;
}

static void load(struct cli_task *task)
{
    struct cli_job *job = &task->job;
    struct ps_error *error = &task->error;
    if (cli_snapshot_read(&task->snapshot, task->record->settings, error))
        return;
    cli_settings_store(&task->snapshot.settings, &job->request);
    job->request.photo = task->record->photo;
    job->request.output = task->record->output;
    if (cli_job_resolve(job, &task->snapshot.settings, NULL, error) ||
        make_folder(task->record->output, error) || look(task) || task->outcome == CLI_TASK_RECOGNISED ||
        check_material(task) || cli_job_load(job, error))
        return;
    /* Of several seeds there is no one state. */
    if (!cli_job_name_outputs(job, error) && job->request.on_fail == CLI_ON_FAIL_REPORT &&
        !job->request.candidates)
        job->request.params.state = task->state;
    if (!error->status && was_cut_off(task))
        task->swept += cli_job_sweep(job, is_orphaned(task));
}

void cli_task_load(struct cli_task *task)
{
    load(task);
    reconsider(task);
}

void cli_task_render(struct cli_task *task, const struct ps_render_events *events)
{
    struct cli_job *job = &task->job;
    struct ps_error *error = &task->error;
    cli_task_book(task, "wait");
    job->events = *events;
    if (cli_job_open(job, error) || cli_job_identify(job, error) ||
        (!job->request.no_sidecar && cli_snapshot_check_model(&task->snapshot, job->engine->model, error)))
        return;
    json_object_set_new(job->sections, "job", cli_found_section(task->record->key));
    const double begun = ps_seconds();
    cli_task_book(task, "open");
    if (cli_job_render(job, error))
        reconsider(task);
    task->render_seconds = ps_seconds() - begun;
}

void cli_task_deliver(struct cli_task *task, const struct ps_render_events *saving)
{
    struct cli_job *job = &task->job;
    struct ps_error *error = &task->error;
    const struct ps_clip *clip = job->attempts.clip;
    if (!clip) {
        /* Candidates and drafts were written as they came. */
        task->outcome = CLI_TASK_DONE;
        task->event = cli_job_event(job);
        return;
    }
    const struct ps_render_params shape = {.width = ps_clip_width(clip),
                                           .height = ps_clip_height(clip),
                                           .frames = ps_clip_frames(clip),
                                           .fps = ps_clip_fps(clip)};
    cli_task_book(task, "wait");
    cli_job_measure(job, error);
    cli_task_book(task, "measure");
    if (error->status || cli_delivery_plan(&job->delivery, &job->request, &shape, NULL, error) ||
        cli_job_deliver(job, saving, error)) {
        reconsider(task);
        return;
    }
    task->outcome = CLI_TASK_DONE;
    task->event = cli_job_event(job);
}

bool cli_task_is_transient(const struct ps_error *error)
{
    return error->status == PS_ERR_MEMORY || error->status == PS_ERR_DEVICE_LOST ||
           error->status == PS_ERR_TRY_AGAIN;
}

bool cli_task_waits(const struct ps_error *error)
{
    return !strcmp(error->id, "folder.away");
}

bool cli_task_ends_all(const struct ps_error *error)
{
    /* Of outputs those that are about the disk, not about one name on it. */
    static const char *const places[] = {"output.disk-full", "output.not-writable", "output.disk-failing",
                                         "output.too-many-files"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!strcmp(error->id, places[i]))
            return true;
    return error->status == PS_ERR_CHECKPOINT || error->status == PS_ERR_DEVICE ||
           !strncmp(error->id, "journal.", strlen("journal."));
}
