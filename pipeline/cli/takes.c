#include "cli/takes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "cli/quality.h"

bool cli_takes_wanted(const struct cli_request *request, const char *resume)
{
    return request->candidates || request->draft || resume;
}

uint32_t cli_takes_count(const struct cli_request *request)
{
    return request->candidates ? request->candidates : 1;
}

enum ps_status cli_takes_name(struct cli_takes *takes, struct cli_output *outputs, size_t *count,
                              struct ps_error *error)
{
    const struct cli_request *request = takes->request;
    const bool keeps = request->output && (request->candidates || request->draft);
    bool named = true;
    *count = 0;
    takes->count = cli_takes_count(request);
    for (uint32_t i = 0; i < takes->count && keeps; i++) {
        char mark[48] = "";
        if (request->candidates)
            snprintf(mark, sizeof mark, "-seed%llu", (unsigned long long)(request->params.seed + i));
        char *clip = cli_marked(request->output, mark);
        takes->latents[i] = clip ? cli_beside(clip, ".latents.safetensors") : NULL;
        named = named && takes->latents[i];
        free(clip);
        outputs[(*count)++] = (struct cli_output){takes->latents[i], "the file of latents"};
    }
    return named ? PS_OK : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

struct ps_takes cli_takes_params(const struct cli_takes *takes)
{
    /* Arrays of one more level of const than C converts to by itself. */
    return (struct ps_takes){.count = takes->count,
                             .until = takes->request->draft,
                             .keep = (const char *const *)takes->latents,
                             .resume = takes->resume ? &takes->resume : NULL};
}

/* ---- one take ---- */

static json_t *latents_section(const struct cli_takes *takes, uint32_t take, struct ps_error *error)
{
    char hash[65];
    const char *path = takes->latents[take], *slash = strrchr(path, '/');
    const uint32_t steps = takes->request->draft;
    if (ps_file_hash(hash, path, error))
        return NULL;
    return json_pack("{s:o, s:s, s:o}", "name", cli_json_text(slash ? slash + 1 : path), "sha256", hash,
                     "steps", steps ? json_integer(steps) : json_null());
}

/* What a sidecar of the take has beside the library's own. */
static json_t *sections_of(const struct cli_takes *takes, uint32_t take, const struct ps_quality *quality,
                           struct ps_error *error)
{
    json_t *sections = json_copy((json_t *)(uintptr_t)takes->sections);
    json_object_set_new(sections, "quality", cli_quality_event(quality));
    if (takes->latents[take])
        json_object_set_new(sections, "latents", latents_section(takes, take, error));
    return sections;
}

static json_t *take_event(const struct cli_takes *takes, uint32_t take, const struct ps_quality *quality)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)(takes->request->params.seed + take));
    return json_pack("{s:s, s:o, s:o, s:o}", "seed", seed, "latents",
                     takes->latents[take] ? cli_json_text(takes->latents[take]) : json_null(), "outputs",
                     cli_delivery_event(takes->delivery, take), "quality", cli_quality_event(quality));
}

static enum ps_status add_shots(struct cli_takes *takes, uint32_t take, const struct ps_clip *clip,
                                const struct ps_quality *quality, struct ps_error *error)
{
    char text[64];
    if (!takes->delivery->sheet)
        return PS_OK;
    if (!takes->shots && ps_sheet_new(&takes->shots, takes->count, error))
        return error->status;
    snprintf(text, sizeof text, "seed %llu%s", (unsigned long long)(takes->request->params.seed + take),
             quality->finding_count ? ", needs eyes" : "");
    return ps_sheet_add(takes->shots, clip, text, error);
}

static enum ps_status save_take(struct cli_takes *takes, uint32_t take, const struct ps_clip *clip,
                                struct ps_error *error)
{
    struct ps_quality quality;
    if (ps_clip_measure(&quality, clip, error))
        return error->status;
    if (takes->count > 1 && quality.finding_count)
        cli_say(takes->report, true, "seed %llu:", (unsigned long long)(takes->request->params.seed + take));
    cli_tell_quality(takes->report, &quality);
    json_t *sections = sections_of(takes, take, &quality, error);
    if (!error->status &&
        !cli_delivery_write(takes->delivery, takes->request, take, clip, sections, takes->events, error) &&
        !add_shots(takes, take, clip, &quality, error))
        json_array_append_new(takes->made, take_event(takes, take, &quality));
    json_decref(sections);
    return error->status;
}

static void be_alone(const struct cli_takes *takes, bool begin)
{
    if (takes->alone)
        takes->alone(takes->user, begin);
}

static bool on_done(void *user, uint32_t take, struct ps_clip *clip)
{
    struct cli_takes *takes = user;
    takes->peak_bytes = ps_clip_peak_bytes(clip);
    be_alone(takes, true);
    save_take(takes, take, clip, takes->error);
    be_alone(takes, false);
    ps_clip_free(&clip);
    return !takes->error->status;
}

/* ---- all of them ---- */

enum ps_status cli_takes_run(struct cli_takes *takes, struct ps_error *error)
{
    const struct cli_request *request = takes->request;
    struct ps_takes params = cli_takes_params(takes);
    struct ps_error failed = {0};
    params.done = on_done;
    params.user = takes;
    takes->made = json_array();
    takes->error = &failed;
    ps_render_takes(takes->model, takes->photo, &request->params, &params, takes->events, error);
    /* What stopped the render comes before that it was stopped. */
    if (failed.status)
        *error = failed;
    if (error->status || !takes->delivery->sheet)
        return error->status;
    be_alone(takes, true);
    if (!ps_sheet_save(takes->shots, takes->delivery->sheet, request->save.overwrite, error))
        cli_page_write(takes->delivery->page, request->save.overwrite, takes->made, error);
    be_alone(takes, false);
    return error->status;
}

void cli_takes_summarise(const struct cli_takes *takes, json_t *event)
{
    json_t *first = json_array_get(takes->made, 0);
    json_object_set(event, "takes", takes->made);
    json_object_set_new(event, "peak_bytes", json_integer((json_int_t)takes->peak_bytes));
    json_object_set(event, "quality", json_object_get(first, "quality"));
    if (takes->delivery->sheet) {
        json_object_set_new(event, "sheet", cli_json_text(takes->delivery->sheet));
        json_object_set_new(event, "page", cli_json_text(takes->delivery->page));
    }
    if (takes->request->draft)
        json_object_set_new(event, "draft", json_integer(takes->request->draft));
}

void cli_takes_free(struct cli_takes *takes)
{
    for (uint32_t i = 0; i < PS_MAX_TAKES; i++)
        free(takes->latents[i]);
    ps_sheet_free(&takes->shots);
    json_decref(takes->made);
    *takes = (struct cli_takes){0};
}
