/* The states of jobs: what moves them, what does not, and that every input is in one of them. */
#include "jobs/journals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fixture {
    char *folder;
    struct ps_journal *journal;
    char text[128];
};

static int make_journal(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->folder = folder_new();
    fixture->journal = open_journal(fixture->folder);
    *state = fixture;
    return silence_begin(state);
}

static int drop_journal(void **state)
{
    struct fixture *fixture = *state;
    ps_journal_close(&fixture->journal);
    assert_int_equal(folder_count(fixture->folder), 1);
    folder_remove(fixture->folder);
    free(fixture);
    return silence_end(state);
}

static void jobs_go_from_waiting_to_their_end(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    struct ps_error error = {0};
    bool again = true, stop = true;
    add_jobs(journal, 0, 5);
    assert_string_equal(counts_text(fixture->text, journal), "5 0 0 0 0");

    struct ps_journal_job *job = claim_one(journal);
    assert_string_equal(job->output, "/out/out-1.mp4");
    assert_string_equal(job->photo, "/photos/photo-1.png");
    assert_string_equal(job->settings, "{}");
    assert_int_equal(job->row, 1);
    assert_int_equal(strlen(job->key), 64);
    assert_true(job->started >= job->added && job->added > 1600000000000);
    assert_non_null(strchr(job->worker, ':'));
    assert_ok(ps_journal_beat(journal, job, &stop, &error), error);
    assert_false(stop);
    assert_ok(ps_journal_done(journal, job, "{\"seconds\":1}", &error), error);
    ps_journal_job_free(&job);
    assert_null(job);

    job = claim_one(journal);
    assert_string_equal(job->output, "/out/out-2.mp4");
    assert_ok(ps_journal_fail(journal, job, "image.truncated", "cut short", false, &again, &error), error);
    assert_false(again);
    ps_journal_job_free(&job);

    job = claim_one(journal);
    assert_ok(ps_journal_ignore(journal, job, "job.cancelled", "cancelled", &error), error);
    ps_journal_job_free(&job);

    job = claim_one(journal);
    assert_ok(ps_journal_release(journal, job, &error), error);
    assert_string_equal(counts_text(fixture->text, journal), "2 0 1 1 1");
    /* Whoever has ended a claim has nothing more to say about the job. */
    assert_int_equal(ps_journal_done(journal, job, NULL, &error), PS_ERR_CANCELLED);
    assert_error(&error, PS_ERR_CANCELLED, "journal.claim-lost");
    ps_journal_job_free(&job);

    assert_string_equal(job_text(fixture->text, journal, "/out/out-1.mp4"), "done  0 0");
    assert_string_equal(job_text(fixture->text, journal, "/out/out-2.mp4"), "failed image.truncated 1 0");
    assert_string_equal(job_text(fixture->text, journal, "/out/out-4.mp4"), "waiting  0 0");
}

static void transient_failures_are_tried_three_times_behind_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    static const char *const order[] = {"/out/out-1.mp4", "/out/out-2.mp4", "/out/out-1.mp4",
                                        "/out/out-1.mp4"};
    add_jobs(journal, 0, 2);
    for (int i = 0; i < 4; i++) {
        struct ps_error error = {0};
        bool again;
        struct ps_journal_job *job = claim_one(journal);
        assert_string_equal(job->output, order[i]);
        if (i == 1)
            assert_ok(ps_journal_done(journal, job, NULL, &error), error);
        else
            assert_ok(ps_journal_fail(journal, job, "device.lost", "lost", true, &again, &error), error);
        if (i != 1)
            assert_int_equal(again, i < 3);
        ps_journal_job_free(&job);
    }
    assert_string_equal(job_text(fixture->text, journal, order[0]), "failed device.lost 3 0");
    struct ps_error error = {0};
    struct ps_journal_job *none;
    assert_ok(ps_journal_claim(journal, &none, NULL, &error), error);
    assert_null(none);
}

/* Seconds until a job may be tried; negative for none. */
static double wait_for(struct ps_journal *journal, double backoff)
{
    const struct ps_claim_params params = {.backoff = backoff};
    struct ps_error error = {0};
    double seconds;
    assert_ok(ps_journal_wait(journal, &params, &seconds, &error), error);
    return seconds;
}

static void a_job_rests_between_its_attempts(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    const struct ps_claim_params patient = {.backoff = 100};
    struct ps_error error = {0};
    uint64_t count;
    assert_true(wait_for(journal, 100) < 0);
    add_jobs(journal, 0, 1);
    assert_true(fabs(wait_for(journal, 100)) < 1e-9);
    for (int attempt = 1; attempt <= 2; attempt++) {
        const double rest = attempt == 1 ? 100 : 400;
        struct ps_journal_job *job = claim_one(journal);
        assert_ok(ps_journal_fail(journal, job, "memory.host", "full", true, NULL, &error), error);
        ps_journal_job_free(&job);
        assert_ok(ps_journal_claim(journal, &job, &patient, &error), error);
        assert_null(job);
        const double seconds = wait_for(journal, 100);
        assert_true(seconds > rest - 30 && seconds <= rest);
        assert_true(fabs(wait_for(journal, 0)) < 1e-9);
    }
    /* Asked for by somebody it is tried at once. */
    const struct ps_job_filter waiting = {.id = 1}, failed = {.states = 1u << PS_JOB_FAILED};
    assert_ok(ps_journal_cancel(journal, &waiting, &count, &error), error);
    assert_true(wait_for(journal, 100) < 0);
    const struct ps_job_filter one = {.id = 1, .states = 1u << PS_JOB_IGNORED};
    assert_ok(ps_journal_retry(journal, &failed, &count, &error), error);
    assert_int_equal(count, 0);
    assert_ok(ps_journal_retry(journal, &one, &count, &error), error);
    struct ps_journal_job *job;
    assert_ok(ps_journal_claim(journal, &job, &patient, &error), error);
    assert_non_null(job);
    ps_journal_job_free(&job);
}

static void priorities_shards_and_batches_choose(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    struct ps_error error = {0};
    struct ps_new_job urgent = new_job(1, "/out/urgent.mp4", KEY_A);
    urgent.priority = 5;
    add_jobs(journal, 0, 20);
    assert_int_equal(add_one(journal, &urgent), PS_ADDED_NEW);
    struct ps_journal_job *job = claim_one(journal);
    assert_string_equal(job->output, "/out/urgent.mp4");
    assert_ok(ps_journal_release(journal, job, &error), error);
    ps_journal_job_free(&job);

    unsigned taken = 0;
    for (uint32_t shard = 1; shard <= 3; shard++) {
        const struct ps_claim_params params = {.shard = shard, .shards = 3, .batch = 1};
        for (;; taken++) {
            assert_ok(ps_journal_claim(journal, &job, &params, &error), error);
            if (!job)
                break;
            assert_int_equal(job->batch, 1);
            assert_true(ps_shard_has(job->output, shard, 3));
            assert_ok(ps_journal_done(journal, job, NULL, &error), error);
            ps_journal_job_free(&job);
        }
    }
    assert_int_equal(taken, 20);
    assert_string_equal(counts_text(fixture->text, journal), "1 0 20 0 0");
}

/* Claims a job and ends it well. */
static void make_done(struct ps_journal *journal)
{
    struct ps_error error = {0};
    struct ps_journal_job *job = claim_one(journal);
    assert_ok(ps_journal_done(journal, job, "{}", &error), error);
    ps_journal_job_free(&job);
}

static void nothing_is_made_twice(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    struct ps_new_job a = new_job(1, "/out/a.mp4", KEY_A), copy = new_job(2, "/out/copy.mp4", KEY_A),
                      changed = new_job(1, "/out/a.mp4", KEY_B);
    assert_int_equal(add_one(journal, &a), PS_ADDED_NEW);
    assert_int_equal(add_one(journal, &a), PS_ADDED_KNOWN);
    assert_int_equal(add_one(journal, &copy), PS_ADDED_DUPLICATE);
    make_done(journal);
    assert_int_equal(add_one(journal, &a), PS_ADDED_KNOWN);
    assert_int_equal(add_one(journal, &copy), PS_ADDED_DUPLICATE);
    assert_string_equal(job_text(fixture->text, journal, "/out/copy.mp4"), "ignored job.duplicate 0 0");
    assert_string_equal(counts_text(fixture->text, journal), "0 0 1 0 1");

    /* Another photo, option, checkpoint or version is another clip. */
    assert_int_equal(add_one(journal, &changed), PS_ADDED_AGAIN);
    assert_string_equal(job_text(fixture->text, journal, "/out/a.mp4"), "waiting  0 0");
    /* Its old key is free now. */
    assert_int_equal(add_one(journal, &copy), PS_ADDED_AGAIN);

    copy.force = true;
    copy.key = KEY_B;
    assert_int_equal(add_one(journal, &copy), PS_ADDED_AGAIN);
    make_done(journal);
    changed.force = true;
    assert_int_equal(add_one(journal, &changed), PS_ADDED_AGAIN);
    assert_string_equal(counts_text(fixture->text, journal), "2 0 0 0 0");
}

/* A job that failed makes nothing that another could be the copy of. */
static void a_failed_job_stands_in_no_ones_way(void **state)
{
    struct fixture *fixture = *state;
    struct ps_error error = {0};
    const struct ps_new_job a = new_job(1, "/out/a.mp4", KEY_A), copy = new_job(2, "/out/copy.mp4", KEY_A);
    add_one(fixture->journal, &a);
    struct ps_journal_job *job = claim_one(fixture->journal);
    assert_ok(ps_journal_fail(fixture->journal, job, "image.truncated", "cut", false, NULL, &error), error);
    ps_journal_job_free(&job);
    assert_int_equal(add_one(fixture->journal, &copy), PS_ADDED_NEW);
}

static void what_is_being_made_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    struct ps_error error = {0};
    struct ps_new_job a = new_job(1, "/out/a.mp4", KEY_A), changed = new_job(1, "/out/a.mp4", KEY_B);
    add_one(journal, &a);
    struct ps_journal_job *job = claim_one(journal);
    changed.force = true;
    assert_int_equal(add_one(journal, &changed), PS_ADDED_BUSY);
    assert_ok(ps_journal_done(journal, job, NULL, &error), error);
    ps_journal_job_free(&job);
    assert_string_equal(job_text(fixture->text, journal, "/out/a.mp4"), "done  0 0");
}

static void counts_add_up_to_the_inputs(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    static const struct ps_batch batch = {
        .manifest = "/m.csv", .sha256 = "1234", .settings = "{\"preset\":\"hero\"}"};
    struct ps_error error = {0};
    struct ps_job_counts counts;
    struct ps_batch *latest;
    enum ps_added added;
    int64_t id;
    assert_ok(ps_journal_batch(journal, &latest, &error), error);
    assert_null(latest);
    for (int round = 0; round < 2; round++) {
        assert_ok(ps_journal_begin(journal, &batch, &id, &error), error);
        for (unsigned i = 0; i < 10; i++) {
            char output[32], key[PS_JOB_KEY], photo[32];
            snprintf(output, sizeof output, "/out/%u.mp4", i);
            snprintf(photo, sizeof photo, "/in/%u", i);
            snprintf(key, sizeof key, "%064x", i / 2);
            struct ps_new_job job = new_job(i + 1, i < 8 ? output : NULL, i < 8 ? key : NULL);
            job.photo = photo;
            job.ignored = i < 8 ? NULL : "no photo, by its name";
            assert_ok(ps_journal_add(journal, &job, &added, &error), error);
            assert_int_equal(added, i >= 8  ? PS_ADDED_IGNORED
                                    : i % 2 ? PS_ADDED_DUPLICATE
                                    : round ? PS_ADDED_KNOWN
                                            : PS_ADDED_NEW);
        }
        assert_ok(ps_journal_commit(journal, &error), error);
        const struct ps_job_filter filter = {.batch = id};
        assert_ok(ps_journal_counts(journal, &filter, &counts, &error), error);
        assert_ok(ps_journal_batch(journal, &latest, &error), error);
        assert_int_equal(latest->id, id);
        assert_int_equal(latest->rows, 10);
        assert_int_equal(counts.total, 10);
        assert_int_equal(counts.of[PS_JOB_WAITING], 4);
        assert_int_equal(counts.of[PS_JOB_IGNORED], 6);
        assert_string_equal(latest->sha256, "1234");
        assert_string_equal(latest->settings, "{\"preset\":\"hero\"}");
        assert_string_equal(latest->version, PS_VERSION);
        ps_batch_free(&latest);
    }
    /* A batch that is not committed was never there. */
    assert_ok(ps_journal_begin(journal, &batch, &id, &error), error);
    const struct ps_new_job job = new_job(1, "/out/other.mp4", KEY_A);
    assert_ok(ps_journal_add(journal, &job, NULL, &error), error);
    ps_journal_rollback(journal);
    assert_string_equal(job_text(fixture->text, journal, "/out/other.mp4"), "none");
    assert_string_equal(counts_text(fixture->text, journal), "4 0 0 0 6");
}

static void failed_jobs_are_retried_and_others_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    const struct ps_job_filter all = {0}, first = {.output = "/out/out-1.mp4"}, third = {.id = 3},
                               ignored = {.states = 1u << PS_JOB_IGNORED};
    struct ps_error error = {0};
    uint64_t count;
    bool stop = false;
    add_jobs(journal, 0, 6);
    for (int i = 0; i < 2; i++) {
        struct ps_journal_job *job = claim_one(journal);
        assert_ok(ps_journal_fail(journal, job, "image.truncated", "cut", false, NULL, &error), error);
        ps_journal_job_free(&job);
    }
    assert_ok(ps_journal_retry(journal, &first, &count, &error), error);
    assert_int_equal(count, 1);
    assert_string_equal(job_text(fixture->text, journal, "/out/out-1.mp4"), "waiting  0 0");
    assert_ok(ps_journal_retry(journal, &all, &count, &error), error);
    assert_int_equal(count, 1);
    assert_ok(ps_journal_retry(journal, &all, &count, &error), error);
    assert_int_equal(count, 0);

    assert_ok(ps_journal_cancel(journal, &third, &count, &error), error);
    assert_int_equal(count, 1);
    assert_string_equal(job_text(fixture->text, journal, "/out/out-3.mp4"), "ignored job.cancelled 0 0");
    struct ps_journal_job *job = claim_one(journal);
    assert_ok(ps_journal_cancel(journal, &all, &count, &error), error);
    assert_int_equal(count, 5);
    assert_string_equal(counts_text(fixture->text, journal), "0 1 0 0 5");
    assert_ok(ps_journal_beat(journal, job, &stop, &error), error);
    assert_true(stop);
    assert_ok(ps_journal_ignore(journal, job, "job.cancelled", "cancelled", &error), error);
    ps_journal_job_free(&job);
    assert_ok(ps_journal_retry(journal, &ignored, &count, &error), error);
    assert_int_equal(count, 6);
    assert_string_equal(counts_text(fixture->text, journal), "6 0 0 0 0");
}

static void duplicates_and_ignored_inputs_are_not_retried(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    const struct ps_job_filter ignored = {.states = 1u << PS_JOB_IGNORED};
    const struct ps_new_job a = new_job(1, "/out/a.mp4", KEY_A), copy = new_job(2, "/out/copy.mp4", KEY_A);
    struct ps_new_job note = new_job(3, NULL, NULL);
    struct ps_error error = {0};
    uint64_t count;
    note.ignored = "no photo, by its name";
    add_one(journal, &a);
    add_one(journal, &copy);
    add_one(journal, &note);
    assert_ok(ps_journal_retry(journal, &ignored, &count, &error), error);
    assert_int_equal(count, 0);
    assert_string_equal(counts_text(fixture->text, journal), "1 0 0 0 2");
}

static bool note_row(void *user, const struct ps_journal_job *job)
{
    char *text = user;
    const size_t used = strlen(text);
    snprintf(text + used, 64 - used, "%d:%d ", (int)job->batch, (int)job->row);
    return used < 12;
}

static void jobs_are_visited_in_order_until_that_is_enough(void **state)
{
    struct fixture *fixture = *state;
    char text[64] = "";
    struct ps_error error = {0};
    static const uint64_t rows[] = {3, 1, 2};
    for (int i = 0; i < 3; i++) {
        char output[16], key[PS_JOB_KEY];
        snprintf(output, sizeof output, "/%d.mp4", i);
        snprintf(key, sizeof key, "%064d", i);
        const struct ps_new_job job = new_job(rows[i], output, key);
        add_one(fixture->journal, &job);
    }
    add_jobs(fixture->journal, 100, 3);
    assert_ok(ps_journal_each(fixture->journal, NULL, note_row, text, &error), error);
    assert_string_equal(text, "1:3 2:1 3:2 4:1 ");
}

static void a_worker_that_is_gone_gives_its_jobs_back(void **state)
{
    struct fixture *fixture = *state;
    struct ps_journal *journal = fixture->journal;
    char dead[128];
    add_jobs(journal, 0, 2);
    for (unsigned death = 1; death <= PS_JOB_DEATHS; death++) {
        struct ps_error error = {0};
        int status;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            struct ps_journal *own = open_journal(fixture->folder);
            const struct ps_claim_params second = {.batch = 1};
            struct ps_journal_job *job;
            ps_journal_claim(own, &job, &second, &error);
            if (death > 1)
                ps_journal_claim(own, &job, &second, &error);
            kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_string_equal(job_text(dead, journal, "/out/out-1.mp4"), death == 1 ? "running  0 0" : dead);
        uint64_t count;
        assert_ok(ps_journal_recover(journal, &count, &error), error);
        assert_int_equal(count, death == 1 ? 1 : 2);
        snprintf(dead, sizeof dead, "%s job.worker-died 0 %u", death < PS_JOB_DEATHS ? "waiting" : "failed",
                 death);
        assert_string_equal(job_text(fixture->text, journal, "/out/out-1.mp4"), dead);
    }
    assert_string_equal(counts_text(fixture->text, journal), "1 0 0 1 0");
}

static void a_worker_that_is_not_heard_of_loses_its_claim(void **state)
{
    struct fixture *fixture = *state;
    const struct ps_journal_params impatient = {.lease = 0.05};
    const struct timespec pause = {.tv_nsec = 100000000};
    struct ps_error error = {0}, lost = {0}, late = {0};
    struct ps_journal *other;
    char path[512];
    add_jobs(fixture->journal, 0, 1);
    struct ps_journal_job *job = claim_one(fixture->journal);
    assert_ok(ps_journal_open(&other, join(path, fixture->folder, "journal"), &impatient, &error), error);
    assert_ok(ps_journal_beat(fixture->journal, job, NULL, &error), error);
    struct ps_journal_job *taken;
    assert_ok(ps_journal_claim(other, &taken, NULL, &error), error);
    assert_null(taken);
    nanosleep(&pause, NULL);
    taken = claim_one(other);
    assert_int_equal(taken->id, job->id);
    assert_int_equal(taken->deaths, 1);
    assert_int_equal(ps_journal_done(fixture->journal, job, "{}", &lost), PS_ERR_CANCELLED);
    assert_error(&lost, PS_ERR_CANCELLED, "journal.claim-lost");
    assert_int_equal(ps_journal_beat(fixture->journal, job, NULL, &late), PS_ERR_CANCELLED);
    assert_string_equal(counts_text(fixture->text, other), "0 1 0 0 0");
    assert_ok(ps_journal_done(other, taken, "{}", &error), error);
    ps_journal_job_free(&taken);
    ps_journal_job_free(&job);
    ps_journal_close(&other);
    /* It may go on with other jobs. */
    const struct ps_new_job more = new_job(1, "/out/more.mp4", KEY_A);
    add_one(fixture->journal, &more);
    make_done(fixture->journal);
}

static void closing_gives_claims_back_without_blame(void **state)
{
    struct fixture *fixture = *state;
    add_jobs(fixture->journal, 0, 1);
    struct ps_journal_job *job = claim_one(fixture->journal);
    ps_journal_job_free(&job);
    ps_journal_close(&fixture->journal);
    fixture->journal = open_journal(fixture->folder);
    assert_string_equal(job_text(fixture->text, fixture->journal, "/out/out-1.mp4"), "waiting  0 0");
}

#define journal_unit_test(test) cmocka_unit_test_setup_teardown(test, make_journal, drop_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_unit_test(jobs_go_from_waiting_to_their_end),
        journal_unit_test(transient_failures_are_tried_three_times_behind_the_others),
        journal_unit_test(a_job_rests_between_its_attempts),
        journal_unit_test(priorities_shards_and_batches_choose),
        journal_unit_test(nothing_is_made_twice),
        journal_unit_test(a_failed_job_stands_in_no_ones_way),
        journal_unit_test(what_is_being_made_is_left_alone),
        journal_unit_test(counts_add_up_to_the_inputs),
        journal_unit_test(failed_jobs_are_retried_and_others_cancelled),
        journal_unit_test(duplicates_and_ignored_inputs_are_not_retried),
        journal_unit_test(jobs_are_visited_in_order_until_that_is_enough),
        journal_unit_test(a_worker_that_is_gone_gives_its_jobs_back),
        journal_unit_test(a_worker_that_is_not_heard_of_loses_its_claim),
        journal_unit_test(closing_gives_claims_back_without_blame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
