#include "cli/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

/* The error names the option: several pictures of one call may fail alike. */
static enum ps_status load_picture(struct ps_photo **picture, const char *option, const char *path,
                                   const struct ps_photo_params *params, struct ps_error *error)
{
    struct ps_error cause = {0};
    if (!path || !ps_photo_load(picture, path, params, &cause))
        return PS_OK;
    ps_fail(error, cause.status, cause.id, "%s: %s", option, cause.message);
    ps_hint(error, "%s", cause.hint);
    return error->status;
}

enum ps_status cli_delivery_load(struct cli_delivery *delivery, struct cli_request *request,
                                 struct ps_error *error)
{
    const struct ps_photo_params plain = {.assume_cmyk = request->photo_params.assume_cmyk,
                                          .sandbox = request->photo_params.sandbox};
    if (load_picture(&delivery->logo, "--logo", request->logo, &plain, error) ||
        load_picture(&delivery->end_card, "--end-card", request->end_card, &plain, error))
        return error->status;
    request->save.finish.logo.picture = delivery->logo;
    request->save.finish.end_card.picture = delivery->end_card;
    return PS_OK;
}

/* Both lie beside the clips of candidates. */
static enum ps_status name_overview(struct cli_delivery *delivery, const char *output, struct ps_error *error)
{
    delivery->sheet = cli_renamed(output, "-candidates.png");
    delivery->page = cli_renamed(output, "-candidates.html");
    return delivery->sheet && delivery->page ? PS_OK
                                             : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

enum ps_status cli_delivery_name(struct cli_delivery *delivery, const struct cli_request *request,
                                 uint32_t takes, bool seeds, struct ps_error *error)
{
    const struct cli_formats *formats = &request->formats;
    delivery->formats = formats->count ? formats->count : 1;
    delivery->targets = calloc((size_t)takes * delivery->formats, sizeof *delivery->targets);
    if (!delivery->targets)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    for (uint32_t i = 0; i < takes * delivery->formats && !error->status; i++) {
        const uint64_t seed = request->params.seed + i / delivery->formats;
        char mark[32] = "";
        if (seeds)
            snprintf(mark, sizeof mark, "-seed%llu", (unsigned long long)seed);
        cli_target_make(&delivery->targets[delivery->count++], request, mark,
                        formats->count ? &formats->list[i % delivery->formats] : NULL, formats->count > 1,
                        error);
    }
    return error->status || !seeds || !request->output ? error->status
                                                       : name_overview(delivery, request->output, error);
}

void cli_delivery_close(struct cli_delivery *delivery)
{
    for (uint32_t i = 0; i < delivery->count; i++)
        cli_target_free(&delivery->targets[i]);
    free(delivery->targets);
    free(delivery->sheet);
    free(delivery->page);
    ps_photo_free(&delivery->logo);
    ps_photo_free(&delivery->end_card);
}

/* ---- checks ---- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (!a || !b)
        return false;
    if (stat(a, &first) || stat(b, &second))
        return !strcmp(a, b);
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

struct outputs {
    struct cli_output *list;
    size_t count;
};

static bool collect(struct outputs *outputs, const struct cli_delivery *delivery,
                    const struct cli_output *others, size_t other_count)
{
    outputs->list = malloc((3u * delivery->count + 2u + other_count) * sizeof *outputs->list);
    outputs->count = 0;
    for (uint32_t i = 0; outputs->list && i < delivery->count; i++) {
        const struct cli_target *target = &delivery->targets[i];
        outputs->list[outputs->count++] = (struct cli_output){target->clip, "--output"};
        outputs->list[outputs->count++] = (struct cli_output){target->poster, "--poster"};
        outputs->list[outputs->count++] = (struct cli_output){target->sidecar, "the sidecar"};
    }
    if (!outputs->list)
        return false;
    outputs->list[outputs->count++] = (struct cli_output){delivery->sheet, "the contact sheet"};
    outputs->list[outputs->count++] = (struct cli_output){delivery->page, "the page of candidates"};
    for (size_t i = 0; i < other_count; i++)
        outputs->list[outputs->count++] = others[i];
    return true;
}

/* No output is an input, nor another output. A sidecar may be replaced by that of the render that it asked for. */
static enum ps_status check_distinct(const struct cli_delivery *delivery, const struct cli_request *request,
                                     const struct outputs *outputs, struct ps_error *error)
{
    const char *const inputs[] = {request->photo,
                                  request->photo_params.background_image,
                                  request->model,
                                  request->unet,
                                  request->params.taps_in,
                                  request->logo,
                                  request->end_card,
                                  request->save.finish.caption.font,
                                  request->from};
    enum { INPUTS = sizeof inputs / sizeof *inputs };
    for (size_t i = 0; i < outputs->count; i++) {
        const struct cli_output *output = &outputs->list[i];
        const bool is_sidecar = i / 3 < delivery->count && i % 3 == 2;
        for (size_t j = 0; j < (is_sidecar ? INPUTS - 1 : INPUTS); j++)
            if (is_same_file(output->path, inputs[j]))
                return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                                "\"%.300s\" would be replaced, and it is an input; name another output",
                                output->path);
        for (size_t j = 0; j < i; j++)
            if (is_same_file(output->path, outputs->list[j].path))
                return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                                "%s and %s name the same file, \"%.300s\"", outputs->list[j].role,
                                output->role, output->path);
    }
    return PS_OK;
}

enum ps_status cli_delivery_check(struct cli_delivery *delivery, const struct cli_request *request,
                                  const struct cli_output *others, size_t other_count, struct ps_error *error)
{
    struct outputs outputs;
    if (!collect(&outputs, delivery, others, other_count))
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    check_distinct(delivery, request, &outputs, error);
    for (uint32_t i = 0; i < delivery->count && !error->status; i++)
        cli_target_plan(&delivery->targets[i], request, NULL, error);
    for (size_t i = 3u * delivery->count; i < outputs.count && !error->status; i++)
        /* A state that lies there is gone on from; the library looks at it. */
        if (outputs.list[i].path && outputs.list[i].path != request->params.state)
            ps_output_check(outputs.list[i].path, request->save.overwrite, error);
    free(outputs.list);
    return error->status;
}

/* ---- planning and writing ---- */

enum ps_status cli_delivery_plan(struct cli_delivery *delivery, const struct cli_request *request,
                                 const struct ps_render_params *resolved, struct cli_report *report,
                                 struct ps_error *error)
{
    const struct ps_clip_shape shape = {resolved->width, resolved->height, resolved->frames, resolved->fps};
    for (uint32_t i = 0; i < delivery->count; i++) {
        struct cli_target *target = &delivery->targets[i];
        char result[96];
        if (cli_target_plan(target, request, &shape, error))
            return error->status;
        if (target->clip && report)
            cli_say(report, true, "save: %s: %s (%s) in %s, %s", target->clip, target->plan.codec_name,
                    target->plan.encoder, target->plan.container,
                    cli_target_describe(result, sizeof result, target));
    }
    return PS_OK;
}

enum ps_status cli_delivery_write(struct cli_delivery *delivery, const struct cli_request *request,
                                  uint32_t take, const struct ps_clip *clip, const json_t *sections,
                                  const struct ps_render_events *saving, struct ps_error *error)
{
    for (uint32_t i = 0; i < delivery->formats; i++)
        if (cli_target_save(&delivery->targets[take * delivery->formats + i], request, clip, sections, saving,
                            error))
            return error->status;
    return PS_OK;
}

json_t *cli_delivery_event(const struct cli_delivery *delivery, uint32_t take)
{
    json_t *events = json_array();
    for (uint32_t i = 0; i < delivery->formats; i++)
        json_array_append_new(events, cli_target_event(&delivery->targets[take * delivery->formats + i]));
    return events;
}
