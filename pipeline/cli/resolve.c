#include <stdlib.h>
#include <string.h>

#include "cli/request.h"

enum { DEFAULT_REROLLS = 3 };

enum ps_status cli_request_resolve(struct cli_request *request, struct ps_error *error)
{
    if (!request->photo)
        return cli_fail(error, PS_ERR_USAGE, "usage.argument",
                        "render needs a PHOTO, or --from SIDECAR; see packshot help render");
    if (!request->output && !request->dry_run)
        return cli_fail(error, PS_ERR_USAGE, "usage.option",
                        "render needs --output CLIP; see packshot help render");
    if (!request->model) {
        if (cli_default_model(request->default_model, error))
            return error->status;
        request->model = request->default_model;
    }
    struct ps_render_params *params = &request->params;
    if (request->on_fail == CLI_ON_FAIL_REROLL && (params->taps || params->taps_in))
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                        "--on-fail reroll renders several seeds; taps are of one");
    if (request->on_fail == CLI_ON_FAIL_REROLL && (request->candidates || request->draft))
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                        "--on-fail reroll is for one finished clip; --candidates and --draft are for eyes");
    if (request->on_fail == CLI_ON_FAIL_REROLL && params->state)
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                        "--on-fail reroll renders several seeds; --state is of one");
    if (!request->rerolls)
        request->rerolls = DEFAULT_REROLLS;
    params->fit = (enum ps_fit)request->fit;
    params->focus = request->focus.how;
    params->focus_x = request->focus.at[0];
    params->focus_y = request->focus.at[1];
    params->schedule = (enum ps_schedule)request->schedule;
    params->rng = (enum ps_rng)request->rng;
    params->dtype = (enum ps_dtype)request->dtype;
    params->weights = (enum ps_weights)request->weights;
    request->photo_params.sandbox = (enum ps_sandbox)request->sandbox;
    params->sigmas = request->sigmas.values;
    params->sigma_count = request->sigmas.count;
    params->guidance_min = request->guidance[0];
    params->guidance_max = request->guidance[1];
    params->overwrite = request->save.overwrite;
    struct ps_finish_params *finish = &request->save.finish;
    request->save.codec = (enum ps_codec)request->codec;
    finish->loop = (enum ps_loop)request->loop;
    finish->interpolation = (enum ps_interpolation)request->interpolation;
    finish->logo.anchor = (enum ps_anchor)request->logo_anchor;
    finish->caption.anchor = (enum ps_anchor)request->caption_anchor;
    finish->visible_label.anchor = (enum ps_anchor)request->visible_label_anchor;
    finish->visible_label.font = finish->caption.font;
    if (finish->visible_label.text && !strcmp(finish->visible_label.text, "auto"))
        finish->visible_label.text = "AI-generated";
    return PS_OK;
}

void cli_request_free(struct cli_request *request)
{
    free(request->sigmas.values);
    request->sigmas = (struct cli_list){0};
}
