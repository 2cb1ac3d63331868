#include "jobs/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/output.h"
#include "jobs/claims.h"
#include "jobs/report_parts.h"

/* A file that is written through <stdio.h> and appears whole or not at all. */
struct sheet {
    struct ps_output *output;
    uint64_t size;
    struct ps_error error;
};

static ssize_t write_some(void *user, const char *bytes, size_t size)
{
    struct sheet *sheet = user;
    if (ps_output_write(sheet->output, bytes, size, sheet->size, &sheet->error)) {
        errno = EIO;
        return 0;
    }
    sheet->size += size;
    return (ssize_t)size;
}

char *ps_report_time(char to[PS_REPORT_TIME], int64_t milliseconds)
{
    struct tm parts;
    const time_t moment = (time_t)(milliseconds / 1000);
    to[0] = '\0';
    if (milliseconds)
        strftime(to, PS_REPORT_TIME, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&moment, &parts));
    return to;
}

/* An absolute path as seen from an absolute folder: what they share is left out, and ".." leads out of the rest. */
static char *relative_path(const char *folder, const char *path)
{
    size_t shared = 0, ups = 0;
    for (size_t i = 0;; i++) {
        const bool folder_ends = !folder[i] || folder[i] == '/', path_ends = path[i] == '/';
        if (folder_ends && path_ends)
            shared = i;
        if (!folder[i] || folder[i] != path[i])
            break;
    }
    for (const char *at = folder + shared; *at; at++)
        ups += *at == '/' && at[1] != '\0';
    const char *rest = path + shared + strspn(path + shared, "/");
    char *made = malloc(3 * ups + strlen(rest) + 1);
    if (!made)
        return NULL;
    for (size_t i = 0; i < ups; i++)
        memcpy(made + 3 * i, "../", 3);
    memcpy(made + 3 * ups, rest, strlen(rest) + 1);
    return made;
}

/* The folder of a file, without links and dots. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *text = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    char *real = text ? realpath(text, NULL) : NULL;
    free(text);
    return real;
}

struct writing {
    struct ps_journal *journal;
    const struct ps_report_writer *writer;
    const char *folder;
    FILE *to;
    bool first, out_of_memory;
};

/* As the report names it. Null when out of memory. */
static char *name_path(const struct writing *writing, const char *path)
{
    return path[0] == '/' ? relative_path(writing->folder, path) : strdup(path);
}

static bool add_clip(json_t *clips, char *name)
{
    if (name && *name)
        json_array_append_new(clips, json_string_nocheck(name));
    free(name);
    return name != NULL;
}

/* Every clip of a job that is done. Null when out of memory. */
static json_t *list_clips(const struct writing *writing, const struct ps_journal_job *job,
                          const json_t *result)
{
    const json_t *told = json_object_get(result, "clips");
    json_t *clips = json_array(), *clip;
    bool whole = clips && (json_array_size(told) || job->state != PS_JOB_DONE ||
                           add_clip(clips, name_path(writing, job->output)));
    size_t i;
    json_array_foreach(told, i, clip) if (whole && json_is_string(clip)) whole =
        add_clip(clips, name_path(writing, json_string_value(clip)));
    if (whole)
        return clips;
    json_decref(clips);
    return NULL;
}

/* Null where there is no log. */
static char *name_log(const struct writing *writing, const struct ps_journal_job *job)
{
    char *path = ps_journal_log_path(writing->journal, job->id);
    char *real = path ? realpath(path, NULL) : NULL, *name = real ? name_path(writing, real) : NULL;
    free(path);
    free(real);
    return name;
}

static bool write_job(void *user, const struct ps_journal_job *job)
{
    struct writing *writing = user;
    json_t *result = *job->result ? json_loads(job->result, JSON_REJECT_DUPLICATES, NULL) : NULL;
    char *output = name_path(writing, job->output), *photo = ps_claims_origin(job->photo);
    char *log = name_log(writing, job);
    json_t *clips = list_clips(writing, job, result);
    const struct ps_report_entry entry = {
        .job = job, .photo = photo, .output = output, .log = log, .clips = clips, .result = result};
    writing->out_of_memory = !output || !photo || !clips;
    if (!writing->out_of_memory)
        writing->writer->job(writing->to, &entry, writing->first);
    writing->first = false;
    free(output);
    free(photo);
    free(log);
    json_decref(clips);
    json_decref(result);
    return !writing->out_of_memory && !ferror(writing->to);
}

/* Counts and jobs are read in one transaction, or they might not agree. */
static enum ps_status write_all(struct ps_journal *journal, struct writing *writing,
                                const struct ps_report_params *params, struct ps_error *error)
{
    struct ps_job_counts counts;
    enum ps_status status = ps_journal_snapshot(journal, true, error);
    if (status)
        return status;
    status = ps_journal_counts(journal, &params->filter, &counts, error);
    if (!status) {
        writing->writer->begin(writing->to, params, &counts);
        status = ps_journal_each(journal, &params->filter, write_job, writing, error);
    }
    if (!status)
        writing->writer->end(writing->to);
    struct ps_error ignored = {0};
    ps_journal_snapshot(journal, false, &ignored);
    if (!status && writing->out_of_memory)
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a report");
    return status;
}

enum ps_status ps_report_write(struct ps_journal *journal, const char *path,
                               const struct ps_report_params *params, struct ps_error *error)
{
    static const struct ps_report_writer *const writers[] = {&ps_report_csv, &ps_report_json,
                                                             &ps_report_html};
    static const cookie_io_functions_t functions = {.write = write_some};
    struct sheet sheet = {0};
    enum ps_status status = ps_output_open(&sheet.output, path, params->overwrite, error);
    if (status)
        return status;
    char *folder = folder_of(path);
    FILE *to = folder ? fopencookie(&sheet, "w", functions) : NULL;
    if (to) {
        struct writing writing = {
            .journal = journal, .writer = writers[params->format], .folder = folder, .to = to, .first = true};
        status = write_all(journal, &writing, params, error);
        if (fclose(to) && !sheet.error.status)
            ps_fail(&sheet.error, PS_ERR_MEMORY, "memory.host", "no memory for a report");
        if (sheet.error.status && !status)
            *error = sheet.error;
    } else {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a report");
    }
    if (!error->status)
        ps_output_commit(sheet.output, NULL, NULL, error);
    ps_output_close(&sheet.output);
    free(folder);
    return error->status;
}
