/* What a job's log says of one attempt. */
#ifndef PS_CLI_JOB_LOG_H
#define PS_CLI_JOB_LOG_H

#include "cli/task.h"

/* A part of a log (ps_journal_log), to be freed: what the job is, what was resolved and planned, what the time went on, what
 * was measured, how it ended. Every line is one of packshot's own, whatever a file is called. Null when out of memory. */
char *cli_job_log(const struct cli_task *task);

#endif
