#include "cli/job_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/printable.h"
#include "cli/plan.h"
#include "cli/quality.h"
#include "cli/text.h"
#include "jobs/claims.h"

/* The longest line; what is cut ends in dots. */
enum { LINE = 1500 };

/* "name     text", with every control character of the text written out. */
static void put(FILE *to, const char *name, const char *text)
{
    char line[LINE];
    if (!text || !*text)
        return;
    ps_printable(line, sizeof line, text, false);
    fprintf(to, "%-9s %s%s\n", name, line, strlen(line) > LINE - 6 ? "..." : "");
}

static void begin(FILE *to, const struct cli_task *task)
{
    const struct ps_journal_job *record = task->record;
    char when[32] = "", text[128];
    struct tm parts;
    const time_t now = time(NULL) - (time_t)task->seconds;
    if (gmtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%SZ", &parts);
    fprintf(to, PS_LOG_PART "%s, attempt %u, packshot %s\n", when, record->attempts + 1, ps_version());
    put(to, "worker", record->worker);
    snprintf(text, sizeof text, "%lld, row %llu, priority %d, key %.64s", (long long)record->id,
             (unsigned long long)record->row, record->priority, record->key);
    put(to, "job", text);
    if (record->deaths) {
        snprintf(text, sizeof text, "%u workers died at this job", record->deaths);
        put(to, "before", text);
    }
}

/* What the job was made of, as the journal keeps it. */
static void put_settings(FILE *to, const struct cli_task *task)
{
    char *photo = ps_claims_origin(task->record->photo), *text = NULL;
    size_t size = 0;
    const char *name;
    json_t *value;
    put(to, "photo", photo);
    put(to, "clip", task->record->output);
    put(to, "preset", json_string_value(json_object_get(task->snapshot.root, "preset")));
    free(photo);
    FILE *list = open_memstream(&text, &size);
    if (!list)
        return;
    json_object_foreach(json_object_get(task->snapshot.root, "options"), name, value)
        fprintf(list, "%s%s=%s", ftell(list) ? " " : "", name, json_string_value(value));
    if (!fclose(list))
        put(to, "options", text);
    free(text);
}

static void put_plan(FILE *to, const struct cli_task *task)
{
    const struct ps_plan *plan = &task->plan;
    const struct ps_render_params *params = &plan->resolved;
    char text[256], peak[CLI_NUMBER_SIZE], budget[CLI_NUMBER_SIZE];
    if (!plan->phase_count)
        return;
    snprintf(text, sizeof text, "%s: %s", task->job.device.selector, task->job.device.name);
    put(to, "device", text);
    snprintf(
        text, sizeof text,
        "%ux%u, %u frames at %u a second, motion %g, noise %g, %u steps, guidance %g to %g, %s, seed %llu",
        params->width, params->height, params->frames, params->fps, (double)params->motion,
        (double)params->noise_augmentation, params->steps, (double)params->guidance_min,
        (double)params->guidance_max, cli_dtype_name(params->dtype), (unsigned long long)params->seed);
    put(to, "plan", text);
    snprintf(text, sizeof text, "%s at most, of %s", cli_bytes(peak, plan->peak_bytes),
             cli_bytes(budget, plan->budget_bytes));
    put(to, "memory", text);
}

static void put_warnings(FILE *to, const struct cli_task *task)
{
    const char *note, *line = task->warnings;
    char text[LINE];
    for (size_t length; (length = strcspn(line, "\n")); line += length + 1) {
        snprintf(text, sizeof text, "%.*s", (int)length, line);
        put(to, "warning", text);
    }
    for (uint32_t i = 0; task->job.photo && (note = ps_photo_note(task->job.photo, i)); i++)
        put(to, "warning", note);
}

static void put_times(FILE *to, const struct cli_task *task)
{
    char text[LINE];
    size_t used = 0;
    for (size_t i = 0; i < CLI_PHASES && *task->phases[i].name; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.2f", used ? ", " : "",
                                 task->phases[i].name, task->phases[i].seconds);
    snprintf(text + used, sizeof text - used, "%s%.2f s in all", used ? "; " : "", task->seconds);
    put(to, "time", text);
}

/* Figures of one clip, then what needs eyes. */
static void put_quality(FILE *to, const char *seed, const json_t *quality)
{
    char text[LINE];
    size_t used = (size_t)(seed ? snprintf(text, sizeof text, "seed %.24s: ", seed) : 0), i;
    const size_t start = used;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)quality, name, value)
    {
        if (json_is_number(value))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.4g", used > start ? ", " : "",
                                     name, json_number_value(value));
    }
    if (used > start)
        put(to, "quality", text);
    json_array_foreach(json_object_get(quality, "findings"), i, value)
        put(to, "eyes", json_string_value(json_object_get(value, "text")));
}

static void put_output(FILE *to, const json_t *output)
{
    static const char *const files[] = {"output", "poster", "sidecar"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(to, "wrote", json_string_value(json_object_get(output, files[i])));
}

static void put_made(FILE *to, const struct cli_task *task)
{
    const json_t *takes = json_object_get(task->event, "takes"),
                 *outputs = json_object_get(task->event, "outputs");
    size_t i, j;
    json_t *take, *output;
    if (!task->event)
        return;
    if (!takes)
        put_quality(to, NULL, json_object_get(task->event, "quality"));
    json_array_foreach(json_object_get(task->event, "tried"), i, take)
    {
        if (json_array_size(json_object_get(task->event, "tried")) > 1)
            put(to, "tried", json_string_value(json_object_get(take, "seed")));
    }
    json_array_foreach(takes, i, take)
    {
        put_quality(to, json_string_value(json_object_get(take, "seed")), json_object_get(take, "quality"));
        json_array_foreach(json_object_get(take, "outputs"), j, output) put_output(to, output);
    }
    if (!takes)
        json_array_foreach(outputs, i, output) put_output(to, output);
}

static void put_end(FILE *to, const struct cli_task *task)
{
    static const char *const words[] = {
        [CLI_TASK_OPEN] = "open",
        [CLI_TASK_DONE] = "done",
        [CLI_TASK_RECOGNISED] = "done before: the clip is there",
        [CLI_TASK_FAILED] = "failed",
        [CLI_TASK_AGAIN] = "failed, to be tried again",
        [CLI_TASK_IGNORED] = "cancelled",
        [CLI_TASK_RELEASED] = "given back; it does not count as an attempt",
    };
    const struct ps_error *cause = &task->error;
    put(to, "outcome", words[task->outcome]);
    if (!cause->status)
        return;
    put(to, "error", cause->message);
    put(to, "name", cause->id);
    put(to, "hint", cause->hint);
}

/* Cut at a line's end, the last lines kept: they say how it ended. */
static void shorten(char *text)
{
    enum { HEAD = PS_LOG_PART_BYTES / 2, TAIL = PS_LOG_PART_BYTES / 4 };
    const size_t length = strlen(text);
    if (length <= PS_LOG_PART_BYTES)
        return;
    const char *tail = strchr(text + length - TAIL, '\n');
    char *head = text + HEAD;
    while (head > text && head[-1] != '\n')
        head--;
    memmove(head, tail + 1, strlen(tail));
}

char *cli_job_log(const struct cli_task *task)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    begin(to, task);
    put_settings(to, task);
    put_plan(to, task);
    put_warnings(to, task);
    put_times(to, task);
    put_made(to, task);
    put_end(to, task);
    fputc('\n', to);
    if (fclose(to)) {
        free(text);
        return NULL;
    }
    shorten(text);
    return text;
}
