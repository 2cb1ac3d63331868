#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/html.h"
#include "jobs/report_parts.h"

static const char style[] =
    "<style>\nbody { background: #202020; color: #e0e0e0; font: 15px sans-serif; margin: 1em }\n"
    "main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20em, 1fr)); gap: 1em }\n"
    "section { border-top: 3px solid #606060; padding-top: .4em; overflow-wrap: anywhere }\n"
    ".done { border-color: #60b060 } .failed { border-color: #ff6050 } .running { border-color: #60a0ff }\n"
    "video, img { width: 100% }\nh2 { font-size: 1em; margin: 0 0 .4em }\nul { color: #ffb060; padding-left: "
    "1.2em }\n"
    "td { padding-right: 1em }\n.reason { color: #ff9080 }\n</style>\n";

static void begin(FILE *to, const struct ps_report_params *params, const struct ps_job_counts *counts)
{
    const char *title = params->title ? params->title : "packshot";
    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>", to);
    ps_html_text(to, title);
    fprintf(to, "</title>\n%s<h1>", style);
    ps_html_text(to, title);
    fputs("</h1>\n<table id=\"counts\">\n", to);
    for (int i = 0; i < PS_JOB_STATES; i++)
        fprintf(to, "<tr><td>%s<td>%" PRIu64 "\n", ps_job_state_name((enum ps_job_state)i), counts->of[i]);
    fprintf(to, "<tr><td>total<td>%" PRIu64 "\n</table>\n<main>\n", counts->total);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), size = strlen(end);
    return length > size && !strcasecmp(text + length - size, end);
}

/* The clip itself, or a link where pages cannot play it. */
static void put_clip(FILE *to, const char *output)
{
    const bool is_picture = ends_with(output, ".gif") || ends_with(output, ".webp");
    const bool is_video =
        ends_with(output, ".mp4") || ends_with(output, ".m4v") || ends_with(output, ".webm");
    fputs(is_picture ? "<img alt=\"\" loading=\"lazy\" src=\""
          : is_video ? "<video controls loop muted preload=\"metadata\" src=\""
                     : "<p><a href=\"",
          to);
    ps_html_address(to, output);
    fputs(is_picture ? "\">\n" : is_video ? "\"></video>\n" : "\">the clip</a>\n", to);
}

static void put_result(FILE *to, const json_t *result)
{
    const json_t *seconds = json_object_get(result, "seconds"),
                 *findings = json_object_get(result, "findings");
    size_t i;
    json_t *finding;
    if (json_is_number(seconds))
        fprintf(to, "<p>%.1f s\n", json_number_value(seconds));
    if (json_array_size(findings))
        fputs("<ul>\n", to);
    json_array_foreach(findings, i, finding)
    {
        fputs("<li>", to);
        ps_html_text(to, json_is_string(finding) ? json_string_value(finding) : "");
        fputs("\n", to);
    }
    if (json_array_size(findings))
        fputs("</ul>\n", to);
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Why the job failed or waits again, and after how many attempts where it was tried more than once. */
static void put_reason(FILE *to, const struct ps_journal_job *job)
{
    if (!*job->reason && !*job->reason_id)
        return;
    fputs("<p class=\"reason\">", to);
    ps_html_text(to, *job->reason ? job->reason : job->reason_id);
    if (job->attempts > 1)
        fprintf(to, " (%u attempts)", job->attempts);
    fputs("\n", to);
}

static void put_job(FILE *to, const struct ps_report_entry *entry, bool first)
{
    const struct ps_journal_job *job = entry->job;
    size_t i;
    json_t *clip;
    (void)first;
    fprintf(to, "<section class=\"%s\">\n<h2>%" PRIu64 ": ", ps_job_state_name(job->state), job->row);
    ps_html_text(to, *entry->output ? entry->output : last_component(job->photo));
    fprintf(to, "</h2>\n");
    json_array_foreach(entry->clips, i, clip) put_clip(to, json_string_value(clip));
    fprintf(to, "<p>%s, from ", ps_job_state_name(job->state));
    ps_html_text(to, last_component(job->photo));
    fputs("\n", to);
    put_reason(to, job);
    put_result(to, entry->result);
    if (entry->log) {
        fputs("<p><a href=\"", to);
        ps_html_address(to, entry->log);
        fputs("\">log</a>\n", to);
    }
    fputs("</section>\n", to);
}

static void end(FILE *to)
{
    fputs("</main>\n</html>\n", to);
}

const struct ps_report_writer ps_report_html = {begin, put_job, end};
