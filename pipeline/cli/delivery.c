#include "cli/delivery.h"

#include <stdio.h>

enum ps_status cli_delivery_open(struct cli_delivery *delivery, struct cli_request *request,
                                 struct ps_error *error)
{
    const struct ps_photo_params plain = {.assume_cmyk = request->photo_params.assume_cmyk,
                                          .sandbox = request->photo_params.sandbox};
    if (request->logo && ps_photo_load(&delivery->logo, request->logo, &plain, error))
        return error->status;
    if (request->end_card && ps_photo_load(&delivery->end_card, request->end_card, &plain, error))
        return error->status;
    request->save.finish.logo.picture = delivery->logo;
    request->save.finish.end_card.picture = delivery->end_card;
    return PS_OK;
}

void cli_delivery_close(struct cli_delivery *delivery)
{
    ps_photo_free(&delivery->logo);
    ps_photo_free(&delivery->end_card);
}

char *cli_delivery_describe(char *to, size_t size, const struct ps_save_plan *plan)
{
    snprintf(to, size, "%ux%u, %u frames, %.5g fps", plan->width, plan->height, plan->frames,
             (double)plan->rate.num / plan->rate.den);
    return to;
}

enum ps_status cli_delivery_plan(struct cli_delivery *delivery, const struct cli_request *request,
                                 const struct ps_render_params *resolved, struct cli_report *report,
                                 struct ps_error *error)
{
    const struct ps_clip_shape shape = {resolved->width, resolved->height, resolved->frames, resolved->fps};
    char result[96];
    if (request->poster && ps_clip_plan_poster(&shape, request->poster, &request->save, error))
        return error->status;
    if (!request->output)
        return PS_OK;
    if (ps_clip_plan_save(&delivery->plan, &shape, request->output, &request->save, error))
        return error->status;
    cli_say(report, true, "save: %s (%s) in %s, %s", delivery->plan.codec_name, delivery->plan.encoder,
            delivery->plan.container, cli_delivery_describe(result, sizeof result, &delivery->plan));
    return PS_OK;
}

enum ps_status cli_delivery_write(const struct cli_request *request, const struct ps_clip *clip,
                                  struct cli_progress *progress, struct ps_error *error)
{
    struct ps_save_params save = request->save;
    save.progress = cli_progress_tell;
    save.user = progress;
    if (request->poster && ps_clip_save_poster(clip, request->poster, &save, error))
        return error->status;
    return ps_clip_save(clip, request->output, &save, error);
}

json_t *cli_delivery_event(const struct cli_delivery *delivery)
{
    const struct ps_save_plan *plan = &delivery->plan;
    char rate[32];
    if (!plan->width)
        return NULL;
    snprintf(rate, sizeof rate, "%u/%u", plan->rate.num, plan->rate.den);
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "codec", plan->codec_name, "container",
                     plan->container, "encoder", plan->encoder, "width", (int)plan->width, "height",
                     (int)plan->height, "frames", (int)plan->frames, "rate", rate);
}
