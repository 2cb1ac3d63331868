/* The file of a journal: places that do not suit it, other programs' files, damage, and other versions. */
#include "jobs/journals.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_system.h"

int __real_fstatfs(int fd, struct statfs *system);
int __wrap_fstatfs(int fd, struct statfs *system);

/* The type that folders seem to have; 0 for their own. */
static unsigned long pretended_type;

int __wrap_fstatfs(int fd, struct statfs *system)
{
    const int result = __real_fstatfs(fd, system);
    if (pretended_type)
        system->f_type = (__typeof__(system->f_type))pretended_type;
    return result;
}

int __real_sqlite3_busy_timeout(sqlite3 *db, int milliseconds);
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int milliseconds);

/* Whoever waits for 30 s would wait here too, a hundredth of that. */
int __wrap_sqlite3_busy_timeout(sqlite3 *db, int milliseconds)
{
    assert_int_equal(milliseconds, 30000);
    return __real_sqlite3_busy_timeout(db, milliseconds / 100);
}

static enum ps_status try_open(const char *folder, const char *name, bool read_only, struct ps_error *error)
{
    const struct ps_journal_params params = {.read_only = read_only};
    struct ps_journal *journal;
    char path[512];
    *error = (struct ps_error){0};
    const enum ps_status status = ps_journal_open(&journal, join(path, folder, name), &params, error);
    assert_int_equal(!journal, status != PS_OK);
    ps_journal_close(&journal);
    return status;
}

static void network_file_systems_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned long type;
        const char *name;
    } unfit[] = {
        {0x6969, "NFS"},        {0x517b, "SMB"},      {0xff534d42, "SMB (CIFS)"}, {0xfe534d42, "SMB"},
        {0x65735546, "FUSE"},   {0x01021997, "9P"},   {0x00c36400, "Ceph"},       {0x5346414f, "AFS"},
        {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},
    };
    static const unsigned long fit[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
                                        OVERLAYFS_SUPER_MAGIC};
    char *folder = folder_new();
    struct ps_error error;
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        assert_string_equal(ps_file_system_unfit(unfit[i].type), unfit[i].name);
        pretended_type = unfit[i].type;
        assert_int_equal(try_open(folder, "journal", false, &error), PS_ERR_OUTPUT);
        assert_error(&error, PS_ERR_OUTPUT, "journal.network");
        assert_non_null(strstr(error.message, unfit[i].name));
        assert_true(error.hint[0]);
        assert_int_equal(folder_count(folder), 0);
    }
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++) {
        assert_null(ps_file_system_unfit(fit[i]));
        pretended_type = fit[i];
        assert_ok(try_open(folder, "journal", false, &error), error);
    }
    pretended_type = 0;
    folder_remove(folder);
}

static void files_that_are_no_journals_are_not_touched(void **state)
{
    (void)state;
    static const char text[] =
        "This is a photo, say. It is long enough to be taken for the header of a database file, "
        "which it is not, whatever its name may be.";
    char *folder = folder_new(), path[512];
    struct ps_error error;
    sqlite3 *db;
    write_file(join(path, folder, "photo.png"), text, sizeof text);
    assert_int_equal(try_open(folder, "photo.png", false, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "journal.not-a-journal");
    struct ps_file file = read_file(path);
    assert_int_equal(file.size, sizeof text);
    assert_memory_equal(file.bytes, text, sizeof text);
    free(file.bytes);

    assert_int_equal(sqlite3_open(join(path, folder, "other.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(try_open(folder, "other.db", false, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "journal.not-a-journal");
    assert_int_equal(try_open(folder, "other.db", true, &error), PS_ERR_INPUT);

    assert_int_equal(symlink("elsewhere", join(path, folder, "link")), 0);
    assert_int_equal(try_open(folder, "link", false, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "journal.not-a-journal");
    assert_int_equal(mkdir(join(path, folder, "folder"), 0700), 0);
    assert_int_equal(try_open(folder, "folder", false, &error), PS_ERR_INPUT);
    assert_int_equal(try_open(folder, "none/journal", false, &error), PS_ERR_OUTPUT);
    assert_error(&error, PS_ERR_OUTPUT, "output.no-folder");
    assert_int_equal(folder_count(folder), 4);
    folder_remove(folder);
}

static void looking_makes_nothing(void **state)
{
    (void)state;
    char *folder = folder_new(), text[64];
    const struct ps_journal_params look = {.read_only = true};
    struct ps_error error, refused = {0};
    struct ps_journal *journal = NULL;
    char path[512];
    int64_t id;
    assert_int_equal(try_open(folder, "journal", true, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "journal.not-found");
    assert_int_equal(folder_count(folder), 0);
    struct ps_journal *writer = open_journal(folder);
    add_jobs(writer, 0, 3);
    error = (struct ps_error){0};
    assert_ok(ps_journal_open(&journal, join(path, folder, "journal"), &look, &error), error);
    assert_string_equal(counts_text(text, journal), "3 0 0 0 0");
    struct ps_journal_job *job = claim_one(writer);
    assert_string_equal(counts_text(text, journal), "2 1 0 0 0");
    static const struct ps_batch batch = {.manifest = "m", .sha256 = "s", .settings = "{}"};
    assert_int_not_equal(ps_journal_begin(journal, &batch, &id, &refused), PS_OK);
    ps_journal_job_free(&job);
    ps_journal_close(&journal);
    ps_journal_close(&writer);
    folder_remove(folder);
}

static void change_file(const char *path, off_t at, const char *bytes, size_t size)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

/* Name of the entry that begins so, or an empty text. */
static const char *find_entry(char to[512], const char *folder, const char *beginning)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    to[0] = '\0';
    while ((entry = readdir(directory)))
        if (!strncmp(entry->d_name, beginning, strlen(beginning)))
            snprintf(to, 512, "%s/%s", folder, entry->d_name);
    closedir(directory);
    return to;
}

static void a_damaged_journal_is_set_aside_and_said_so(void **state)
{
    (void)state;
    /* The third page is the table of workers, which is empty: nothing in it can be damaged. */
    static const off_t places[] = {100, 4096 + 3, 3 * 4096 + 8, 5 * 4096, 6 * 4096};
    for (size_t i = 0; i <= sizeof places / sizeof *places; i++) {
        char *folder = folder_new(), path[512], aside[512], text[64];
        struct ps_error error;
        struct ps_journal *journal = open_journal(folder);
        add_jobs(journal, 0, 100);
        ps_journal_close(&journal);
        join(path, folder, "journal");
        if (i < sizeof places / sizeof *places)
            change_file(path, places[i], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                        16);
        else
            assert_int_equal(truncate(path, 3 * 4096 + 100), 0);
        struct ps_file before = read_file(path);
        if (try_open(folder, "journal", false, &error) != PS_ERR_INPUT)
            fail_msg("damage %d was not noticed", (int)i);
        assert_error(&error, PS_ERR_INPUT, "journal.corrupt");
        assert_int_equal(folder_count(folder), 1);
        find_entry(aside, folder, "journal.corrupt-");
        assert_true(aside[0]);
        assert_non_null(strstr(error.message, strrchr(aside, '/') + 1));
        assert_true(error.hint[0]);
        struct ps_file after = read_file(aside);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.bytes, before.bytes, before.size);
        free(before.bytes);
        free(after.bytes);
        journal = open_journal(folder);
        assert_string_equal(counts_text(text, journal), "0 0 0 0 0");
        ps_journal_close(&journal);
        folder_remove(folder);
    }
}

static void looking_at_a_damaged_journal_leaves_it_there(void **state)
{
    (void)state;
    char *folder = folder_new(), path[512];
    struct ps_error error;
    struct ps_journal *journal = open_journal(folder);
    add_jobs(journal, 0, 10);
    ps_journal_close(&journal);
    change_file(join(path, folder, "journal"), 100, "\xff\xff\xff\xff", 4);
    assert_int_equal(try_open(folder, "journal", true, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "journal.corrupt");
    assert_int_equal(access(path, F_OK), 0);
    folder_remove(folder);
}

static void run_sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_later_schema_is_refused_and_kept(void **state)
{
    (void)state;
    char *folder = folder_new(), path[512];
    struct ps_error error;
    struct ps_journal *journal = open_journal(folder);
    ps_journal_close(&journal);
    run_sql(join(path, folder, "journal"), "PRAGMA user_version = 1000");
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(try_open(folder, "journal", read_only, &error), PS_ERR_INPUT);
        assert_error(&error, PS_ERR_INPUT, "journal.newer");
        assert_int_equal(folder_count(folder), 1);
    }
    folder_remove(folder);
}

static void a_journal_that_vanishes_or_is_locked_is_told(void **state)
{
    (void)state;
    char *folder = folder_new(), path[512];
    struct ps_error error = {0}, moved = {0};
    struct ps_journal_job *job;
    struct ps_journal *journal = open_journal(folder);
    add_jobs(journal, 0, 1);
    assert_int_equal(unlink(join(path, folder, "journal")), 0);
    assert_int_equal(ps_journal_claim(journal, &job, NULL, &moved), PS_ERR_OUTPUT);
    assert_error(&moved, PS_ERR_OUTPUT, "journal.moved");
    ps_journal_close(&journal);
    folder_remove(folder);

    folder = folder_new();
    journal = open_journal(folder);
    add_jobs(journal, 0, 1);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(join(path, folder, "journal"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(ps_journal_claim(journal, &job, NULL, &error), PS_ERR_TRY_AGAIN);
    assert_error(&error, PS_ERR_TRY_AGAIN, "journal.locked");
    assert_null(job);
    sqlite3_close(db);
    struct ps_error none = {0};
    assert_ok(ps_journal_claim(journal, &job, NULL, &none), none);
    assert_non_null(job);
    ps_journal_job_free(&job);
    ps_journal_close(&journal);
    folder_remove(folder);
}

/* Written under a limit of the file size: nothing that was said is lost, and the journal goes on afterwards. */
static void a_failed_write_is_told_and_costs_nothing(void **state)
{
    (void)state;
    char *folder = folder_new(), text[64];
    struct ps_journal *journal = open_journal(folder);
    struct rlimit old, limited;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct ps_error add = {0}, claim = {0};
    struct ps_journal_job *job;
    int64_t id;
    static const struct ps_batch batch = {.manifest = "m", .sha256 = "s", .settings = "{}"};
    add_jobs(journal, 0, 50);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
    limited = old;
    limited.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    const enum ps_status claimed = ps_journal_claim(journal, &job, NULL, &claim);
    enum ps_status added = ps_journal_begin(journal, &batch, &id, &add);
    for (unsigned i = 0; !added && i < 10000; i++) {
        char output[32], key[PS_JOB_KEY];
        snprintf(output, sizeof output, "/more/%u.mp4", i);
        snprintf(key, sizeof key, "%064x", 1000 + i);
        const struct ps_new_job more = new_job(i + 1, output, key);
        added = ps_journal_add(journal, &more, NULL, &add);
    }
    if (!added)
        added = ps_journal_commit(journal, &add);
    else
        ps_journal_rollback(journal);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
    assert_int_equal(claimed, PS_ERR_OUTPUT);
    assert_null(job);
    assert_error(&claim, PS_ERR_OUTPUT, "journal.write-failed");
    assert_true(claim.hint[0]);
    assert_int_equal(added, PS_ERR_OUTPUT);
    assert_error(&add, PS_ERR_OUTPUT, "journal.write-failed");
    assert_string_equal(counts_text(text, journal), "50 0 0 0 0");
    job = claim_one(journal);
    ps_journal_job_free(&job);
    ps_journal_close(&journal);
    journal = open_journal(folder);
    assert_string_equal(counts_text(text, journal), "50 0 0 0 0");
    ps_journal_close(&journal);
    folder_remove(folder);
}

/* A name that SQLite would take for an address, and one for a database in memory. */
static void names_are_names(void **state)
{
    (void)state;
    char *folder = folder_new(), old[512];
    static const char *const names[] = {"file:x?mode=memory", ":memory:"};
    const struct ps_journal_params params = {0};
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < 2; i++) {
        struct ps_error error = {0};
        struct ps_journal *journal;
        assert_ok(ps_journal_open(&journal, names[i], &params, &error), error);
        ps_journal_close(&journal);
        assert_int_equal(access(names[i], F_OK), 0);
    }
    assert_int_equal(chdir(old), 0);
    folder_remove(folder);
}

static void many_processes_may_make_it_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    char *folder = folder_new(), text[64];
    int status;
    for (int i = 0; i < PROCESSES; i++)
        if (!fork()) {
            struct ps_error error;
            _exit(try_open(folder, "journal", false, &error) != PS_OK);
        }
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    }
    struct ps_journal *journal = open_journal(folder);
    assert_string_equal(counts_text(text, journal), "0 0 0 0 0");
    ps_journal_close(&journal);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(network_file_systems_are_refused),
        silent_unit_test(files_that_are_no_journals_are_not_touched),
        silent_unit_test(looking_makes_nothing),
        silent_unit_test(a_damaged_journal_is_set_aside_and_said_so),
        silent_unit_test(looking_at_a_damaged_journal_leaves_it_there),
        silent_unit_test(a_later_schema_is_refused_and_kept),
        silent_unit_test(a_journal_that_vanishes_or_is_locked_is_told),
        silent_unit_test(a_failed_write_is_told_and_costs_nothing),
        silent_unit_test(names_are_names),
        silent_unit_test(many_processes_may_make_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
