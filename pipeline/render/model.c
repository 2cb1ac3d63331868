#include "render/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provenance/licence.h"

/* Binds one phase's part: `bind` declares its weights, `set` takes them over. */
static enum ps_status finish_part(struct ps_binder *binder, bool bound, struct ps_weight_set *set,
                                  struct ps_error *error)
{
    if (bound)
        return ps_binder_finish(binder, set, error);
    ps_binder_drop(binder);
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

static enum ps_status bind_vae(struct ps_model *model, struct ps_error *error)
{
    struct ps_part *part = &model->checkpoint->parts[PS_PART_VAE];
    struct ps_binder binder;
    if (ps_binder_begin(&binder, part, error))
        return error->status;
    ps_encoder_bind(&model->encoder, &binder, &model->checkpoint->vae);
    if (finish_part(&binder, true, &model->encoder.weights, error) || ps_binder_begin(&binder, part, error))
        return error->status;
    ps_decoder_bind(&model->decoder, &binder, &model->checkpoint->vae);
    return finish_part(&binder, true, &model->decoder.weights, error);
}

static enum ps_status bind_all(struct ps_model *model, struct ps_error *error)
{
    struct ps_checkpoint *checkpoint = model->checkpoint;
    struct ps_binder binder;
    if (ps_binder_begin(&binder, &checkpoint->parts[PS_PART_UNET], error))
        return error->status;
    bool bound = ps_unet_bind(&model->unet, &binder, &checkpoint->unet);
    if (finish_part(&binder, bound, &model->unet.weights, error) || bind_vae(model, error) ||
        ps_binder_begin(&binder, &checkpoint->parts[PS_PART_VISION], error))
        return error->status;
    bound = ps_vision_bind(&model->vision, &binder, &checkpoint->vision);
    if (finish_part(&binder, bound, &model->vision.weights, error))
        return error->status;
    for (int kind = PS_PART_UNET; kind <= PS_PART_VISION; kind++)
        if (ps_part_check_surplus(&checkpoint->parts[kind], error))
            return error->status;
    return PS_OK;
}

enum ps_status ps_model_open(struct ps_model **out, struct ps_context *context, const char *path,
                             const struct ps_model_params *params, struct ps_error *error)
{
    struct ps_error local = {0};
    *out = NULL;
    error = error ? error : &local;
    struct ps_model *model = calloc(1, sizeof *model);
    if (!model)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    model->context = context;
    if (ps_checkpoint_open(&model->checkpoint, path, error) ||
        (params && params->unet && ps_checkpoint_override_unet(model->checkpoint, params->unet, error)) ||
        ps_checkpoint_ready(model->checkpoint, error) || bind_all(model, error)) {
        ps_model_close(&model);
        return error->status;
    }
    ps_origin_name(model->name, path, 1);
    ps_licence_note(model->licence, sizeof model->licence, path);
    *out = model;
    return PS_OK;
}

void ps_model_close(struct ps_model **model)
{
    if (!*model)
        return;
    ps_unet_free(&(*model)->unet);
    ps_vision_free(&(*model)->vision);
    ps_weight_set_free(&(*model)->encoder.weights);
    ps_weight_set_free(&(*model)->decoder.weights);
    ps_checkpoint_close(&(*model)->checkpoint);
    free((*model)->files);
    free(*model);
    *model = NULL;
}

uint32_t ps_model_latent_scale(const struct ps_model *model)
{
    return 1u << (model->checkpoint->vae.levels - 1);
}

/* Declares a part's weights to a binder that only counts. */
static void count_part(struct ps_checkpoint *checkpoint, enum ps_part_kind kind, struct ps_binder *binder)
{
    struct ps_unet unet;
    struct ps_encoder encoder;
    struct ps_decoder decoder;
    struct ps_vision vision;
    switch (kind) {
    case PS_PART_UNET:
        if (ps_unet_bind(&unet, binder, &checkpoint->unet))
            ps_unet_free(&unet);
        break;
    case PS_PART_VAE:
        ps_encoder_bind(&encoder, binder, &checkpoint->vae);
        ps_decoder_bind(&decoder, binder, &checkpoint->vae);
        break;
    case PS_PART_VISION:
        if (ps_vision_bind(&vision, binder, &checkpoint->vision))
            ps_vision_free(&vision);
        break;
    default:
        break;
    }
}

static void add_problem(struct ps_model_info *info, const char *part, const char *text)
{
    if (info->problem_count == PS_MAX_PROBLEMS)
        return;
    char *line = info->problems[info->problem_count++];
    snprintf(line, sizeof info->problems[0], "%s: %.160s", part, text);
}

static void inspect_part(struct ps_model_info *info, struct ps_checkpoint *checkpoint, enum ps_part_kind kind)
{
    struct ps_part *part = &checkpoint->parts[kind];
    struct ps_part_info *line = &info->parts[info->part_count++];
    snprintf(line->name, sizeof line->name, "%s", part->name);
    ps_part_storage(part, line->storage, sizeof line->storage);
    line->tensors = part->count;
    for (uint32_t i = 0; i < part->count; i++) {
        line->parameters += ps_entry_elements(&part->entries[i]);
        line->bytes += part->entries[i].bytes;
    }
    if (kind == PS_PART_OTHER)
        return;
    if (part->problem.status) {
        add_problem(info, part->name, part->problem.message);
        return;
    }
    struct ps_binder binder;
    struct ps_error ignored = {0};
    if (ps_binder_begin(&binder, part, &ignored))
        return;
    count_part(checkpoint, kind, &binder);
    line->missing = binder.missing;
    line->misshapen = binder.misshapen;
    for (uint32_t i = 0; i < binder.problem_count; i++)
        add_problem(info, part->name, binder.problems[i]);
    ps_binder_drop(&binder);
    const char *names[3];
    line->surplus = ps_part_surplus(part, names, 3);
    for (uint32_t i = 0; i < line->surplus && i < 3; i++) {
        char text[192];
        snprintf(text, sizeof text, "surplus tensor %.150s", names[i]);
        add_problem(info, part->name, text);
    }
}

enum ps_status ps_inspect(struct ps_model_info *info, const char *path, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_checkpoint *checkpoint = NULL;
    *info = (struct ps_model_info){0};
    error = error ? error : &local;
    if (ps_checkpoint_open(&checkpoint, path, error))
        return error->status;
    snprintf(info->layout, sizeof info->layout, "%s", ps_layout_name(checkpoint->layout));
    snprintf(info->family, sizeof info->family, "%s", checkpoint->family);
    for (int kind = 0; kind < PS_PARTS; kind++)
        if (checkpoint->parts[kind].count || kind != PS_PART_OTHER)
            inspect_part(info, checkpoint, (enum ps_part_kind)kind);
    info->frames = checkpoint->unet.num_frames;
    info->width = checkpoint->defaults.width;
    info->height = checkpoint->defaults.height;
    info->steps = checkpoint->defaults.steps;
    info->latent_channels = checkpoint->vae.latent_channels;
    info->latent_scale = checkpoint->vae.levels ? 1u << (checkpoint->vae.levels - 1) : 0;
    info->temporal_decoder = checkpoint->vae.temporal;
    if (checkpoint->scheduler_problem.status)
        add_problem(info, "scheduler", checkpoint->scheduler_problem.message);
    if (checkpoint->defaults_problem.status)
        add_problem(info, "defaults", checkpoint->defaults_problem.message);
    ps_checkpoint_close(&checkpoint);
    return PS_OK;
}
