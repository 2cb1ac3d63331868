#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/store.h"

enum ps_status ps_journal_begin(struct ps_journal *journal, const struct ps_batch *batch, int64_t *id,
                                struct ps_error *error)
{
    *id = 0;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = ps_sql_do(journal, error,
                       "INSERT INTO batches (manifest, sha256, settings, version, added)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
                       "tttti", batch->manifest, batch->sha256, batch->settings,
                       batch->version ? batch->version : PS_VERSION, ps_journal_now());
    if (status)
        return ps_sql_end(journal, status, error);
    journal->batch = *id = sqlite3_last_insert_rowid(journal->db);
    return PS_OK;
}

/* What is in the journal about a new job. */
struct found {
    int64_t id;             /* of the job of the same identity; 0 for none */
    bool running, same_key; /* that job */
    bool duplicate;         /* that job was ignored as one */
    char other[1024];       /* output of another job of the same key; empty for none */
};

static enum ps_status find(struct ps_journal *journal, const char *identity, const char *key,
                           struct found *found, struct ps_error *error)
{
    *found = (struct found){0};
    sqlite3_stmt *statement =
        ps_sql_bind(journal, error,
                    "SELECT id, state = 'running', key = ?2, reason_id = 'job.duplicate'"
                    " FROM jobs WHERE identity = ?1",
                    "tt", identity, key);
    if (statement && ps_sql_step(journal, statement, error)) {
        found->id = sqlite3_column_int64(statement, 0);
        found->running = sqlite3_column_int(statement, 1) != 0;
        found->same_key = sqlite3_column_int(statement, 2) != 0;
        found->duplicate = sqlite3_column_int(statement, 3) != 0;
        sqlite3_reset(statement);
    }
    if (error->status || !*key)
        return error->status;
    statement = ps_sql_bind(journal, error,
                            "SELECT output FROM jobs WHERE key = ?1 AND identity <> ?2"
                            " AND state IN ('waiting', 'running', 'done') ORDER BY id LIMIT 1",
                            "tt", key, identity);
    if (statement && ps_sql_step(journal, statement, error)) {
        snprintf(found->other, sizeof found->other, "%s", (const char *)sqlite3_column_text(statement, 0));
        sqlite3_reset(statement);
    }
    return error->status;
}

static enum ps_added judge(const struct ps_new_job *job, const struct found *found)
{
    if (found->running)
        return PS_ADDED_BUSY;
    if (job->ignored)
        return PS_ADDED_IGNORED;
    const bool known = found->id && found->same_key && !found->duplicate;
    if (known && !job->force)
        return PS_ADDED_KNOWN;
    if (*found->other && !job->force)
        return PS_ADDED_DUPLICATE;
    return found->id ? PS_ADDED_AGAIN : PS_ADDED_NEW;
}

/* The job stays as it is, but it is this batch's now. The same photo may lie elsewhere now; a worker at it has it open. */
static enum ps_status keep(struct ps_journal *journal, const struct ps_new_job *job,
                           const struct found *found, struct ps_error *error)
{
    return ps_sql_do(journal, error,
                     "UPDATE jobs SET batch = ?2, row = ?3, priority = ?4,"
                     " photo = CASE state WHEN 'running' THEN photo ELSE ?5 END WHERE id = ?1",
                     "iiiit", found->id, journal->batch, (int64_t)job->row, (int64_t)job->priority,
                     job->photo);
}

static enum ps_status put(struct ps_journal *journal, const struct ps_new_job *job, const char *identity,
                          enum ps_added added, const char *reason, struct ps_error *error)
{
    const bool waiting = added == PS_ADDED_NEW || added == PS_ADDED_AGAIN;
    const char *reason_id = waiting ? "" : added == PS_ADDED_DUPLICATE ? "job.duplicate" : "job.no-input";
    const char *output = job->output ? job->output : "";
    return ps_sql_do(
        journal, error,
        "INSERT INTO jobs (identity, batch, row, photo, output, settings, key, slot, priority, forced, state,"
        " reason_id, reason, added) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        " ON CONFLICT (identity) DO UPDATE SET batch = ?2, row = ?3, photo = ?4, output = ?5, settings = ?6,"
        " key = ?7, slot = ?8, priority = ?9, forced = ?10, state = ?11, reason_id = ?12, reason = ?13,"
        " attempts = 0, deaths = 0, cancelled = 0, started = 0, ended = 0, worker_name = '', result = ''",
        "tiittttiiittti", identity, journal->batch, (int64_t)job->row, job->photo, output,
        job->settings ? job->settings : "{}", job->key ? job->key : "", (int64_t)ps_shard_slot(output),
        (int64_t)job->priority, (int64_t)job->force, waiting ? "waiting" : "ignored", reason_id, reason,
        ps_journal_now());
}

enum ps_status ps_journal_add(struct ps_journal *journal, const struct ps_new_job *job, enum ps_added *added,
                              struct ps_error *error)
{
    /* A job is what makes an output; an input that makes none is itself. */
    const char *subject = job->output ? job->output : job->photo;
    const size_t size = strlen(subject) + 5;
    char *identity = malloc(size), reason[1100] = "";
    struct found found;
    if (!identity)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a job");
    snprintf(identity, size, "%s:%s", job->output ? "out" : "in", subject);
    enum ps_status status = find(journal, identity, job->key ? job->key : "", &found, error);
    if (!status) {
        const enum ps_added how = judge(job, &found);
        if (how == PS_ADDED_DUPLICATE)
            snprintf(reason, sizeof reason, "the same clip as %s", found.other);
        else if (how == PS_ADDED_IGNORED)
            snprintf(reason, sizeof reason, "%s", job->ignored);
        status = how == PS_ADDED_KNOWN || how == PS_ADDED_BUSY
                     ? keep(journal, job, &found, error)
                     : put(journal, job, identity, how, reason, error);
        if (added)
            *added = how;
    }
    if (!status)
        status = ps_sql_do(journal, error, "UPDATE batches SET rows = rows + 1 WHERE id = ?1", "i",
                           journal->batch);
    free(identity);
    return status;
}

enum ps_status ps_journal_commit(struct ps_journal *journal, struct ps_error *error)
{
    journal->batch = 0;
    return ps_sql_end(journal, PS_OK, error);
}

void ps_journal_rollback(struct ps_journal *journal)
{
    struct ps_error ignored = {0};
    journal->batch = 0;
    ps_sql_end(journal, PS_ERR_CANCELLED, &ignored);
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

enum ps_status ps_journal_batch(struct ps_journal *journal, struct ps_batch **batch, struct ps_error *error)
{
    *batch = NULL;
    sqlite3_stmt *statement =
        ps_sql_bind(journal, error,
                    "SELECT id, manifest, sha256, settings, version, added, rows FROM batches"
                    " ORDER BY id DESC LIMIT 1",
                    "");
    if (!statement || !ps_sql_step(journal, statement, error))
        return error->status;
    struct ps_batch *made = calloc(1, sizeof *made);
    if (made) {
        made->id = sqlite3_column_int64(statement, 0);
        made->manifest = strdup(text_at(statement, 1));
        made->sha256 = strdup(text_at(statement, 2));
        made->settings = strdup(text_at(statement, 3));
        made->version = strdup(text_at(statement, 4));
        made->added = sqlite3_column_int64(statement, 5);
        made->rows = (uint64_t)sqlite3_column_int64(statement, 6);
        if (!made->manifest || !made->sha256 || !made->settings || !made->version)
            ps_batch_free(&made);
    }
    sqlite3_reset(statement);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a batch");
    *batch = made;
    return PS_OK;
}

void ps_batch_free(struct ps_batch **batch)
{
    if (!*batch)
        return;
    free((char *)(*batch)->manifest);
    free((char *)(*batch)->sha256);
    free((char *)(*batch)->settings);
    free((char *)(*batch)->version);
    free(*batch);
    *batch = NULL;
}
