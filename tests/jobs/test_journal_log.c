/* Logs of jobs: text beside the journal that grows by parts and not without end. */
#include "jobs/journals.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A part of so many bytes in all that tells its number. Returns `to`. */
static const char *part(char to[PS_LOG_PART_BYTES + 2], unsigned number, size_t size)
{
    const int head = snprintf(to, PS_LOG_PART_BYTES, PS_LOG_PART "part %06u\n", number);
    memset(to + head, 'x', size - (size_t)head - 2);
    memcpy(to + size - 2, "\n\n", 3);
    return to;
}

static char *read_log(const struct ps_journal *journal, int64_t job)
{
    char *path = ps_journal_log_path(journal, job);
    struct ps_file file = read_file(path);
    char *text = strndup((const char *)file.bytes, file.size);
    assert_int_equal(strlen(text), file.size);
    free(file.bytes);
    free(path);
    return text;
}

static void parts_follow_each_other(void **state)
{
    (void)state;
    char *folder = folder_new(), path[512], text[PS_LOG_PART_BYTES + 2];
    struct ps_journal *journal = open_journal(folder);
    struct ps_error error = {0};
    char *place = ps_journal_log_path(journal, 7);
    assert_string_equal(place, join(path, folder, "journal.logs/7.log"));
    assert_ok(ps_journal_log(journal, 7, "== one\nfirst\n\n", &error), error);
    assert_ok(ps_journal_log(journal, 7, part(text, 2, 100), &error), error);
    assert_ok(ps_journal_log(journal, 8, "== other\n\n", &error), error);
    char *log = read_log(journal, 7);
    assert_int_equal(strlen(log), strlen("== one\nfirst\n\n") + 100);
    assert_memory_equal(log, "== one\nfirst\n\n== part 000002\n", 29);
    free(log);
    free(place);
    ps_journal_close(&journal);
    folder_remove(folder);
}

static void the_oldest_parts_go(void **state)
{
    (void)state;
    enum { PARTS = 40, SIZE = 5000 };
    char *folder = folder_new(), text[PS_LOG_PART_BYTES + 2], newest[32], *log;
    struct ps_journal *journal = open_journal(folder);
    for (unsigned i = 1; i <= PARTS; i++) {
        struct ps_error error = {0};
        assert_ok(ps_journal_log(journal, 1, part(text, i, SIZE), &error), error);
        log = read_log(journal, 1);
        assert_true(strlen(log) <= PS_LOG_BYTES);
        assert_int_equal(strlen(log) % SIZE, 0);
        assert_memory_equal(log, PS_LOG_PART "part ", strlen(PS_LOG_PART "part "));
        snprintf(newest, sizeof newest, PS_LOG_PART "part %06u\n", i);
        assert_non_null(strstr(log, newest));
        free(log);
    }
    log = read_log(journal, 1);
    assert_int_equal(strlen(log) / SIZE, PS_LOG_BYTES / SIZE);
    free(log);
    ps_journal_close(&journal);
    folder_remove(folder);
}

static void what_lies_in_the_way_stays(void **state)
{
    (void)state;
    char *folder = folder_new(), path[512], other[512];
    struct ps_journal *journal = open_journal(folder);
    struct ps_error link = {0}, blocked = {0}, big = {0};
    char *text = calloc(1, PS_LOG_PART_BYTES + 2);
    memset(text, 'x', PS_LOG_PART_BYTES + 1);
    assert_int_equal(ps_journal_log(journal, 1, text, &big), PS_ERR_INTERNAL);
    free(text);
    assert_int_equal(mkdir(join(path, folder, "journal.logs"), 0700), 0);
    write_file(join(other, folder, "other"), "mine", 4);
    assert_int_equal(symlink(other, join(path, folder, "journal.logs/1.log")), 0);
    assert_int_equal(ps_journal_log(journal, 1, "== one\n\n", &link), PS_ERR_OUTPUT);
    assert_error(&link, PS_ERR_OUTPUT, "journal.log");
    struct ps_file file = read_file(other);
    assert_int_equal(file.size, 4);
    free(file.bytes);
    ps_journal_close(&journal);
    folder_remove(folder);

    folder = folder_new();
    journal = open_journal(folder);
    write_file(join(path, folder, "journal.logs"), "mine", 4);
    assert_int_equal(ps_journal_log(journal, 1, "== one\n\n", &blocked), PS_ERR_OUTPUT);
    assert_error(&blocked, PS_ERR_OUTPUT, "journal.log");
    ps_journal_close(&journal);
    folder_remove(folder);
}

static void old_logs_go(void **state)
{
    (void)state;
    enum { DAY = 86400 };
    static const char *const others[] = {"1.log.txt", "notes.log", "2.log.d"};
    char *folder = folder_new(), path[512], name[64];
    struct ps_journal *journal = open_journal(folder);
    struct ps_error error = {0};
    struct stat about;
    ps_journal_log_sweep(journal, time(NULL)); /* no folder yet */
    for (int64_t job = 1; job <= 3; job++)
        assert_ok(ps_journal_log(journal, job, "== one\n\n", &error), error);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "journal.logs/%s", others[i]);
        write_file(join(path, folder, name), "mine", 4);
    }
    assert_int_equal(symlink("notes.log", join(path, folder, "journal.logs/9.log")), 0);
    assert_int_equal(stat(join(path, folder, "journal.logs/1.log"), &about), 0);
    const struct timespec later[2] = {{.tv_sec = about.st_mtime + 2 * DAY},
                                      {.tv_sec = about.st_mtime + 2 * DAY}};
    assert_int_equal(utimensat(AT_FDCWD, join(path, folder, "journal.logs/3.log"), later, 0), 0);
    ps_journal_log_sweep(journal, about.st_mtime + (int64_t)PS_LOG_DAYS * DAY);
    assert_int_equal(folder_count(join(path, folder, "journal.logs")), 7);
    ps_journal_log_sweep(journal, about.st_mtime + (int64_t)PS_LOG_DAYS * DAY + DAY);
    assert_int_equal(folder_count(join(path, folder, "journal.logs")), 5);
    assert_int_equal(stat(join(path, folder, "journal.logs/3.log"), &about), 0);
    ps_journal_close(&journal);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_follow_each_other, silence_begin, silence_end),
        cmocka_unit_test_setup_teardown(the_oldest_parts_go, silence_begin, silence_end),
        cmocka_unit_test_setup_teardown(what_lies_in_the_way_stays, silence_begin, silence_end),
        cmocka_unit_test_setup_teardown(old_logs_go, silence_begin, silence_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
