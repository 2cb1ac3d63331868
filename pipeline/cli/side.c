#include "cli/side.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "cli/ground.h"
#include "cli/job_log.h"
#include "cli/stop.h"
#include "jobs/claims.h"

/* Seconds between two signs of life to the journal, far below its lease of 300 s. */
#define BEAT_SECONDS 3.0
/* Seconds that a clip on its way to a file may take after a signal: service managers and Slurm kill after some more. */
#define LAST_SECONDS 4.0

/* Seconds between two looks for a folder that has gone away. */
#define AWAY_SECONDS 1.0

/* Signals wake no condition, so both threads look now and then. */
#define WAIT_NANOSECONDS 200000000

enum {
    HELD = 3,  /* jobs at once: one to render, one rendered before, one after */
    LOCKED = 3 /* times that a journal which another program holds is waited for, half a minute each */
};

/* Open files that are enough for all of them; they take about 20, and one alone 14. */
enum { ENOUGH_FILES = 32 };

struct queue {
    struct cli_task *first, **last;
};

struct cli_side {
    struct cli_side_params params;
    pthread_t thread;
    pthread_mutex_t work; /* held by whoever decodes, encodes, forks or uses the journal; before `lock` */
    pthread_mutex_t lock; /* of all that follows, but for the side's own */
    pthread_cond_t change;
    struct cli_task *ready; /* loaded, to be taken */
    struct queue rendered, told;
    struct cli_task *held[HELD]; /* claims that have to be kept alive */
    size_t room;                 /* jobs at once here, up to HELD */
    bool ending;                 /* nothing more is claimed */
    bool closed;                 /* and nothing more is given */
    bool idle;                   /* nothing is waiting, as of the last claim */
    bool busy;                   /* with a job that is in no queue */
    struct ps_error error;       /* that ended all */
    double beaten, stopped;      /* the side's own: times, 0 for not yet */
    double rest;                 /* likewise: nothing is claimed before */
    unsigned locked;             /* likewise: times in a row that the journal was */
    struct cli_grounds grounds;  /* likewise */
    struct ps_error away;        /* said last of a folder that is away */
    bool news;                   /* that has not been passed on */
};

/* ---- queues, with the lock held ---- */

static void push(struct queue *queue, struct cli_task *task)
{
    task->next = NULL;
    *queue->last = task;
    queue->last = &task->next;
}

static struct cli_task *pop(struct queue *queue)
{
    struct cli_task *task = queue->first;
    if (!task)
        return NULL;
    queue->first = task->next;
    if (!queue->first)
        queue->last = &queue->first;
    return task;
}

static bool has_room(const struct cli_side *side)
{
    size_t count = 0;
    for (size_t i = 0; i < HELD; i++)
        count += side->held[i] != NULL;
    return count < side->room;
}

static void hold(struct cli_side *side, const struct cli_task *old, struct cli_task *task)
{
    for (size_t i = 0; i < HELD; i++)
        if (side->held[i] == old) {
            side->held[i] = task;
            return;
        }
}

/* ---- the side's thread ---- */

/* The first failure that ends all is told of at the end. */
static void end_all(struct cli_side *side, const struct ps_error *cause)
{
    pthread_mutex_lock(&side->lock);
    if (!side->error.status)
        side->error = *cause;
    side->ending = true;
    pthread_mutex_unlock(&side->lock);
}

/* The lease is far longer than the journal is waited for, so a beat may be missed. */
static bool is_locked(const struct ps_error *error)
{
    return !strcmp(error->id, "journal.locked");
}

/* A job whose claim is another's now, or that somebody cancelled, must leave no file. */
static void beat(struct cli_side *side)
{
    struct cli_task *held[HELD];
    const double now = ps_seconds();
    if (now - side->beaten < BEAT_SECONDS)
        return;
    side->beaten = now;
    pthread_mutex_lock(&side->lock);
    memcpy(held, side->held, sizeof held);
    pthread_mutex_unlock(&side->lock);
    for (size_t i = 0; i < HELD; i++) {
        struct ps_error error = {0};
        bool stop = false;
        if (!held[i])
            continue;
        ps_journal_beat(side->params.journal, held[i]->record, &stop, &error);
        if (stop)
            atomic_store(&held[i]->cancelled, true);
        if (error.status == PS_ERR_CANCELLED)
            atomic_store(&held[i]->lost, true);
        else if (error.status && !is_locked(&error))
            end_all(side, &error);
    }
}

/* What is being written. */
struct saving {
    struct cli_side *side;
    struct cli_task *task;
};

static bool on_save(void *user, const struct ps_progress *progress)
{
    struct saving *saving = user;
    struct cli_side *side = saving->side;
    cli_task_book(saving->task, progress->phase);
    beat(side);
    if (cli_stop_signal() && !side->stopped)
        side->stopped = ps_seconds();
    return !cli_task_must_stop(saving->task) &&
           (!side->stopped || ps_seconds() - side->stopped < LAST_SECONDS);
}

static void add_clips(json_t *clips, const json_t *outputs)
{
    size_t i;
    json_t *output;
    json_array_foreach(outputs, i, output) json_array_append(clips, json_object_get(output, "output"));
}

/* Every clip of the job, where that is not the one that the journal names. */
static void tell_clips(json_t *result)
{
    const json_t *takes = json_object_get(result, "takes"), *outputs = json_object_get(result, "outputs");
    json_t *clips = json_array(), *take;
    size_t i;
    json_array_foreach(takes, i, take) add_clips(clips, json_object_get(take, "outputs"));
    if (!takes && json_array_size(outputs) > 1)
        add_clips(clips, outputs);
    if (json_array_size(clips))
        json_object_set(result, "clips", clips);
    json_decref(clips);
}

/* What reports show of a job stands beside what was made. */
static char *result_of(const struct cli_task *task)
{
    const json_t *found = json_object_get(json_object_get(task->event, "quality"), "findings");
    json_t *result = json_copy(task->event), *findings = json_array(), *finding;
    size_t i;
    json_array_foreach(found, i, finding) json_array_append(findings, json_object_get(finding, "text"));
    json_object_set_new(result, "seconds", json_real(task->seconds));
    json_object_set_new(result, "findings", findings);
    tell_clips(result);
    char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
    json_decref(result);
    return text;
}

/* Ends the claim in the journal as the task's outcome and error say. */
static void settle_once(struct cli_side *side, struct cli_task *task, struct ps_error *error)
{
    struct ps_journal *journal = side->params.journal;
    const struct ps_error *cause = &task->error;
    bool again = false;
    if (task->outcome == CLI_TASK_DONE || task->outcome == CLI_TASK_RECOGNISED) {
        char *result = result_of(task);
        ps_journal_done(journal, task->record, result, error);
        free(result);
    } else if (cause->status == PS_ERR_CANCELLED && atomic_load(&task->cancelled) && !cli_stop_signal()) {
        task->outcome = CLI_TASK_IGNORED;
        ps_journal_ignore(journal, task->record, "job.cancelled", "cancelled while it was rendered", error);
    } else if (cause->status == PS_ERR_CANCELLED || cli_task_ends_all(cause) || cli_task_waits(cause)) {
        task->outcome = CLI_TASK_RELEASED;
        ps_journal_release(journal, task->record, error);
    } else {
        ps_journal_fail(journal, task->record, cause->id, cause->message, cli_task_is_transient(cause),
                        &again, error);
        task->outcome = again ? CLI_TASK_AGAIN : CLI_TASK_FAILED;
    }
}

static void settle(struct cli_side *side, struct cli_task *task, struct ps_error *error)
{
    for (unsigned i = 0; i < LOCKED; i++) {
        *error = (struct ps_error){0};
        settle_once(side, task, error);
        if (!is_locked(error))
            return;
    }
}

/* ---- folders that go away ---- */

static enum ps_status check_grounds(struct cli_side *side, const struct cli_task *task,
                                    struct ps_error *error)
{
    return cli_grounds_check(&side->grounds, side->params.out, error)
               ? error->status
               : cli_grounds_check(&side->grounds, task ? task->snapshot.folder : NULL, error);
}

/* Has it told, once, and nothing claimed for a while. */
static void wait_for_ground(struct cli_side *side, const struct ps_error *cause)
{
    side->rest = ps_seconds() + AWAY_SECONDS;
    pthread_mutex_lock(&side->lock);
    side->news = side->news || strcmp(side->away.message, cause->message) != 0;
    side->away = *cause;
    side->ending = side->ending || !side->params.waits;
    pthread_mutex_unlock(&side->lock);
}

/* Whatever fails while a folder is away fails for that. */
static void blame_ground(struct cli_side *side, struct cli_task *task)
{
    struct ps_error cause = {0};
    if (!task->error.status || task->error.status == PS_ERR_CANCELLED || !check_grounds(side, task, &cause))
        return;
    task->error = cause;
    wait_for_ground(side, &cause);
}

/* ---- one task ---- */

/* Messages name a claimed photo by the place where people have put it. */
static void name_by_place(struct cli_task *task)
{
    struct ps_error *cause = &task->error;
    const char *path = task->record->photo, *at = strstr(cause->message, path);
    char *origin = at ? ps_claims_origin(path) : NULL, *message = NULL;
    if (origin && asprintf(&message, "%.*s%s%s", (int)(at - cause->message), cause->message, origin,
                           at + strlen(path)) >= 0)
        snprintf(cause->message, sizeof cause->message, "%s", message);
    free(message);
    free(origin);
}

static void write_log(struct cli_side *side, struct cli_task *task)
{
    struct ps_error ignored = {0};
    char *text = cli_job_log(task);
    if (text && !ps_journal_log(side->params.journal, task->record->id, text, &ignored))
        task->log = ps_journal_log_path(side->params.journal, task->record->id);
    free(text);
}

/* A task that is through: into the journal, and to those who tell people. */
static void finish(struct cli_side *side, struct cli_task *task)
{
    struct ps_error error = {0};
    blame_ground(side, task);
    name_by_place(task);
    task->seconds = ps_seconds() - task->begun;
    if (task->error.status && cli_task_ends_all(&task->error))
        end_all(side, &task->error);
    /* First, so that a kill in between leaves none: what is done is recognised without it. */
    cli_task_end_state(task);
    settle(side, task, &error);
    /* Another worker has the job since the lease ran out; its file is the same. */
    if (error.status && error.status != PS_ERR_CANCELLED)
        end_all(side, &error);
    write_log(side, task);
    cli_task_forget(task);
    pthread_mutex_lock(&side->lock);
    hold(side, task, NULL);
    side->idle = side->idle && task->outcome != CLI_TASK_AGAIN && !cli_task_waits(&task->error);
    side->busy = false;
    push(&side->told, task);
    pthread_cond_broadcast(&side->change);
    pthread_mutex_unlock(&side->lock);
}

/* The next job, if one may be tried now; else when to ask again. False where none waits. */
static bool ask(struct cli_side *side, struct ps_journal_job **record, struct ps_error *error)
{
    const struct ps_claim_params *params = &side->params.claim;
    double seconds = -1;
    if (check_grounds(side, NULL, error)) {
        wait_for_ground(side, error);
        *error = (struct ps_error){0};
        return true;
    }
    if (!ps_journal_claim(side->params.journal, record, params, error) && !*record)
        ps_journal_wait(side->params.journal, params, &seconds, error);
    if (is_locked(error) && ++side->locked < LOCKED) {
        *error = (struct ps_error){0};
        return true;
    }
    if (!error->status)
        side->locked = 0;
    side->rest = *record ? 0 : ps_seconds() + seconds;
    return *record || seconds >= 0;
}

static void claim(struct cli_side *side)
{
    struct ps_error error = {0};
    struct ps_journal_job *record = NULL;
    struct cli_task *task = NULL;
    const bool waits = ask(side, &record, &error);
    if (record && !(task = cli_task_new(&record, side->params.report, side->params.engine,
                                        side->params.states, side->params.sole)))
        cli_fail(&error, PS_ERR_MEMORY, "memory.host", "out of memory");
    ps_journal_job_free(&record);
    if (error.status)
        end_all(side, &error);
    pthread_mutex_lock(&side->lock);
    side->idle = !waits || error.status;
    side->busy = task != NULL;
    if (task)
        hold(side, NULL, task);
    pthread_cond_broadcast(&side->change);
    pthread_mutex_unlock(&side->lock);
    if (!task)
        return;
    cli_task_load(task);
    cli_task_book(task, "load");
    if (!task->error.status)
        check_grounds(side, task, &task->error);
    if (task->error.status || task->outcome == CLI_TASK_RECOGNISED) {
        finish(side, task);
        return;
    }
    pthread_mutex_lock(&side->lock);
    side->ready = task;
    side->busy = false;
    pthread_cond_broadcast(&side->change);
    pthread_mutex_unlock(&side->lock);
}

static void deliver(struct cli_side *side, struct cli_task *task)
{
    struct saving saving = {side, task};
    const struct ps_render_events events = {.progress = on_save, .user = &saving};
    if (!task->error.status && !check_grounds(side, NULL, &task->error))
        cli_task_deliver(task, &events);
    finish(side, task);
}

/* A job that was loaded, and that nobody will render now. */
static struct cli_task *take_back(struct cli_side *side)
{
    struct cli_task *task = side->ready;
    side->ready = NULL;
    if (task)
        cli_fail(&task->error, PS_ERR_CANCELLED, "cancelled", "stopped before it was rendered");
    return task;
}

static void wait_for_change(struct cli_side *side)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NANOSECONDS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&side->change, &side->lock, &until);
}

static void *run(void *user)
{
    struct cli_side *side = user;
    for (;;) {
        cli_side_alone(side, true);
        beat(side);
        cli_side_alone(side, false);
        pthread_mutex_lock(&side->lock);
        const bool ending = side->ending || cli_stop_signal();
        const bool wants =
            !ending && !side->ready && !side->idle && has_room(side) && ps_seconds() >= side->rest;
        /* The next job comes first: the device waits for that, and for no file. */
        struct cli_task *task = wants ? NULL : pop(&side->rendered);
        if (!wants && !task && ending)
            task = take_back(side);
        const bool over = !wants && !task && side->closed;
        side->busy = wants || task;
        if (!wants && !task && !over)
            wait_for_change(side);
        pthread_mutex_unlock(&side->lock);
        if (over)
            return NULL;
        cli_side_alone(side, true);
        if (wants)
            claim(side);
        else if (task)
            deliver(side, task);
        cli_side_alone(side, false);
    }
}

/* ---- the device's thread ---- */

void cli_side_alone(void *user, bool begin)
{
    struct cli_side *side = user;
    if (begin)
        pthread_mutex_lock(&side->work);
    else
        pthread_mutex_unlock(&side->work);
}

static bool start(struct cli_side *side)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes))
        return false;
    const bool started = !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) &&
                         !pthread_cond_init(&side->change, &attributes) &&
                         !pthread_mutex_init(&side->lock, NULL) && !pthread_mutex_init(&side->work, NULL) &&
                         !pthread_create(&side->thread, NULL, run, side);
    pthread_condattr_destroy(&attributes);
    return started;
}

/* Where few files may be open, jobs go one after the other. */
static size_t room_for_jobs(struct cli_report *report)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= ENOUGH_FILES)
        return HELD;
    cli_say(report, true, "only %llu files may be open: one job after the other",
            (unsigned long long)limit.rlim_cur);
    return 1;
}

enum ps_status cli_side_begin(struct cli_side **out, const struct cli_side_params *params,
                              struct ps_error *error)
{
    struct cli_side *side = calloc(1, sizeof *side);
    *out = NULL;
    if (side) {
        side->params = *params;
        side->room = room_for_jobs(params->report);
        side->rendered.last = &side->rendered.first;
        side->told.last = &side->told.first;
    }
    if (!side || !start(side)) {
        free(side);
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "no thread for what is beside the device");
    }
    *out = side;
    return PS_OK;
}

void cli_side_poll(struct cli_side *side, void (*told)(void *user, const struct cli_task *task), void *user)
{
    for (;;) {
        struct ps_error news = {0};
        pthread_mutex_lock(&side->lock);
        struct cli_task *task = pop(&side->told);
        if (side->news)
            news = side->away;
        side->news = false;
        pthread_mutex_unlock(&side->lock);
        if (*news.message)
            cli_say(side->params.report, true, "waiting: %s", news.message);
        if (!task)
            return;
        told(user, task);
        cli_task_free(&task);
    }
}

/* Nothing is to come: no job waits, and none that is on its way can come back. */
static bool is_over(const struct cli_side *side)
{
    return side->ending || cli_stop_signal() || (side->idle && !side->busy && !side->rendered.first);
}

struct cli_task *cli_side_take(struct cli_side *side, void (*told)(void *user, const struct cli_task *task),
                               void *user)
{
    for (;;) {
        cli_side_poll(side, told, user);
        if (side->params.alive && !side->params.alive(side->params.user))
            return NULL;
        pthread_mutex_lock(&side->lock);
        struct cli_task *task = is_over(side) && (side->ending || cli_stop_signal()) ? NULL : side->ready;
        const bool over = !task && is_over(side);
        if (task) {
            side->ready = NULL;
            pthread_cond_broadcast(&side->change);
        } else if (!over && !side->told.first) {
            wait_for_change(side);
        }
        pthread_mutex_unlock(&side->lock);
        if (task || over)
            return task;
    }
}

void cli_side_give(struct cli_side *side, struct cli_task *task)
{
    pthread_mutex_lock(&side->lock);
    push(&side->rendered, task);
    pthread_cond_broadcast(&side->change);
    pthread_mutex_unlock(&side->lock);
}

enum ps_status cli_side_end(struct cli_side **old, void (*told)(void *user, const struct cli_task *task),
                            void *user, struct ps_error *error)
{
    struct cli_side *side = *old;
    pthread_mutex_lock(&side->lock);
    side->ending = side->closed = true;
    pthread_cond_broadcast(&side->change);
    pthread_mutex_unlock(&side->lock);
    pthread_join(side->thread, NULL);
    cli_side_poll(side, told, user);
    if (side->error.status && !error->status)
        *error = side->error;
    pthread_cond_destroy(&side->change);
    pthread_mutex_destroy(&side->lock);
    pthread_mutex_destroy(&side->work);
    cli_grounds_free(&side->grounds);
    free(side);
    *old = NULL;
    return error->status;
}
