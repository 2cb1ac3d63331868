/* Inside of the report: one writer for each format, all called with the same jobs. */
#ifndef PS_JOBS_REPORT_PARTS_H
#define PS_JOBS_REPORT_PARTS_H

#include <stdio.h>

#include "jobs/report.h"

struct ps_report_writer {
    void (*begin)(FILE *to, const struct ps_report_params *params, const struct ps_job_counts *counts);
    /* `output` is the job's, as the report names it. */
    void (*job)(FILE *to, const struct ps_journal_job *job, const char *output, bool first);
    void (*end)(FILE *to);
};

extern const struct ps_report_writer ps_report_csv, ps_report_json, ps_report_html;

/* "2026-11-23T13:00:00Z", or nothing for 0. Returns `to`. */
#define PS_REPORT_TIME 32
char *ps_report_time(char to[PS_REPORT_TIME], int64_t milliseconds);

#endif
