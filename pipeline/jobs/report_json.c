#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "jobs/report_parts.h"

enum { FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(9) };

/* Names of files need not be UTF-8, which JSON has to be. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    const size_t size = 4 * strlen(text) + 1;
    char *printable = malloc(size);
    value = printable ? json_string(ps_printable(printable, size, text, true)) : NULL;
    free(printable);
    return value ? value : json_null();
}

/* What is JSON already; null where it is not. */
static json_t *value_of(const char *text)
{
    json_t *value = *text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return value ? value : json_null();
}

static void begin(FILE *to, const struct ps_report_params *params, const struct ps_job_counts *counts)
{
    json_t *title = params->title ? text_of(params->title) : json_null();
    fputs("{\"title\":", to);
    json_dumpf(title, to, FLAGS | JSON_ENCODE_ANY);
    fputs(",\"counts\":{", to);
    for (int i = 0; i < PS_JOB_STATES; i++)
        fprintf(to, "\"%s\":%llu,", ps_job_state_name((enum ps_job_state)i),
                (unsigned long long)counts->of[i]);
    fprintf(to, "\"total\":%llu},\n\"jobs\":[", (unsigned long long)counts->total);
    json_decref(title);
}

static void set_time(json_t *object, const char *key, int64_t milliseconds)
{
    char text[PS_REPORT_TIME];
    json_object_set_new(object, key,
                        milliseconds ? json_string(ps_report_time(text, milliseconds)) : json_null());
}

static json_t *list_of(json_t *texts)
{
    json_t *list = json_array(), *text;
    size_t i;
    json_array_foreach(texts, i, text) json_array_append_new(list, text_of(json_string_value(text)));
    return list;
}

static void put_job(FILE *to, const struct ps_report_entry *entry, bool first)
{
    const struct ps_journal_job *job = entry->job;
    json_t *object = json_object();
    json_object_set_new(object, "id", json_integer(job->id));
    json_object_set_new(object, "batch", json_integer(job->batch));
    json_object_set_new(object, "row", json_integer((json_int_t)job->row));
    json_object_set_new(object, "state", json_string(ps_job_state_name(job->state)));
    json_object_set_new(object, "photo", text_of(entry->photo));
    json_object_set_new(object, "output", *entry->output ? text_of(entry->output) : json_null());
    json_object_set_new(object, "clips", list_of(entry->clips));
    json_object_set_new(object, "log", entry->log ? text_of(entry->log) : json_null());
    json_object_set_new(object, "attempts", json_integer(job->attempts));
    json_object_set_new(object, "reason_id", text_of(job->reason_id));
    json_object_set_new(object, "reason", text_of(job->reason));
    json_object_set_new(object, "priority", json_integer(job->priority));
    set_time(object, "added", job->added);
    set_time(object, "started", job->started);
    set_time(object, "ended", job->ended);
    json_object_set_new(object, "worker", text_of(job->worker));
    json_object_set_new(object, "key", text_of(job->key));
    json_object_set_new(object, "settings", value_of(job->settings));
    json_object_set_new(object, "result",
                        entry->result ? json_copy((json_t *)(uintptr_t)entry->result) : json_null());
    fputs(first ? "\n" : ",\n", to);
    json_dumpf(object, to, FLAGS);
    json_decref(object);
}

static void end(FILE *to)
{
    fputs("\n]}\n", to);
}

const struct ps_report_writer ps_report_json = {begin, put_job, end};
