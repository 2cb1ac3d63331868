/* What test_power_cut.py has work at a journal while the power is cut.
 *
 * usage: power_cut JOURNAL make|work|check [SAID]
 * make adds 2000 jobs; work ends job after job and prints the number of each once its end is said to be on disk; check
 * fails unless all jobs are there, none runs after a recovery, and each whose number stands in the file SAID is done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/journal.h"

enum { JOBS = 2000 };

static int tell(const struct ps_error *error)
{
    fprintf(stderr, "%s: %s\n", error->id, error->message);
    return 1;
}

static int make(struct ps_journal *journal)
{
    static const struct ps_batch batch = {.manifest = "/m.csv", .sha256 = "abc", .settings = "{}"};
    struct ps_error error = {0};
    int64_t id;
    ps_journal_begin(journal, &batch, &id, &error);
    for (unsigned i = 0; i < JOBS && !error.status; i++) {
        char output[32], key[PS_JOB_KEY];
        snprintf(output, sizeof output, "/out/%u.mp4", i);
        snprintf(key, sizeof key, "%064x", i);
        const struct ps_new_job job = {
            .row = i + 1, .photo = "/a.png", .output = output, .settings = "{}", .key = key};
        ps_journal_add(journal, &job, NULL, &error);
    }
    return error.status || ps_journal_commit(journal, &error) ? tell(&error) : 0;
}

static int work(struct ps_journal *journal)
{
    struct ps_error error = {0};
    struct ps_journal_job *job;
    while (!ps_journal_claim(journal, &job, NULL, &error) && job) {
        if (ps_journal_done(journal, job, "{}", &error))
            break;
        printf("%" PRId64 "\n", job->id);
        fflush(stdout);
        ps_journal_job_free(&job);
    }
    return error.status ? tell(&error) : 0;
}

static int check(struct ps_journal *journal, const char *path)
{
    struct ps_error error = {0};
    struct ps_job_counts counts;
    uint64_t count;
    struct ps_job_filter said = {.states = 1u << PS_JOB_DONE};
    if (ps_journal_recover(journal, &count, &error) || ps_journal_counts(journal, NULL, &counts, &error))
        return tell(&error);
    int wrong = counts.total != JOBS || counts.of[PS_JOB_RUNNING];
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%" SCNd64, &said.id) == 1) {
        if (ps_journal_counts(journal, &said, &counts, &error))
            return tell(&error);
        if (counts.total != 1)
            wrong = fprintf(stderr, "job %" PRId64 " was said to be done and is not\n", said.id);
    }
    if (file)
        fclose(file);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    static const struct ps_journal_params params = {0};
    struct ps_error error = {0};
    struct ps_journal *journal;
    if (argc < 3)
        return 2;
    if (ps_journal_open(&journal, argv[1], &params, &error))
        return tell(&error);
    const int code = !strcmp(argv[2], "make")   ? make(journal)
                     : !strcmp(argv[2], "work") ? work(journal)
                     : argc > 3                 ? check(journal, argv[3])
                                                : 2;
    ps_journal_close(&journal);
    return code;
}
