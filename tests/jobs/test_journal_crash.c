/* Several processes at one journal, and processes that are killed at any instant. */
#include "jobs/journals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* MANY are more than are ended between the first kill and the last, however quick the disk. */
enum { JOBS = 200, MANY = 10000 };

/* Waits until `gate` is closed, then works until there is nothing left and writes the number of each job to `to`; a job
 * takes a millisecond. Exits 1 where anything fails. */
static void work(const char *folder, int gate, int to)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct ps_error error = {0};
    struct ps_journal *journal = open_journal(folder);
    struct ps_journal_job *job;
    char none;
    if (read(gate, &none, 1))
        _exit(1);
    while (!ps_journal_claim(journal, &job, NULL, &error) && job) {
        const int number = (int)job->id;
        nanosleep(&moment, NULL);
        if (write(to, &number, sizeof number) != (ssize_t)sizeof number ||
            ps_journal_done(journal, job, "{}", &error))
            _exit(1);
        ps_journal_job_free(&job);
    }
    ps_journal_close(&journal);
    _exit(error.status != PS_OK);
}

static void two_processes_take_each_job_once(void **state)
{
    (void)state;
    enum { PROCESSES = 2 };
    char *folder = folder_new(), text[64];
    int gate[2], pipes[PROCESSES][2], counts[PROCESSES] = {0}, seen[JOBS + 1] = {0}, status, number;
    struct ps_journal *journal = open_journal(folder);
    add_jobs(journal, 0, JOBS);
    ps_journal_close(&journal);
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        if (!fork()) {
            close(gate[1]);
            work(folder, gate[0], pipes[i][1]);
        }
        close(pipes[i][1]);
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        for (; read(pipes[i][0], &number, sizeof number) == (ssize_t)sizeof number; counts[i]++) {
            assert_in_range(number, 1, JOBS);
            assert_int_equal(seen[number]++, 0);
        }
        close(pipes[i][0]);
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    }
    assert_int_equal(counts[0] + counts[1], JOBS);
    assert_true(counts[0] > 0 && counts[1] > 0);
    journal = open_journal(folder);
    assert_string_equal(counts_text(text, journal), "0 0 200 0 0");
    ps_journal_close(&journal);
    folder_remove(folder);
}

/* Changes the journal in every way, without end; `done` gets the number of each job once its end is said to be on disk. */
static void churn(const char *folder, unsigned seed, int done)
{
    const struct ps_job_filter all = {0};
    struct ps_journal *journal = open_journal(folder);
    for (unsigned turn = 0;; turn++) {
        struct ps_error error = {0};
        struct ps_journal_job *job;
        uint64_t count;
        if (turn % 16 == 3)
            add_jobs(journal, 0, JOBS);
        if (turn % 16 == 11)
            ps_journal_retry(journal, &all, &count, &error);
        if (error.status || ps_journal_claim(journal, &job, NULL, &error))
            _exit(1);
        if (!job)
            _exit(2);
        const int number = (int)job->id;
        enum ps_status status;
        switch ((seed + turn) % 4) {
        case 0:
            status = ps_journal_fail(journal, job, "device.lost", "lost", true, NULL, &error);
            break;
        case 1:
            status = ps_journal_release(journal, job, &error);
            break;
        default:
            status = ps_journal_done(journal, job, "{}", &error);
            if (!status && write(done, &number, sizeof number) != (ssize_t)sizeof number)
                _exit(1);
        }
        if (status)
            _exit(1);
        ps_journal_job_free(&job);
    }
}

static bool note_done(void *user, const struct ps_journal_job *job)
{
    bool *is_done = user;
    assert_in_range(job->id, 1, MANY);
    is_done[job->id] = job->state == PS_JOB_DONE;
    if (job->state == PS_JOB_FAILED)
        assert_true(job->attempts >= PS_JOB_ATTEMPTS || job->deaths >= PS_JOB_DEATHS);
    return true;
}

static void a_kill_at_any_instant_loses_nothing_that_was_done(void **state)
{
    (void)state;
    enum { KILLS = 60 };
    char *folder = folder_new();
    int ends[2], status, number;
    bool said[MANY + 1] = {false};
    struct ps_journal *journal = open_journal(folder);
    add_jobs(journal, 0, MANY);
    ps_journal_close(&journal);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    for (unsigned i = 0; i < KILLS; i++) {
        bool is_done[MANY + 1] = {false};
        struct ps_error error = {0};
        struct ps_job_counts counts;
        uint64_t count;
        /* From before the journal is open to far into the work. */
        const struct timespec pause = {.tv_nsec = (long)(i * 7919 % 40000) * 1000};
        const pid_t child = fork();
        if (!child)
            churn(folder, i, ends[1]);
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));

        journal = open_journal(folder);
        assert_ok(ps_journal_recover(journal, &count, &error), error);
        assert_in_range(count, 0, 1);
        assert_ok(ps_journal_counts(journal, NULL, &counts, &error), error);
        assert_int_equal(counts.total, MANY);
        assert_int_equal(counts.of[PS_JOB_RUNNING], 0);
        assert_ok(ps_journal_each(journal, NULL, note_done, is_done, &error), error);
        while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
            said[number] = true;
        for (int n = 1; n <= MANY; n++)
            assert_true(!said[n] || is_done[n]);
        ps_journal_close(&journal);
    }
    close(ends[0]);
    close(ends[1]);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes_take_each_job_once),
        cmocka_unit_test(a_kill_at_any_instant_loses_nothing_that_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
