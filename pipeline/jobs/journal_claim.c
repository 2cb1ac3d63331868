#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/store.h"

/* The worker that follows number *id in the table. */
static enum ps_status next_worker(struct ps_journal *journal, int64_t *id, struct ps_worker *worker,
                                  double *beat, bool *found, struct ps_error *error)
{
    sqlite3_stmt *statement = ps_sql_bind(journal, error,
                                          "SELECT id, host, boot, space, pid, start, beat FROM workers"
                                          " WHERE id > ?1 ORDER BY id LIMIT 1",
                                          "i", *id);
    *found = statement && ps_sql_step(journal, statement, error);
    if (!*found)
        return error->status;
    *id = sqlite3_column_int64(statement, 0);
    snprintf(worker->host, sizeof worker->host, "%s", (const char *)sqlite3_column_text(statement, 1));
    snprintf(worker->boot, sizeof worker->boot, "%s", (const char *)sqlite3_column_text(statement, 2));
    worker->space = (uint64_t)sqlite3_column_int64(statement, 3);
    worker->pid = sqlite3_column_int64(statement, 4);
    worker->start = (uint64_t)sqlite3_column_int64(statement, 5);
    *beat = sqlite3_column_double(statement, 6);
    sqlite3_reset(statement);
    return PS_OK;
}

/* Takes the jobs of a worker that died away from it. */
static enum ps_status bury(struct ps_journal *journal, int64_t worker, uint64_t *count,
                           struct ps_error *error)
{
    const enum ps_status status = ps_sql_do(
        journal, error,
        "UPDATE jobs SET worker = NULL, deaths = deaths + 1, ended = ?2,"
        " state = CASE WHEN cancelled THEN 'ignored' WHEN deaths + 1 >= ?3 THEN 'failed' ELSE 'waiting' END,"
        " reason_id = CASE WHEN cancelled THEN 'job.cancelled' ELSE 'job.worker-died' END,"
        " reason = CASE WHEN cancelled THEN 'cancelled' ELSE worker_name || ' died while it worked on it' END"
        " WHERE worker = ?1",
        "iii", worker, ps_journal_now(), (int64_t)PS_JOB_DEATHS);
    *count += status ? 0 : (uint64_t)sqlite3_changes64(journal->db);
    return status ? status : ps_sql_do(journal, error, "DELETE FROM workers WHERE id = ?1", "i", worker);
}

enum ps_status ps_journal_give_back(struct ps_journal *journal, uint64_t *count, struct ps_error *error)
{
    struct ps_worker worker = {0};
    const double now = ps_seconds();
    int64_t id = 0;
    *count = 0;
    for (;;) {
        double beat = 0;
        bool found = false;
        const enum ps_status status = next_worker(journal, &id, &worker, &beat, &found, error);
        if (status || !found)
            return status;
        if (id == journal->worker)
            continue;
        const bool void_lease = now - beat > journal->lease;
        if (!ps_worker_is_gone(&worker, &journal->self) && !void_lease)
            continue;
        if (bury(journal, id, count, error))
            return error->status;
    }
}

enum ps_status ps_journal_recover(struct ps_journal *journal, uint64_t *count, struct ps_error *error)
{
    *count = 0;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = ps_journal_give_back(journal, count, error);
    return ps_sql_end(journal, status, error);
}

/* Renews our row in the table of workers; makes it where there is none, or none any more. */
static enum ps_status report_for_work(struct ps_journal *journal, struct ps_error *error)
{
    const struct ps_worker *self = &journal->self;
    enum ps_status status = ps_sql_do(journal, error, "UPDATE workers SET beat = ?2 WHERE id = ?1", "ir",
                                      journal->worker, ps_seconds());
    if (status || (journal->worker && sqlite3_changes64(journal->db)))
        return status;
    status = ps_sql_do(
        journal, error,
        "INSERT INTO workers (host, boot, space, pid, start, beat) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "ttiiir",
        self->host, self->boot, (int64_t)self->space, self->pid, (int64_t)self->start, ps_seconds());
    if (!status)
        journal->worker = sqlite3_last_insert_rowid(journal->db);
    return status;
}

/* A copy whose texts lie behind it. */
static struct ps_journal_job *copy_job(const struct ps_journal_job *job)
{
    const char *const texts[] = {job->photo,     job->output, job->settings, job->key,
                                 job->reason_id, job->reason, job->worker,   job->result};
    enum { TEXTS = sizeof texts / sizeof *texts };
    size_t sizes[TEXTS], total = 0;
    for (size_t i = 0; i < TEXTS; i++)
        total += sizes[i] = strlen(texts[i]) + 1;
    struct ps_journal_job *copy = malloc(sizeof *copy + total);
    if (!copy)
        return NULL;
    *copy = *job;
    char *at = (char *)(copy + 1);
    const char **const to[TEXTS] = {&copy->photo,     &copy->output, &copy->settings, &copy->key,
                                    &copy->reason_id, &copy->reason, &copy->worker,   &copy->result};
    for (size_t i = 0; i < TEXTS; i++) {
        *to[i] = memcpy(at, texts[i], sizes[i]);
        at += sizes[i];
    }
    return copy;
}

/* Reads a job that a statement returns; *job is null where it returns none. */
static enum ps_status read_one(struct ps_journal *journal, sqlite3_stmt *statement,
                               struct ps_journal_job **job, struct ps_error *error)
{
    struct ps_journal_job found;
    if (!statement || !ps_sql_step(journal, statement, error))
        return error->status;
    ps_sql_read_job(statement, &found);
    *job = copy_job(&found);
    if (!*job)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a job");
    while (ps_sql_step(journal, statement, error))
        continue;
    return error->status;
}

/* A job that has failed in passing rests; ?1 is now and ?2 the first rest, in milliseconds. A clock that was set back ends
 * the rest. */
#define READY_AT "ended + ?2 * CASE attempts WHEN 1 THEN 1 ELSE 4 END"
#define IS_READY "(attempts = 0 OR ended > ?1 OR " READY_AT " <= ?1)"
#define IS_OURS "state = 'waiting' AND (?3 = 0 OR batch = ?3) AND (?4 <= 1 OR slot % ?4 = ?5)"

static enum ps_status claim(struct ps_journal *journal, struct ps_journal_job **job,
                            const struct ps_claim_params *params, struct ps_error *error)
{
    uint64_t count;
    char name[96];
    if (ps_journal_give_back(journal, &count, error) || report_for_work(journal, error))
        return error->status;
    snprintf(name, sizeof name, "%s:%lld", journal->self.host, (long long)journal->self.pid);
    sqlite3_stmt *statement = ps_sql_bind(
        journal, error,
        "UPDATE jobs SET state = 'running', worker = ?6, worker_name = ?7, claim = claim + 1, started = ?1,"
        " ended = 0, cancelled = 0 WHERE id = (SELECT id FROM jobs WHERE " IS_OURS " AND " IS_READY
        " ORDER BY priority DESC, attempts + deaths, id LIMIT 1) RETURNING " PS_JOB_COLUMNS,
        "iiiiiit", ps_journal_now(), (int64_t)(1e3 * params->backoff), params->batch, (int64_t)params->shards,
        (int64_t)params->shard - 1, journal->worker, name);
    return read_one(journal, statement, job, error);
}

enum ps_status ps_journal_wait(struct ps_journal *journal, const struct ps_claim_params *params,
                               double *seconds, struct ps_error *error)
{
    *seconds = -1;
    sqlite3_stmt *statement = ps_sql_bind(journal, error,
                                          "SELECT count(*), min(CASE WHEN " IS_READY " THEN 0 ELSE " READY_AT
                                          " - ?1 END) FROM jobs WHERE " IS_OURS,
                                          "iiiii", ps_journal_now(), (int64_t)(1e3 * params->backoff),
                                          params->batch, (int64_t)params->shards, (int64_t)params->shard - 1);
    if (!statement || !ps_sql_step(journal, statement, error))
        return error->status;
    if (sqlite3_column_int64(statement, 0))
        *seconds = (double)sqlite3_column_int64(statement, 1) / 1e3;
    sqlite3_reset(statement);
    return PS_OK;
}

enum ps_status ps_journal_claim(struct ps_journal *journal, struct ps_journal_job **job,
                                const struct ps_claim_params *params, struct ps_error *error)
{
    static const struct ps_claim_params all = {0};
    *job = NULL;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = claim(journal, job, params ? params : &all, error);
    status = ps_sql_end(journal, status, error);
    if (status)
        ps_journal_job_free(job);
    return status;
}

void ps_journal_job_free(struct ps_journal_job **job)
{
    free(*job);
    *job = NULL;
}

static enum ps_status fail_lost(struct ps_journal *journal, const struct ps_journal_job *job,
                                struct ps_error *error)
{
    return ps_fail(
        error, PS_ERR_CANCELLED, "journal.claim-lost",
        "%.300s: nothing was heard of this process for more than %.0f s, so job %lld was given back",
        journal->name, journal->lease, (long long)job->id);
}

enum ps_status ps_journal_beat(struct ps_journal *journal, const struct ps_journal_job *job, bool *stop,
                               struct ps_error *error)
{
    bool held = false, cancelled = false;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = ps_sql_do(journal, error, "UPDATE workers SET beat = ?2 WHERE id = ?1", "ir", journal->worker,
                       ps_seconds());
    sqlite3_stmt *statement =
        status ? NULL
               : ps_sql_bind(journal, error,
                             "SELECT cancelled FROM jobs WHERE id = ?1 AND worker = ?2 AND claim = ?3", "iii",
                             job->id, journal->worker, job->claim);
    if (statement && ps_sql_step(journal, statement, error)) {
        held = true;
        cancelled = sqlite3_column_int(statement, 0) != 0;
        sqlite3_reset(statement);
    }
    status = ps_sql_end(journal, error->status, error);
    if (stop)
        *stop = cancelled;
    return status || held ? status : fail_lost(journal, job, error);
}

/* Moves a job that is still ours out of running. */
static enum ps_status end_claim(struct ps_journal *journal, const struct ps_journal_job *job,
                                const char *state, const char *reason_id, const char *reason,
                                const char *result, int attempts, struct ps_error *error)
{
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = ps_sql_do(
        journal, error,
        "UPDATE jobs SET state = ?4, worker = NULL, cancelled = 0, reason_id = ?5, reason = ?6, result = ?7,"
        " ended = ?8, attempts = attempts + ?9 WHERE id = ?1 AND worker = ?2 AND claim = ?3",
        "iiittttii", job->id, journal->worker, job->claim, state, reason_id, reason, result, ps_journal_now(),
        (int64_t)attempts);
    const bool held = !status && sqlite3_changes64(journal->db) == 1;
    status = ps_sql_end(journal, status, error);
    return status || held ? status : fail_lost(journal, job, error);
}

enum ps_status ps_journal_done(struct ps_journal *journal, const struct ps_journal_job *job,
                               const char *result, struct ps_error *error)
{
    return end_claim(journal, job, "done", "", "", result ? result : "", 0, error);
}

enum ps_status ps_journal_fail(struct ps_journal *journal, const struct ps_journal_job *job,
                               const char *reason_id, const char *reason, bool transient, bool *again,
                               struct ps_error *error)
{
    const bool waits = transient && job->attempts + 1 < PS_JOB_ATTEMPTS;
    if (again)
        *again = waits;
    return end_claim(journal, job, waits ? "waiting" : "failed", reason_id, reason, "", 1, error);
}

enum ps_status ps_journal_ignore(struct ps_journal *journal, const struct ps_journal_job *job,
                                 const char *reason_id, const char *reason, struct ps_error *error)
{
    return end_claim(journal, job, "ignored", reason_id, reason, "", 0, error);
}

enum ps_status ps_journal_release(struct ps_journal *journal, const struct ps_journal_job *job,
                                  struct ps_error *error)
{
    return end_claim(journal, job, "waiting", "", "", "", 0, error);
}

void ps_journal_leave(struct ps_journal *journal)
{
    struct ps_error ignored = {0};
    if (ps_sql_begin(journal, &ignored))
        return;
    enum ps_status status =
        ps_sql_do(journal, &ignored,
                  "UPDATE jobs SET worker = NULL, state = CASE WHEN cancelled THEN 'ignored' ELSE"
                  " 'waiting' END, reason_id = CASE WHEN cancelled THEN 'job.cancelled' ELSE '' END"
                  " WHERE worker = ?1",
                  "i", journal->worker);
    if (!status)
        status = ps_sql_do(journal, &ignored, "DELETE FROM workers WHERE id = ?1", "i", journal->worker);
    ps_sql_end(journal, status, &ignored);
}
