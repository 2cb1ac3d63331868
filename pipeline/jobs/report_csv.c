#include <csv.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/report_parts.h"

/* A text that a spreadsheet would take for a formula gets a quote before it, which spreadsheets do not show. */
static void put_text(FILE *to, const char *text)
{
    char *guarded = NULL;
    if (*text && strchr("=+-@\t\r", *text) && asprintf(&guarded, "'%s", text) >= 0)
        text = guarded;
    fputc(',', to);
    csv_fwrite(to, text, strlen(text));
    free(guarded);
}

static void put_number(FILE *to, int64_t number)
{
    fprintf(to, ",%" PRId64, number);
}

static void put_findings(FILE *to, const json_t *findings)
{
    char text[2048] = "";
    size_t i, used = 0;
    json_t *finding;
    json_array_foreach(findings, i, finding)
    {
        const char *one = json_string_value(finding);
        if (one && used + strlen(one) + 3 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? "; " : "", one);
    }
    put_text(to, text);
}

static void begin(FILE *to, const struct ps_report_params *params, const struct ps_job_counts *counts)
{
    (void)params, (void)counts;
    fputs("\xef\xbb\xbf"
          "batch,row,state,photo,output,attempts,seconds,reason_id,reason,findings,priority,added,started,"
          "ended,worker,"
          "settings,key\r\n",
          to);
}

static void put_job(FILE *to, const struct ps_report_entry *entry, bool first)
{
    char time[PS_REPORT_TIME];
    const struct ps_journal_job *job = entry->job;
    (void)first;
    fprintf(to, "%" PRId64 ",%" PRIu64, job->batch, job->row);
    put_text(to, ps_job_state_name(job->state));
    put_text(to, entry->photo);
    put_text(to, entry->output);
    put_number(to, job->attempts);
    const json_t *seconds = json_object_get(entry->result, "seconds");
    fprintf(to, json_is_number(seconds) ? ",%.3f" : ",", json_number_value(seconds));
    put_text(to, job->reason_id);
    put_text(to, job->reason);
    put_findings(to, json_object_get(entry->result, "findings"));
    put_number(to, job->priority);
    put_text(to, ps_report_time(time, job->added));
    put_text(to, ps_report_time(time, job->started));
    put_text(to, ps_report_time(time, job->ended));
    put_text(to, job->worker);
    put_text(to, job->settings);
    put_text(to, job->key);
    fputs("\r\n", to);
}

static void end(FILE *to)
{
    (void)to;
}

const struct ps_report_writer ps_report_csv = {begin, put_job, end};
