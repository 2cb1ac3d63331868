#include <string.h>

#include "jobs/store.h"

/* How a filter narrows a statement: its parameters are 1 to 4. */
#define FILTER                                                                                               \
    "(?1 = 0 OR id = ?1) AND (?2 = 0 OR batch = ?2) AND (?3 = '' OR output = ?3) AND (?4 = 0 OR ?4 & CASE "  \
    "state WHEN 'waiting' THEN 1 WHEN 'running' THEN 2 WHEN 'done' THEN 4 WHEN 'failed' THEN 8 ELSE 16 END)"

/* Put before FILTER where it names an output: that one job is found by the index, however many there are. */
#define OF_OUTPUT "identity = 'out:' || ?3 AND "

static const struct ps_job_filter everything = {0};

/* Binds the filter to a statement that has FILTER and no other parameters. */
static sqlite3_stmt *bind_filter(struct ps_journal *journal, const struct ps_job_filter *filter,
                                 const char *text, struct ps_error *error)
{
    return ps_sql_bind(journal, error, text, "iiti", filter->id, filter->batch,
                       filter->output ? filter->output : "", (int64_t)filter->states);
}

enum ps_status ps_journal_counts(struct ps_journal *journal, const struct ps_job_filter *filter,
                                 struct ps_job_counts *counts, struct ps_error *error)
{
    *counts = (struct ps_job_counts){0};
    /* All jobs are counted in an index, without reading them. */
    sqlite3_stmt *statement =
        filter ? bind_filter(journal, filter,
                             "SELECT state, count(*) FROM jobs WHERE " FILTER " GROUP BY state", error)
               : ps_sql_bind(journal, error, "SELECT state, count(*) FROM jobs GROUP BY state", "");
    while (statement && ps_sql_step(journal, statement, error)) {
        const char *state = (const char *)sqlite3_column_text(statement, 0);
        const uint64_t count = (uint64_t)sqlite3_column_int64(statement, 1);
        for (int i = 0; i < PS_JOB_STATES; i++)
            if (state && !strcmp(state, ps_job_state_name((enum ps_job_state)i)))
                counts->of[i] = count;
        counts->total += count;
    }
    return error->status;
}

enum ps_status ps_journal_snapshot(struct ps_journal *journal, bool begin, struct ps_error *error)
{
    return ps_sql_run(journal, begin ? "BEGIN" : "COMMIT", error);
}

#define EACH(of) "SELECT " PS_JOB_COLUMNS " FROM jobs WHERE " of FILTER " ORDER BY batch, row, id"

enum ps_status ps_journal_each(struct ps_journal *journal, const struct ps_job_filter *filter,
                               bool (*visit)(void *user, const struct ps_journal_job *job), void *user,
                               struct ps_error *error)
{
    struct ps_journal_job job;
    filter = filter ? filter : &everything;
    const char *const text = filter->output && *filter->output ? EACH(OF_OUTPUT) : EACH("");
    sqlite3_stmt *statement = bind_filter(journal, filter, text, error);
    while (statement && ps_sql_step(journal, statement, error)) {
        ps_sql_read_job(statement, &job);
        if (visit(user, &job))
            continue;
        sqlite3_reset(statement);
        break;
    }
    return error->status;
}

/* Runs a change of the jobs that a filter names, and adds to *count how many it were. */
static enum ps_status change(struct ps_journal *journal, const struct ps_job_filter *filter, const char *text,
                             uint64_t *count, struct ps_error *error)
{
    sqlite3_stmt *statement = bind_filter(journal, filter, text, error);
    while (statement && ps_sql_step(journal, statement, error))
        continue;
    *count += error->status ? 0 : (uint64_t)sqlite3_changes64(journal->db);
    return error->status;
}

enum ps_status ps_journal_retry(struct ps_journal *journal, const struct ps_job_filter *filter,
                                uint64_t *count, struct ps_error *error)
{
    struct ps_job_filter which = *filter;
    *count = 0;
    if (!which.states)
        which.states = 1u << PS_JOB_FAILED;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = change(
        journal, &which,
        "UPDATE jobs SET state = 'waiting', attempts = 0, deaths = 0, reason_id = '', reason = ''"
        " WHERE state IN ('failed', 'ignored') AND key <> '' AND reason_id <> 'job.duplicate' AND " FILTER,
        count, error);
    return ps_sql_end(journal, status, error);
}

enum ps_status ps_journal_cancel(struct ps_journal *journal, const struct ps_job_filter *filter,
                                 uint64_t *count, struct ps_error *error)
{
    *count = 0;
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = change(journal, filter,
                    "UPDATE jobs SET state = 'ignored', reason_id = 'job.cancelled', reason = 'cancelled'"
                    " WHERE state = 'waiting' AND " FILTER,
                    count, error);
    if (!status)
        status = change(journal, filter,
                        "UPDATE jobs SET cancelled = 1 WHERE state = 'running' AND NOT cancelled AND " FILTER,
                        count, error);
    return ps_sql_end(journal, status, error);
}
