#include "jobs/store.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

/* What went wrong below SQLite it does not keep: only a full disk has a code of its own. */
static enum ps_status fail_write(struct ps_journal *journal, int code, const char *doing,
                                 struct ps_error *error)
{
    if ((code & 0xff) == SQLITE_FULL) {
        ps_fail(error, PS_ERR_OUTPUT, "journal.disk-full", "%.300s: the disk is full while %s", journal->name,
                doing);
        ps_hint(error, "free some space and go on with packshot resume");
        return PS_ERR_OUTPUT;
    }
    ps_fail(error, PS_ERR_OUTPUT, "journal.write-failed", "%.300s: failed while %s: %s", journal->name, doing,
            sqlite3_errstr(code));
    ps_hint(
        error,
        "look at the disk, its quota and the file size limit (ulimit -f), then go on with packshot resume");
    return PS_ERR_OUTPUT;
}

enum ps_status ps_sql_fail(struct ps_journal *journal, int code, const char *doing, struct ps_error *error)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory while %s", journal->name,
                       doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        ps_fail(error, PS_ERR_TRY_AGAIN, "journal.locked", "%.300s: another program holds it, while %s",
                journal->name, doing);
        ps_hint(error, "wait until the other program is done, and try again");
        return PS_ERR_TRY_AGAIN;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        ps_fail(error, PS_ERR_INPUT, "journal.corrupt", "%.300s: is damaged, found while %s", journal->name,
                doing);
        ps_hint(error, "run packshot batch again: it sets the damaged file aside");
        return PS_ERR_INPUT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        ps_fail(error, PS_ERR_OUTPUT, "journal.not-writable", "%.300s: not permitted while %s: %s",
                journal->name, doing, sqlite3_errstr(code));
        ps_hint(error, "choose a folder that you may write to");
        return PS_ERR_OUTPUT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return fail_write(journal, code, doing, error);
    default:
        return ps_fail(error, PS_ERR_INTERNAL, "journal.defect", "%.300s: SQLite says \"%s\" while %s",
                       journal->name, sqlite3_errmsg(journal->db), doing);
    }
}

enum ps_status ps_sql_run(struct ps_journal *journal, const char *text, struct ps_error *error)
{
    const int code = sqlite3_exec(journal->db, text, NULL, NULL, NULL);
    return code ? ps_sql_fail(journal, code, "working on it", error) : PS_OK;
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list arguments)
{
    int code = SQLITE_OK;
    for (int i = 0; types[i] && !code; i++) {
        if (types[i] == 'i')
            code = sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
        else if (types[i] == 'r')
            code = sqlite3_bind_double(statement, i + 1, va_arg(arguments, double));
        else
            code = sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1, SQLITE_STATIC);
    }
    return code;
}

static sqlite3_stmt *prepared(struct ps_journal *journal, const char *text, int *code)
{
    sqlite3_stmt *statement = NULL;
    for (size_t i = 0; i < journal->kept_count; i++)
        if (journal->kept[i].text == text)
            return journal->kept[i].statement;
    *code = journal->kept_count == PS_SQL_STATEMENTS
                ? SQLITE_INTERNAL
                : sqlite3_prepare_v3(journal->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (*code)
        return NULL;
    journal->kept[journal->kept_count].text = text;
    journal->kept[journal->kept_count++].statement = statement;
    return statement;
}

static sqlite3_stmt *bind(struct ps_journal *journal, struct ps_error *error, const char *text,
                          const char *types, va_list arguments)
{
    int code = SQLITE_OK;
    sqlite3_stmt *statement = prepared(journal, text, &code);
    if (statement)
        code = bind_all(statement, types, arguments);
    if (!code)
        return statement;
    ps_sql_fail(journal, code, "preparing to work on it", error);
    return NULL;
}

sqlite3_stmt *ps_sql_bind(struct ps_journal *journal, struct ps_error *error, const char *text,
                          const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = bind(journal, error, text, types, arguments);
    va_end(arguments);
    return statement;
}

bool ps_sql_step(struct ps_journal *journal, sqlite3_stmt *statement, struct ps_error *error)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        ps_sql_fail(journal, code, "working on it", error);
    return false;
}

enum ps_status ps_sql_do(struct ps_journal *journal, struct ps_error *error, const char *text,
                         const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = bind(journal, error, text, types, arguments);
    va_end(arguments);
    if (!statement)
        return error->status;
    while (ps_sql_step(journal, statement, error))
        continue;
    return error->status;
}

enum ps_status ps_sql_begin(struct ps_journal *journal, struct ps_error *error)
{
    int moved = 0;
    sqlite3_file_control(journal->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved) {
        ps_fail(error, PS_ERR_OUTPUT, "journal.moved", "%.300s: was removed or renamed while it was in use",
                journal->name);
        ps_hint(error, "put it back and go on with packshot resume, or run packshot batch again");
        return PS_ERR_OUTPUT;
    }
    return ps_sql_run(journal, "BEGIN IMMEDIATE", error);
}

enum ps_status ps_sql_end(struct ps_journal *journal, enum ps_status status, struct ps_error *error)
{
    if (!status)
        status = ps_sql_run(journal, "COMMIT", error);
    if (status && !sqlite3_get_autocommit(journal->db))
        sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

int64_t ps_journal_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *ps_job_state_name(enum ps_job_state state)
{
    static const char *const names[PS_JOB_STATES] = {"waiting", "running", "done", "failed", "ignored"};
    return (unsigned)state < PS_JOB_STATES ? names[state] : "unknown";
}

static enum ps_job_state state_of(const char *name)
{
    int state = 0;
    while (state < PS_JOB_STATES - 1 && strcmp(name, ps_job_state_name((enum ps_job_state)state)) != 0)
        state++;
    return (enum ps_job_state)state;
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

void ps_sql_read_job(sqlite3_stmt *statement, struct ps_journal_job *job)
{
    int at = 0;
    job->id = sqlite3_column_int64(statement, at++);
    job->batch = sqlite3_column_int64(statement, at++);
    job->row = (uint64_t)sqlite3_column_int64(statement, at++);
    job->photo = text_at(statement, at++);
    job->output = text_at(statement, at++);
    job->settings = text_at(statement, at++);
    job->key = text_at(statement, at++);
    job->priority = sqlite3_column_int(statement, at++);
    job->forced = sqlite3_column_int(statement, at++) != 0;
    job->state = state_of(text_at(statement, at++));
    job->reason_id = text_at(statement, at++);
    job->reason = text_at(statement, at++);
    job->attempts = (uint32_t)sqlite3_column_int(statement, at++);
    job->deaths = (uint32_t)sqlite3_column_int(statement, at++);
    job->cancelled = sqlite3_column_int(statement, at++) != 0;
    job->added = sqlite3_column_int64(statement, at++);
    job->started = sqlite3_column_int64(statement, at++);
    job->ended = sqlite3_column_int64(statement, at++);
    job->worker = text_at(statement, at++);
    job->result = text_at(statement, at++);
    job->claim = sqlite3_column_int64(statement, at++);
}
