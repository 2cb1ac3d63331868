#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/request.h"

enum { DEFAULT_REROLLS = 3 };

/* The sidecar's name is the clip's with ".json" after it, also where the clip is a folder. */
static enum ps_status name_sidecar(struct cli_request *request, struct ps_error *error)
{
    request->save.provenance = &request->provenance;
    if (request->signer.program) {
        request->signer.clip = request->output;
        request->provenance.sign = cli_sign;
        request->provenance.user = &request->signer;
        request->provenance.signer = request->signer.program;
    }
    if (request->no_sidecar || !request->output)
        return PS_OK;
    size_t length = strlen(request->output);
    while (length > 1 && request->output[length - 1] == '/')
        length--;
    const size_t size = length + sizeof ".json";
    request->sidecar = malloc(size);
    if (!request->sidecar)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    snprintf(request->sidecar, size, "%.*s.json", (int)length, request->output);
    request->provenance.sidecar = request->sidecar;
    return PS_OK;
}

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
    if (!request->rerolls)
        request->rerolls = DEFAULT_REROLLS;
    params->fit = (enum ps_fit)request->fit;
    params->focus = request->focus.how;
    params->focus_x = request->focus.at[0];
    params->focus_y = request->focus.at[1];
    params->schedule = (enum ps_schedule)request->schedule;
    params->rng = (enum ps_rng)request->rng;
    params->dtype = (enum ps_dtype)request->dtype;
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
    return name_sidecar(request, error);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (!a || !b)
        return false;
    if (stat(a, &first) || stat(b, &second))
        return !strcmp(a, b);
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* No output is an input, nor another output. A sidecar may be replaced by that of the render that it asked for. */
static enum ps_status check_distinct(const struct cli_request *request, struct ps_error *error)
{
    const char *const outputs[] = {request->output, request->params.taps, request->poster, request->sidecar};
    static const char *const names[] = {"--output", "--taps", "--poster", "the sidecar"};
    const char *const inputs[] = {request->photo,
                                  request->photo_params.background_image,
                                  request->model,
                                  request->unet,
                                  request->params.taps_in,
                                  request->logo,
                                  request->end_card,
                                  request->save.finish.caption.font,
                                  request->from};
    enum { OUTPUTS = sizeof outputs / sizeof *outputs, INPUTS = sizeof inputs / sizeof *inputs };
    for (size_t i = 0; i < OUTPUTS; i++) {
        for (size_t j = 0; j < (outputs[i] == request->sidecar ? INPUTS - 1 : INPUTS); j++)
            if (is_same_file(outputs[i], inputs[j]))
                return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                                "\"%.300s\" would be replaced, and it is an input; name another output",
                                outputs[i]);
        for (size_t j = 0; j < i; j++)
            if (is_same_file(outputs[i], outputs[j]))
                return cli_fail(error, PS_ERR_USAGE, "usage.conflict", "%s and %s name the same file",
                                names[j], names[i]);
    }
    return PS_OK;
}

enum ps_status cli_request_check_outputs(const struct cli_request *request, struct ps_error *error)
{
    const bool overwrite = request->save.overwrite;
    if (check_distinct(request, error) ||
        (request->output && ps_clip_plan_save(NULL, NULL, request->output, &request->save, error)) ||
        (request->params.taps && ps_output_check(request->params.taps, overwrite, error)) ||
        (request->poster && ps_clip_plan_poster(NULL, request->poster, &request->save, error)))
        return error->status;
    return PS_OK;
}

void cli_request_free(struct cli_request *request)
{
    free(request->sigmas.values);
    request->sigmas = (struct cli_list){0};
    free(request->sidecar);
    request->sidecar = NULL;
}
