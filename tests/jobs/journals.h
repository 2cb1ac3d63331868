/* What the tests of journals share. */
#ifndef PS_TESTS_JOBS_JOURNALS_H
#define PS_TESTS_JOBS_JOURNALS_H

#include "media/support.h"

#include "jobs/journal.h"

/* Opens FOLDER/journal; fails the test where that fails. */
struct ps_journal *open_journal(const char *folder);

/* A batch of `count` jobs, photo-N.png to out-N.mp4, with the key of the number `first` + N, and settings {}. */
void add_jobs(struct ps_journal *journal, unsigned first, unsigned count);

/* A job with these; the rest as in add_jobs. */
struct ps_new_job new_job(uint64_t row, const char *output, const char *key);

/* Adds one job in a batch of its own. */
enum ps_added add_one(struct ps_journal *journal, const struct ps_new_job *job);

/* The next job; fails the test where there is none. */
struct ps_journal_job *claim_one(struct ps_journal *journal);

/* "waiting running done failed ignored", as counts, of all jobs. */
const char *counts_text(char text[64], struct ps_journal *journal);

/* The job of an output as "state reason_id attempts deaths". */
const char *job_text(char text[128], struct ps_journal *journal, const char *output);

#endif
