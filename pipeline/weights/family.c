#include "weights/layout.h"

#include <stdio.h>
#include <string.h>

/* A word in a tensor's name that tells a model apart; the first rule that matches counts. */
struct mark {
    enum { AT_START, ANYWHERE } where;
    const char *word;
    const char *family; /* null: SVD, or a relative with the same names */
};

static const struct mark marks[] = {
    {ANYWHERE, ".lora_", "a LoRA, an adapter and not a model"},
    {ANYWHERE, "lora_unet_", "a LoRA, an adapter and not a model"},
    {ANYWHERE, "controlnet_cond_embedding.", "a ControlNet"},
    {ANYWHERE, "controlnet_down_blocks.", "a ControlNet"},
    {ANYWHERE, "motion_modules.", "AnimateDiff motion modules"},
    {ANYWHERE, "cc_projection.", "Stable Video Diffusion with camera control (MotionCtrl)"},
    {ANYWHERE, "attentions.0.temporal_transformer_blocks.", NULL},
    {ANYWHERE, "middle_block.1.time_stack.", NULL},
    {ANYWHERE, "temp_attentions.", "ModelScope or I2VGen-XL"},
    {ANYWHERE, "single_transformer_blocks.", "FLUX"},
    {ANYWHERE, "double_blocks.", "FLUX or HunyuanVideo"},
    {ANYWHERE, "joint_blocks.", "Stable Diffusion 3"},
    {ANYWHERE, "patchify_proj.", "LTX-Video"},
    {ANYWHERE, "blocks.0.cross_attn.", "Wan"},
    {AT_START, "conditioner.embedders.1.model.", "Stable Diffusion XL"},
    {AT_START, "model.diffusion_model.label_emb.", "Stable Diffusion XL"},
    {AT_START, "cond_stage_model.transformer.", "Stable Diffusion 1.x"},
    {AT_START, "cond_stage_model.model.", "Stable Diffusion 2.x"},
    {AT_START, "model.diffusion_model.input_blocks.", "Stable Diffusion 1.x or 2.x"},
    {AT_START, "add_embedding.", "the UNet of Stable Diffusion XL"},
    {AT_START, "label_emb.", "the UNet of Stable Diffusion XL"},
    {AT_START, "down_blocks.", "the UNet of Stable Diffusion 1.x or 2.x"},
    {AT_START, "input_blocks.", "the UNet of Stable Diffusion 1.x or 2.x"},
    {AT_START, "transformer_blocks.", "a diffusion transformer"},
    {AT_START, "decoder.time_conv_out.", "a video VAE alone"},
    {AT_START, "decoder.conv_in.", "a VAE alone"},
    {AT_START, "vision_model.", "a CLIP vision tower alone"},
    {AT_START, "text_model.", "a text encoder"},
    {AT_START, "encoder.block.", "a text encoder"},
    {AT_START, "model.layers.", "a language model"},
};

static bool matches(const struct mark *mark, const struct ps_safetensors *file)
{
    const size_t length = strlen(mark->word);
    for (uint32_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (mark->where == AT_START ? !strncmp(name, mark->word, length) : strstr(name, mark->word) != NULL)
            return true;
    }
    return false;
}

/* Dimension `axis` of the tensor, under its sgm or its diffusers' name; 0 if it is not there. */
static uint64_t dimension(struct ps_safetensors *const *files, uint32_t count, const char *sgm,
                          const char *diffusers, uint32_t axis)
{
    char prefixed[PS_NAME_BYTES];
    snprintf(prefixed, sizeof prefixed, "model.diffusion_model.%s", sgm);
    const char *const names[] = {prefixed, sgm, diffusers};
    for (size_t i = 0; i < count * (sizeof names / sizeof *names); i++) {
        const struct ps_file_tensor *tensor = ps_safetensors_find(files[i % count], names[i / count]);
        if (tensor && axis < tensor->rank)
            return tensor->shape[axis];
    }
    return 0;
}

/* Relatives that differ from SVD by sizes alone. */
static bool is_svd(struct ps_safetensors *const *files, uint32_t count, char *family, size_t size)
{
    const uint64_t added =
        dimension(files, count, "label_emb.0.0.weight", "add_embedding.linear_1.weight", 1);
    const uint64_t in = dimension(files, count, "input_blocks.0.0.weight", "conv_in.weight", 1);
    const uint64_t out = dimension(files, count, "out.2.weight", "conv_out.weight", 0);
    if (added == 256)
        snprintf(family, size, "Stable Video 3D (SV3D_u)");
    else if (added == 1280)
        snprintf(family, size, "Stable Video 3D (SV3D_p)");
    else if (in && out && in != 2 * out)
        snprintf(family, size,
                 "a relative of Stable Video Diffusion with %llu input and %llu output channels",
                 (unsigned long long)in, (unsigned long long)out);
    else
        return true;
    return false;
}

bool ps_family_of(struct ps_safetensors *const *files, uint32_t count, char *family, size_t size)
{
    snprintf(family, size, "Stable Video Diffusion");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        bool found = false;
        for (uint32_t k = 0; k < count && !found; k++)
            found = matches(&marks[i], files[k]);
        if (!found)
            continue;
        if (!marks[i].family)
            return is_svd(files, count, family, size);
        snprintf(family, size, "%s", marks[i].family);
        return false;
    }
    snprintf(family, size, "a model unknown to packshot");
    return false;
}

enum ps_naming ps_naming_of(const struct ps_safetensors *file)
{
    static const struct mark file_mark = {AT_START, "model.diffusion_model.", NULL};
    static const struct mark sgm_mark = {AT_START, "input_blocks.", NULL};
    static const struct mark diffusers_mark = {AT_START, "down_blocks.", NULL};
    if (matches(&file_mark, file))
        return PS_NAMING_SGM_FILE;
    if (matches(&sgm_mark, file))
        return PS_NAMING_SGM_UNET;
    return matches(&diffusers_mark, file) ? PS_NAMING_DIFFUSERS_UNET : PS_NAMING_OTHER;
}
