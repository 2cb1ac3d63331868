#include "jobs/journals.h"

#include <stdio.h>
#include <string.h>

struct ps_journal *open_journal(const char *folder)
{
    static const struct ps_journal_params params = {0};
    char path[512];
    struct ps_error error = {0};
    struct ps_journal *journal;
    assert_ok(ps_journal_open(&journal, join(path, folder, "journal"), &params, &error), error);
    assert_non_null(journal);
    return journal;
}

struct ps_new_job new_job(uint64_t row, const char *output, const char *key)
{
    return (struct ps_new_job){
        .row = row, .photo = "/photos/a.png", .output = output, .settings = "{}", .key = key};
}

static int64_t begin(struct ps_journal *journal)
{
    static const struct ps_batch batch = {.manifest = "/m.csv", .sha256 = "abc", .settings = "{}"};
    struct ps_error error = {0};
    int64_t id;
    assert_ok(ps_journal_begin(journal, &batch, &id, &error), error);
    return id;
}

void add_jobs(struct ps_journal *journal, unsigned first, unsigned count)
{
    struct ps_error error = {0};
    begin(journal);
    for (unsigned i = 0; i < count; i++) {
        char photo[64], output[64], key[PS_JOB_KEY];
        snprintf(photo, sizeof photo, "/photos/photo-%u.png", i + 1);
        snprintf(output, sizeof output, "/out/out-%u.mp4", i + 1);
        snprintf(key, sizeof key, "%064x", first + i);
        struct ps_new_job job = new_job(i + 1, output, key);
        job.photo = photo;
        assert_ok(ps_journal_add(journal, &job, NULL, &error), error);
    }
    assert_ok(ps_journal_commit(journal, &error), error);
}

enum ps_added add_one(struct ps_journal *journal, const struct ps_new_job *job)
{
    struct ps_error error = {0};
    enum ps_added added;
    begin(journal);
    assert_ok(ps_journal_add(journal, job, &added, &error), error);
    assert_ok(ps_journal_commit(journal, &error), error);
    return added;
}

struct ps_journal_job *claim_one(struct ps_journal *journal)
{
    struct ps_error error = {0};
    struct ps_journal_job *job;
    assert_ok(ps_journal_claim(journal, &job, NULL, &error), error);
    assert_non_null(job);
    assert_int_equal(job->state, PS_JOB_RUNNING);
    return job;
}

const char *counts_text(char text[64], struct ps_journal *journal)
{
    struct ps_error error = {0};
    struct ps_job_counts counts;
    uint64_t sum = 0;
    assert_ok(ps_journal_counts(journal, NULL, &counts, &error), error);
    for (int i = 0; i < PS_JOB_STATES; i++)
        sum += counts.of[i];
    assert_int_equal(sum, counts.total);
    snprintf(text, 64, "%d %d %d %d %d", (int)counts.of[PS_JOB_WAITING], (int)counts.of[PS_JOB_RUNNING],
             (int)counts.of[PS_JOB_DONE], (int)counts.of[PS_JOB_FAILED], (int)counts.of[PS_JOB_IGNORED]);
    return text;
}

static bool write_job(void *user, const struct ps_journal_job *job)
{
    snprintf(user, 128, "%s %s %u %u", ps_job_state_name(job->state), job->reason_id, job->attempts,
             job->deaths);
    return true;
}

const char *job_text(char text[128], struct ps_journal *journal, const char *output)
{
    const struct ps_job_filter filter = {.output = output};
    struct ps_error error = {0};
    snprintf(text, 128, "none");
    assert_ok(ps_journal_each(journal, &filter, write_job, text, &error), error);
    return text;
}
