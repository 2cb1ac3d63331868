/* Inside of the report: one writer for each format, all called with the same jobs. */
#ifndef PS_JOBS_REPORT_PARTS_H
#define PS_JOBS_REPORT_PARTS_H

#include <jansson.h>
#include <stdio.h>

#include "jobs/report.h"

/* A job as reports show it. Paths but for the photo's are seen from the report's folder where they are absolute. */
struct ps_report_entry {
    const struct ps_journal_job *job;
    const char *photo;    /* where people have put it */
    const char *output;   /* empty for none */
    const char *log;      /* null for none */
    json_t *clips;        /* every clip that the job became: texts, which need not be UTF-8 */
    const json_t *result; /* what the worker left; null for none */
};

struct ps_report_writer {
    void (*begin)(FILE *to, const struct ps_report_params *params, const struct ps_job_counts *counts);
    void (*job)(FILE *to, const struct ps_report_entry *entry, bool first);
    void (*end)(FILE *to);
};

extern const struct ps_report_writer ps_report_csv, ps_report_json, ps_report_html;

/* "2026-11-23T13:00:00Z", or nothing for 0. Returns `to`. */
#define PS_REPORT_TIME 32
char *ps_report_time(char to[PS_REPORT_TIME], int64_t milliseconds);

#endif
