#include "cli/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* Where the last component's end begins: at its last dot, or at the slashes of a folder. */
static size_t find_end(const char *path)
{
    size_t length = strlen(path), end = length;
    while (end > 1 && path[end - 1] == '/')
        end--;
    if (end < length)
        return end;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - path) : length;
}

char *cli_marked(const char *path, const char *mark)
{
    char *marked = NULL;
    if (!path)
        return NULL;
    const size_t end = find_end(path);
    return asprintf(&marked, "%.*s%s%s", (int)end, path, mark, path + end) < 0 ? NULL : marked;
}

char *cli_beside(const char *clip, const char *end)
{
    size_t length = strlen(clip);
    char *name = NULL;
    while (length > 1 && clip[length - 1] == '/')
        length--;
    return asprintf(&name, "%.*s%s", (int)length, clip, end) < 0 ? NULL : name;
}

char *cli_renamed(const char *path, const char *end)
{
    char *name = NULL;
    return asprintf(&name, "%.*s%s", (int)find_end(path), path, end) < 0 ? NULL : name;
}

enum ps_status cli_target_make(struct cli_target *target, const struct cli_request *request, const char *mark,
                               const struct cli_format *format, bool marks_format, struct ps_error *error)
{
    char end[CLI_FORMAT_TEXT + 1] = "", both[64];
    if (format && marks_format)
        cli_format_mark(end, format);
    snprintf(both, sizeof both, "%s%s", mark, end);
    *target =
        (struct cli_target){.format = format, .signer = request->signer, .provenance = request->provenance};
    target->clip = cli_marked(request->output, both);
    target->poster = cli_marked(request->poster, both);
    if (target->clip && !request->no_sidecar)
        target->sidecar = cli_beside(target->clip, ".json");
    if (!target->clip != !request->output || !target->poster != !request->poster ||
        (target->clip && !request->no_sidecar && !target->sidecar))
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    target->provenance.sidecar = target->sidecar;
    target->signer.clip = target->clip;
    return PS_OK;
}

void cli_target_free(struct cli_target *target)
{
    free(target->clip);
    free(target->poster);
    free(target->sidecar);
    *target = (struct cli_target){0};
}

/* ---- saving ---- */

/* The request's parameters for this target. */
static struct ps_save_params params_of(struct cli_target *target, const struct cli_request *request,
                                       const struct ps_clip_shape *shape)
{
    struct ps_save_params save = request->save;
    if (target->signer.program) {
        target->provenance.sign = cli_sign;
        target->provenance.user = &target->signer;
        target->provenance.signer = target->signer.program;
    }
    save.provenance = &target->provenance;
    if (target->format && shape)
        cli_format_size(target->format, shape, &save.finish.width, &save.finish.height);
    return save;
}

enum ps_status cli_target_plan(struct cli_target *target, const struct cli_request *request,
                               const struct ps_clip_shape *shape, struct ps_error *error)
{
    const struct ps_save_params save = params_of(target, request, shape);
    if (target->poster && ps_clip_plan_poster(shape, target->poster, &save, error))
        return error->status;
    return target->clip ? ps_clip_plan_save(shape ? &target->plan : NULL, shape, target->clip, &save, error)
                        : PS_OK;
}

/* The sections as the sidecar of this target has them: it is of one format alone. */
static char *sections_text(const struct cli_target *target, const json_t *sections)
{
    json_t *own = json_deep_copy(sections);
    if (own && target->format)
        json_object_set_new(json_object_get(own, "options"), "deliver", json_string(target->format->text));
    char *text = own ? json_dumps(own, JSON_COMPACT) : NULL;
    json_decref(own);
    return text;
}

enum ps_status cli_target_save(struct cli_target *target, const struct cli_request *request,
                               const struct ps_clip *clip, const json_t *sections,
                               const struct ps_render_events *saving, struct ps_error *error)
{
    const struct ps_clip_shape shape = {ps_clip_width(clip), ps_clip_height(clip), ps_clip_frames(clip),
                                        ps_clip_fps(clip)};
    struct ps_save_params save = params_of(target, request, &shape);
    char *text = sections_text(target, sections);
    if (!text)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    target->provenance.sections = text;
    save.progress = saving->progress;
    save.user = saving->user;
    if (target->format)
        ps_clip_choose_crop(&save.finish, clip, request->safe, error);
    if (!error->status && target->poster)
        ps_clip_save_poster(clip, target->poster, &save, error);
    if (!error->status)
        ps_clip_save(clip, target->clip, &save, error);
    target->provenance.sections = NULL;
    free(text);
    return error->status;
}

/* ---- telling ---- */

char *cli_target_describe(char *to, size_t size, const struct cli_target *target)
{
    const struct ps_save_plan *plan = &target->plan;
    snprintf(to, size, "%ux%u, %u frames, %.5g fps", plan->width, plan->height, plan->frames,
             (double)plan->rate.num / plan->rate.den);
    return to;
}

static json_t *saved_event(const struct ps_save_plan *plan)
{
    char rate[32];
    snprintf(rate, sizeof rate, "%u/%u", plan->rate.num, plan->rate.den);
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "codec", plan->codec_name, "container",
                     plan->container, "encoder", plan->encoder, "width", (int)plan->width, "height",
                     (int)plan->height, "frames", (int)plan->frames, "rate", rate);
}

static json_t *text_or_null(const char *text)
{
    return text ? cli_json_text(text) : json_null();
}

json_t *cli_target_event(const struct cli_target *target)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "output", text_or_null(target->clip), "sidecar",
                     text_or_null(target->sidecar), "poster", text_or_null(target->poster), "saved",
                     target->plan.width ? saved_event(&target->plan) : json_null());
}
