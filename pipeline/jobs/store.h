/* Inside of the journal: statements of SQL, and what SQLite says in packshot's words. */
#ifndef PS_JOBS_STORE_H
#define PS_JOBS_STORE_H

#include <sqlite3.h>

#include "jobs/journal.h"
#include "jobs/worker.h"

enum { PS_SQL_STATEMENTS = 48 };

struct ps_journal {
    sqlite3 *db;
    char *path;
    char *name; /* for messages */
    double lease;
    struct ps_worker self;
    int64_t worker; /* our row of the table of workers; 0 for none yet */
    int64_t batch;  /* that is being added; 0 for none */
    /* Statements that were prepared, by the address of their text. */
    struct {
        const char *text;
        sqlite3_stmt *statement;
    } kept[PS_SQL_STATEMENTS];
    size_t kept_count;
};

/* Fails with what SQLite's result `code` means while `doing`. */
enum ps_status ps_sql_fail(struct ps_journal *journal, int code, const char *doing, struct ps_error *error);

/* Runs statements without parameters and results. */
enum ps_status ps_sql_run(struct ps_journal *journal, const char *text, struct ps_error *error);

/* Prepares a statement, once for each constant `text`, and binds its parameters in their order: 'i' int64_t, 'r' double,
 * 't' const char * (must live until the statement is done). Null, with the error, where that fails. The statement belongs
 * to the journal. */
sqlite3_stmt *ps_sql_bind(struct ps_journal *journal, struct ps_error *error, const char *text,
                          const char *types, ...);

/* True where the statement gave a row. After the last row, or a failure, the statement is reset; the error tells. */
bool ps_sql_step(struct ps_journal *journal, sqlite3_stmt *statement, struct ps_error *error);

/* Binds and runs a statement that gives no rows. */
enum ps_status ps_sql_do(struct ps_journal *journal, struct ps_error *error, const char *text,
                         const char *types, ...);

/* A transaction that may write. Fails with "journal.moved" where the file is not at its place any more. The end commits
 * where `status` is PS_OK, else takes all back; returns what came out. */
enum ps_status ps_sql_begin(struct ps_journal *journal, struct ps_error *error);
enum ps_status ps_sql_end(struct ps_journal *journal, enum ps_status status, struct ps_error *error);

/* Columns of the table of jobs as ps_sql_read_job reads them. */
#define PS_JOB_COLUMNS                                                                                       \
    "id, batch, row, photo, output, settings, key, priority, forced, state, reason_id, reason, attempts, "   \
    "deaths, cancelled, added, started, ended, worker_name, result, claim"

/* The job of the row that the statement is at. Its texts are SQLite's until the next step. */
void ps_sql_read_job(sqlite3_stmt *statement, struct ps_journal_job *job);

/* Milliseconds since 1970, and seconds of a clock that goes on while nothing but sleep stops it. */
int64_t ps_journal_now(void);

/* In a transaction: gives back what dead workers held, and counts that. */
enum ps_status ps_journal_give_back(struct ps_journal *journal, uint64_t *count, struct ps_error *error);

/* Gives back what this worker holds and removes it. */
void ps_journal_leave(struct ps_journal *journal);

#endif
