#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/place.h"
#include "jobs/store.h"

/* "PSJL", in the header of the file. */
enum { APPLICATION = 0x50534a4c, BUSY_MS = 30000, LEASE_S = 300 };

/* Each brings the schema from the version of its index to the next. */
static const char *const migrations[] = {
    "CREATE TABLE batches ("
    " id INTEGER PRIMARY KEY, manifest TEXT NOT NULL, sha256 TEXT NOT NULL, settings TEXT NOT NULL,"
    " version TEXT NOT NULL, added INTEGER NOT NULL, rows INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE workers ("
    " id INTEGER PRIMARY KEY, host TEXT NOT NULL, boot TEXT NOT NULL, space INTEGER NOT NULL, pid INTEGER "
    "NOT NULL,"
    " start INTEGER NOT NULL, beat REAL NOT NULL) STRICT;"
    "CREATE TABLE jobs ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE,"
    " batch INTEGER NOT NULL REFERENCES batches (id), row INTEGER NOT NULL, photo TEXT NOT NULL,"
    " output TEXT NOT NULL, settings TEXT NOT NULL, key TEXT NOT NULL, slot INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, forced INTEGER NOT NULL DEFAULT 0,"
    " state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'ignored')),"
    " reason_id TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT "
    "0,"
    " deaths INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0, added INTEGER NOT NULL,"
    " started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,"
    " worker INTEGER REFERENCES workers (id), worker_name TEXT NOT NULL DEFAULT '',"
    " result TEXT NOT NULL DEFAULT '', claim INTEGER NOT NULL DEFAULT 0,"
    " CHECK ((state = 'running') = (worker IS NOT NULL)),"
    " CHECK (state NOT IN ('failed', 'ignored') OR reason_id <> '')) STRICT;"
    "CREATE INDEX jobs_next ON jobs (state, priority DESC, attempts + deaths, id);"
    "CREATE INDEX jobs_key ON jobs (key);"
    "CREATE INDEX jobs_worker ON jobs (worker) WHERE worker IS NOT NULL;"
    "CREATE INDEX jobs_order ON jobs (batch, row, id);",
};
enum { SCHEMA = sizeof migrations / sizeof *migrations };

static enum ps_status fail_memory(struct ps_error *error)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a journal");
}

/* Whether a file begins as every journal does, however damaged it is behind that: no other file may be renamed. */
static bool is_journal(const char *path)
{
    enum { MAGIC = 16, APPLICATION_AT = 68 };
    unsigned char head[APPLICATION_AT + 4];
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const bool whole = fd >= 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head;
    if (fd >= 0)
        close(fd);
    if (!whole || memcmp(head, "SQLite format 3", MAGIC) != 0)
        return false;
    const unsigned char *at = head + APPLICATION_AT;
    return ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]) == APPLICATION;
}

static enum ps_status fail_stranger(struct ps_journal *journal, const char *what, struct ps_error *error)
{
    ps_fail(error, PS_ERR_INPUT, "journal.not-a-journal", "%.300s: %s", journal->name, what);
    ps_hint(error, "choose another name for the journal");
    return PS_ERR_INPUT;
}

/* That the folder's file system suits SQLite, and that the name is a regular file's or no one's. */
static enum ps_status check_place(struct ps_journal *journal, bool must_exist, struct stat *file,
                                  struct ps_error *error)
{
    struct statfs system;
    const char *name;
    int folder;
    enum ps_status status = ps_place_open(&folder, &name, journal->path, error);
    if (status)
        return status;
    const char *unfit =
        !fstatfs(folder, &system) ? ps_file_system_unfit((uint64_t)system.f_type & 0xffffffffu) : NULL;
    const bool missing = fstatat(folder, name, file, AT_SYMLINK_NOFOLLOW) != 0;
    if (missing)
        *file = (struct stat){0};
    if (unfit) {
        status = ps_fail(error, PS_ERR_OUTPUT, "journal.network",
                         "%.300s: lies on %s, where several programs cannot share a journal safely",
                         journal->name, unfit);
        ps_hint(error, "choose a folder on a disk of this machine for it; the clips may stay where they are");
    } else if (missing && must_exist) {
        status =
            ps_fail(error, PS_ERR_INPUT, "journal.not-found", "%.300s: there is no journal", journal->name);
        ps_hint(error, "packshot batch makes one");
    } else if (!missing && !S_ISREG(file->st_mode)) {
        status = fail_stranger(journal, "is no regular file", error);
    }
    close(folder);
    return status;
}

/* A whole number that a pragma gives. */
static enum ps_status read_number(struct ps_journal *journal, const char *text, int64_t *number, int *code)
{
    sqlite3_stmt *statement = NULL;
    *number = 0;
    *code = sqlite3_prepare_v2(journal->db, text, -1, &statement, NULL);
    if (!*code)
        *code = sqlite3_step(statement);
    if (*code == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    *code = *code == SQLITE_ROW || *code == SQLITE_DONE ? SQLITE_OK : *code;
    return *code ? PS_ERR_INPUT : PS_OK;
}

/* Whether a check has nothing to tell; *code is SQLite's. */
static bool is_sound(struct ps_journal *journal, const char *text, const char *good, int *code)
{
    sqlite3_stmt *statement = NULL;
    bool sound = true;
    *code = sqlite3_prepare_v2(journal->db, text, -1, &statement, NULL);
    while (!*code && sound) {
        const int step = sqlite3_step(statement);
        if (step == SQLITE_ROW) {
            const char *line = (const char *)sqlite3_column_text(statement, 0);
            sound = good && line && !strcmp(line, good);
        } else {
            *code = step;
        }
    }
    sqlite3_finalize(statement);
    *code = *code == SQLITE_DONE ? SQLITE_OK : *code;
    return sound;
}

/* Renames the damaged file and what SQLite keeps beside it, unless another one has its name by now. */
static enum ps_status set_aside(struct ps_journal *journal, const struct stat *before, struct ps_error *error)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    const size_t size = strlen(journal->path) + 64;
    if (!is_journal(journal->path))
        return fail_stranger(journal, "is no journal of packshot, or damaged in its first bytes", error);
    /* SQLite tidies up beside the file when it closes it, under the name that it knows. */
    sqlite3_close(journal->db);
    journal->db = NULL;
    char *from = malloc(size), *to = malloc(size), time_text[32];
    struct stat now;
    struct tm parts;
    const time_t moment = time(NULL);
    strftime(time_text, sizeof time_text, "%Y%m%dT%H%M%SZ", gmtime_r(&moment, &parts));
    bool moved = from && to && !lstat(journal->path, &now) && now.st_ino == before->st_ino;
    for (int i = 0; moved && i < 3; i++) {
        snprintf(from, size, "%s%s", journal->path, endings[i]);
        snprintf(to, size, "%s.corrupt-%s%s", journal->path, time_text, endings[i]);
        moved = !ps_place_rename_new(AT_FDCWD, from, to) || i > 0;
    }
    if (moved) {
        ps_fail(error, PS_ERR_INPUT, "journal.corrupt",
                "%.300s: is damaged and was renamed to %.200s.corrupt-%s", journal->name, journal->path,
                time_text);
        ps_hint(error, "run packshot batch with the manifest again: it makes a new journal, and clips that "
                       "are there are "
                       "recognised");
    } else {
        ps_fail(error, PS_ERR_INPUT, "journal.corrupt", "%.300s: is damaged and could not be renamed",
                journal->name);
        ps_hint(error, "rename it and run packshot batch with the manifest again");
    }
    free(from);
    free(to);
    return PS_ERR_INPUT;
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* Reads whose file it is and of which version; 0 and 0 for a new one. */
static enum ps_status read_version(struct ps_journal *journal, int64_t *version, int *code,
                                   struct ps_error *error)
{
    int64_t application, tables;
    /* What another process makes meanwhile has both numbers once it has tables, so those are looked at first. */
    if (read_number(journal, "SELECT count(*) FROM sqlite_schema", &tables, code) ||
        read_number(journal, "PRAGMA user_version", version, code) ||
        read_number(journal, "PRAGMA application_id", &application, code))
        return is_damage(*code) ? PS_ERR_INPUT : ps_sql_fail(journal, *code, "opening it", error);
    if (application != APPLICATION && (application || *version || tables))
        return fail_stranger(journal, "is a SQLite file of another program", error);
    if (*version <= SCHEMA)
        return PS_OK;
    ps_fail(error, PS_ERR_INPUT, "journal.newer",
            "%.300s: was written by a later packshot (schema %lld; this one knows %d)", journal->name,
            (long long)*version, SCHEMA);
    ps_hint(error, "use the later packshot, or choose another name for the journal");
    return PS_ERR_INPUT;
}

/* Whoever comes second finds the work done. */
static enum ps_status migrate(struct ps_journal *journal, struct ps_error *error)
{
    int code;
    int64_t version = 0;
    char text[96];
    enum ps_status status = ps_sql_begin(journal, error);
    if (status)
        return status;
    status = read_version(journal, &version, &code, error);
    const bool old = version < SCHEMA;
    for (; !status && version < SCHEMA; version++)
        status = ps_sql_run(journal, migrations[version], error);
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, SCHEMA);
    if (!status && old)
        status = ps_sql_run(journal, text, error);
    return ps_sql_end(journal, status, error);
}

/* Everything about the connection that is not in the file. */
static enum ps_status set_up(struct ps_journal *journal, bool read_only, struct ps_error *error)
{
    sqlite3_extended_result_codes(journal->db, 1);
    sqlite3_busy_timeout(journal->db, BUSY_MS);
    sqlite3_db_config(journal->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(journal->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return ps_sql_run(journal, read_only ? "PRAGMA query_only = 1" : "PRAGMA foreign_keys = 1", error);
}

static enum ps_status check_integrity(struct ps_journal *journal, const struct stat *before,
                                      struct ps_error *error)
{
    int code;
    if (!is_sound(journal, "PRAGMA integrity_check(1)", "ok", &code) || is_damage(code))
        return set_aside(journal, before, error);
    if (!code && !is_sound(journal, "PRAGMA foreign_key_check", NULL, &code))
        return set_aside(journal, before, error);
    return code ? ps_sql_fail(journal, code, "checking it", error) : PS_OK;
}

/* The switch needs the file alone for a moment, and SQLite does not wait for that by itself. Done after the schema is
 * written, so that the file's own first bytes say whose it is. */
static enum ps_status use_wal(struct ps_journal *journal, struct ps_error *error)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    bool switched = false;
    int code = SQLITE_OK;
    for (int waited = 0; waited < BUSY_MS && !switched; waited += 20) {
        switched = is_sound(journal, "PRAGMA journal_mode = WAL", "wal", &code) && !code;
        if (code && (code & 0xff) != SQLITE_BUSY)
            break;
        if (!switched)
            nanosleep(&pause, NULL);
    }
    if (switched)
        return PS_OK;
    if (code)
        return ps_sql_fail(journal, code, "opening it", error);
    return ps_fail(error, PS_ERR_OUTPUT, "journal.not-writable",
                   "%.300s: this place does not let SQLite keep a log", journal->name);
}

static enum ps_status open_checked(struct ps_journal *journal, bool read_only, struct ps_error *error)
{
    struct stat before;
    int64_t version = 0;
    int code;
    enum ps_status status = check_place(journal, read_only, &before, error);
    if (status)
        return status;
    code = sqlite3_open_v2(journal->path, &journal->db,
                           SQLITE_OPEN_READWRITE | (read_only ? 0 : SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX,
                           NULL);
    if (code)
        return ps_sql_fail(journal, code, "opening it", error);
    status = set_up(journal, read_only, error);
    if (!status)
        status = read_version(journal, &version, &code, error);
    if (status && !error->status)
        return read_only ? ps_sql_fail(journal, code, "opening it", error)
                         : set_aside(journal, &before, error);
    if (status)
        return status;
    if (read_only) {
        if (version == SCHEMA)
            return PS_OK;
        ps_fail(error, PS_ERR_INPUT, "journal.not-found",
                "%.300s: holds no batch yet, or is of an older packshot", journal->name);
        ps_hint(error, "packshot resume brings it up to date");
        return PS_ERR_INPUT;
    }
    status = check_integrity(journal, &before, error);
    /* Keys are random: the default cache of 2 MB thrashes where a batch of 100,000 rows is added. */
    if (!status)
        status = ps_sql_run(
            journal, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536",
            error);
    if (!status && version < SCHEMA)
        status = migrate(journal, error);
    return status ? status : use_wal(journal, error);
}

/* A path that SQLite cannot take for an address or a name of its own. */
static char *plain_path(const char *path)
{
    const size_t size = strlen(path) + 3;
    char *copy = malloc(size);
    if (copy)
        snprintf(copy, size, "%s%s", *path == '/' ? "" : "./", path);
    return copy;
}

enum ps_status ps_journal_open(struct ps_journal **journal, const char *path,
                               const struct ps_journal_params *params, struct ps_error *error)
{
    *journal = NULL;
    struct ps_error own = {0};
    struct ps_journal *made = calloc(1, sizeof *made);
    if (!made)
        return fail_memory(error);
    made->path = plain_path(path);
    made->name = strdup(params->name ? params->name : path);
    made->lease = params->lease > 0 ? params->lease : LEASE_S;
    made->self = ps_worker_self();
    if (!made->path || !made->name)
        fail_memory(&own);
    else
        open_checked(made, params->read_only, &own);
    if (own.status)
        ps_journal_close(&made);
    if (own.status && error && !error->status)
        *error = own;
    *journal = made;
    return own.status;
}

void ps_journal_close(struct ps_journal **journal)
{
    struct ps_journal *old = *journal;
    *journal = NULL;
    if (!old)
        return;
    if (old->db && !sqlite3_get_autocommit(old->db))
        ps_journal_rollback(old);
    if (old->worker)
        ps_journal_leave(old);
    for (size_t i = 0; i < old->kept_count; i++)
        sqlite3_finalize(old->kept[i].statement);
    sqlite3_close(old->db);
    free(old->path);
    free(old->name);
    free(old);
}
