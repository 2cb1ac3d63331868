/* A single sgm file holds five things under one roof; this sorts its tensors into the parts. The encoder and
 * quant_conv that condition the UNet are those of the conditioner, not those of first_stage_model, which only
 * decodes. */
#include "weights/layout.h"
#include "weights/names.h"
#include "weights/rename.h"

#include <stdio.h>
#include <string.h>

#define UNET "model.diffusion_model"
#define DECODER "first_stage_model"

struct sorter {
    struct ps_checkpoint *checkpoint;
    const struct ps_safetensors *file;
    struct ps_sgm_unet unet;
    struct ps_sgm_vae vae;
    struct ps_error *error;
};

/* "conditioner.embedders.K.WORD.REST" -> REST; K is the order of the embedders in the model's yaml file. */
static const char *embedder(const char *name, const char *word)
{
    uint32_t index;
    const char *rest = ps_after(name, "conditioner.embedders");
    rest = rest ? ps_number(rest, &index) : NULL;
    return rest ? ps_after(rest, word) : NULL;
}

static bool is_half(const char *rest, const char *half, const char *conv)
{
    return ps_after(rest, half) || ps_after(rest, conv);
}

static bool keep(const struct sorter *sorter, enum ps_part_kind kind, const char *name,
                 const struct ps_file_tensor *tensor)
{
    return ps_part_add(&sorter->checkpoint->parts[kind], name, sorter->file, tensor, sorter->error) != NULL;
}

/* A tensor that no part needs. */
static bool set_aside(const struct sorter *sorter, const struct ps_file_tensor *tensor, bool known)
{
    struct ps_entry *entry = ps_part_add(&sorter->checkpoint->parts[PS_PART_OTHER], tensor->name,
                                         sorter->file, tensor, sorter->error);
    if (entry)
        entry->claimed = known;
    return entry != NULL;
}

static bool add_unet(const struct sorter *sorter, const struct ps_file_tensor *tensor, const char *rest)
{
    char name[PS_NAME_BYTES];
    const bool known = ps_sgm_unet_name(&sorter->unet, rest, name);
    return keep(sorter, PS_PART_UNET, known ? name : tensor->name, tensor);
}

static bool add_vae(const struct sorter *sorter, const struct ps_file_tensor *tensor, const char *rest)
{
    char name[PS_NAME_BYTES];
    const bool known = ps_sgm_vae_name(&sorter->vae, rest, name);
    struct ps_entry *entry = ps_part_add(&sorter->checkpoint->parts[PS_PART_VAE], known ? name : tensor->name,
                                         sorter->file, tensor, sorter->error);
    if (!entry)
        return false;
    /* The attention's linear layers are stored as 1x1 convolutions. */
    if (known && strstr(name, "attentions.0.to_") && entry->rank == 4 && entry->shape[2] == 1 &&
        entry->shape[3] == 1)
        entry->rank = 2;
    return true;
}

static bool add_vision(const struct sorter *sorter, const struct ps_file_tensor *tensor, const char *rest)
{
    struct ps_part *part = &sorter->checkpoint->parts[PS_PART_VISION];
    char name[PS_NAME_BYTES];
    uint32_t pieces;
    bool transposed;
    if (!ps_open_clip_name(rest, 0, name, &pieces, &transposed) || (transposed && tensor->rank != 2) ||
        (pieces > 1 && (tensor->rank == 0 || tensor->shape[0] % pieces)))
        return keep(sorter, PS_PART_VISION, tensor->name, tensor);
    for (uint32_t i = 0; i < pieces; i++) {
        ps_open_clip_name(rest, i, name, &pieces, &transposed);
        struct ps_entry *entry =
            ps_part_add_slice(part, name, sorter->file, tensor, i, pieces, sorter->error);
        if (!entry)
            return false;
        if (transposed) {
            entry->shape[0] = tensor->shape[1];
            entry->shape[1] = tensor->shape[0];
            entry->transposed = true;
        }
    }
    return true;
}

/* What training leaves in a checkpoint and rendering does not need. */
static bool is_known_leftover(const char *name)
{
    static const char *const words[] = {"model_ema", "denoiser", "loss", "sigmas", "betas", "conditioner"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (ps_after(name, words[i]))
            return true;
    }
    return false;
}

static bool sort_tensor(const struct sorter *sorter, const struct ps_file_tensor *tensor)
{
    const char *rest = ps_after(tensor->name, UNET);
    if (rest)
        return add_unet(sorter, tensor, rest);
    rest = ps_after(tensor->name, DECODER);
    if (rest)
        return is_half(rest, "encoder", "quant_conv") ? set_aside(sorter, tensor, true)
                                                      : add_vae(sorter, tensor, rest);
    rest = embedder(tensor->name, "encoder");
    if (rest)
        return is_half(rest, "decoder", "post_quant_conv") ? set_aside(sorter, tensor, true)
                                                           : add_vae(sorter, tensor, rest);
    rest = embedder(tensor->name, "open_clip.model");
    if (rest && ps_after(rest, "visual"))
        return add_vision(sorter, tensor, ps_after(rest, "visual"));
    return set_aside(sorter, tensor, is_known_leftover(tensor->name));
}

static enum ps_status sort_file(struct sorter *sorter)
{
    for (uint32_t i = 0; i < sorter->file->count; i++) {
        const char *name = sorter->file->tensors[i].name;
        const char *unet = ps_after(name, UNET), *vae = ps_after(name, DECODER);
        if (unet)
            ps_sgm_unet_note(&sorter->unet, unet);
        if (vae)
            ps_sgm_vae_note(&sorter->vae, vae);
    }
    ps_sgm_unet_count(&sorter->unet);
    for (uint32_t i = 0; i < sorter->file->count; i++) {
        if (!sort_tensor(sorter, &sorter->file->tensors[i]))
            return PS_ERR_MEMORY;
    }
    return PS_OK;
}

/* A UNet alone, its names without the prefix. */
static enum ps_status sort_unet(struct sorter *sorter)
{
    for (uint32_t i = 0; i < sorter->file->count; i++)
        ps_sgm_unet_note(&sorter->unet, sorter->file->tensors[i].name);
    ps_sgm_unet_count(&sorter->unet);
    for (uint32_t i = 0; i < sorter->file->count; i++) {
        if (!add_unet(sorter, &sorter->file->tensors[i], sorter->file->tensors[i].name))
            return PS_ERR_MEMORY;
    }
    return PS_OK;
}

enum ps_status ps_single_add(struct ps_checkpoint *checkpoint, const struct ps_safetensors *file,
                             struct ps_error *error)
{
    struct sorter sorter = {.checkpoint = checkpoint, .file = file, .error = error};
    switch (ps_naming_of(file)) {
    case PS_NAMING_SGM_FILE:
        return sort_file(&sorter);
    case PS_NAMING_SGM_UNET:
        return sort_unet(&sorter);
    case PS_NAMING_DIFFUSERS_UNET:
        return ps_add_as_named(&checkpoint->parts[PS_PART_UNET], file, error);
    case PS_NAMING_OTHER:
        break;
    }
    return ps_add_as_named(&checkpoint->parts[PS_PART_OTHER], file, error);
}
