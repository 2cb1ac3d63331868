/* The report of a journal for people and programs: a table for spreadsheets, JSON, and a page on which the clips play. Each
 * has every input once, and counts that add up to them. */
#ifndef PS_JOBS_REPORT_H
#define PS_JOBS_REPORT_H

#include "jobs/journal.h"

enum ps_report_format { PS_REPORT_CSV, PS_REPORT_JSON, PS_REPORT_HTML };

struct ps_report_params {
    enum ps_report_format format;
    const char *title; /* of the page; null for none */
    bool overwrite;
    struct ps_job_filter filter;
};

/* Of the JSON that a worker left with a job, the members `seconds` (a number), `findings` (texts, of what needs eyes) and
 * `clips` (paths; the job's output where there is none) are shown. Writes the report to `path`; it appears there whole or not
 * at all. Clips and logs are named relative to the report's folder, a claimed photo by where it was before. In the CSV file a
 * cell that a spreadsheet would take for a formula begins with a single quote. Status: those of the journal and of
 * base/output.h. */
enum ps_status ps_report_write(struct ps_journal *journal, const char *path,
                               const struct ps_report_params *params, struct ps_error *error);

#endif
