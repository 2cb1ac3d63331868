/* sgm's AutoencoderKL and VideoDecoder -> diffusers' AutoencoderKL and AutoencoderKLTemporalDecoder. */
#include "weights/names.h"
#include "weights/rename.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct ps_rule outer[] = {
    {"quant_conv", "quant_conv"},
    {"post_quant_conv", "post_quant_conv"},
    {"decoder.conv_out.time_mix_conv", "decoder.time_conv_out"},
};

static const struct ps_rule half[] = {
    {"conv_in", "conv_in"},
    {"conv_out", "conv_out"},
    {"norm_out", "conv_norm_out"},
    {"mid.attn_1.norm", "mid_block.attentions.0.group_norm"},
    {"mid.attn_1.q", "mid_block.attentions.0.to_q"},
    {"mid.attn_1.k", "mid_block.attentions.0.to_k"},
    {"mid.attn_1.v", "mid_block.attentions.0.to_v"},
    {"mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0"},
};

static const struct ps_rule resnet[] = {
    {"norm1", "norm1"},
    {"conv1", "conv1"},
    {"norm2", "norm2"},
    {"conv2", "conv2"},
    {"nin_shortcut", "conv_shortcut"},
};

static const struct ps_rule temporal_resnet[] = {
    {"time_stack.in_layers.0", "temporal_res_block.norm1"},
    {"time_stack.in_layers.2", "temporal_res_block.conv1"},
    {"time_stack.out_layers.0", "temporal_res_block.norm2"},
    {"time_stack.out_layers.3", "temporal_res_block.conv2"},
    {"mix_factor", "time_mixer.mix_factor"},
    {"norm1", "spatial_res_block.norm1"},
    {"conv1", "spatial_res_block.conv1"},
    {"norm2", "spatial_res_block.norm2"},
    {"conv2", "spatial_res_block.conv2"},
    {"nin_shortcut", "spatial_res_block.conv_shortcut"},
};

static const struct ps_rule old_attention[] = {
    {"query", "to_q"},
    {"key", "to_k"},
    {"value", "to_v"},
    {"proj_attn", "to_out.0"},
};

/* "WORD.I.REST" -> I and REST. */
static const char *indexed(const char *name, const char *word, uint32_t *index)
{
    const char *rest = ps_after(name, word);
    return rest ? ps_number(rest, index) : NULL;
}

void ps_sgm_vae_note(struct ps_sgm_vae *vae, const char *name)
{
    const char *rest = ps_after(name, "decoder");
    uint32_t level;
    if (rest && indexed(rest, "up", &level) && level >= vae->up_levels)
        vae->up_levels = level + 1;
    if (rest && (strstr(rest, "time_stack.") || strstr(rest, "time_mix_conv.")))
        vae->temporal = true;
}

static bool resnet_name(bool temporal, const char *prefix, const char *rest, char *to)
{
    if (temporal)
        return ps_rename(temporal_resnet, COUNT(temporal_resnet), prefix, rest, to, PS_NAME_BYTES);
    return ps_rename(resnet, COUNT(resnet), prefix, rest, to, PS_NAME_BYTES);
}

/* `name` is what follows "encoder." or "decoder.". */
static bool half_name(const struct ps_sgm_vae *vae, bool decoder, const char *name, char *to)
{
    const char *side = decoder ? "decoder" : "encoder";
    const bool temporal = decoder && vae->temporal;
    if (ps_rename(half, COUNT(half), side, name, to, PS_NAME_BYTES))
        return true;
    char prefix[64];
    uint32_t level, layer;
    const char *rest =
        ps_after(name, "mid.block_1") ? ps_after(name, "mid.block_1") : ps_after(name, "mid.block_2");
    if (rest) {
        snprintf(prefix, sizeof prefix, "%s.mid_block.resnets.%c", side, name[strlen("mid.block_")] - 1);
        return resnet_name(temporal, prefix, rest, to);
    }
    rest = indexed(name, decoder ? "up" : "down", &level);
    if (!rest)
        return false;
    /* The decoder's levels are counted from the finest in sgm, from the coarsest in diffusers. */
    if (decoder)
        level = vae->up_levels - 1 - level;
    const char *tail = ps_after(rest, decoder ? "upsample.conv" : "downsample.conv");
    if (tail) {
        snprintf(prefix, sizeof prefix, "%s.%s.%u", side, decoder ? "up_blocks" : "down_blocks", level);
        return ps_join(to, PS_NAME_BYTES, prefix, decoder ? "upsamplers.0.conv" : "downsamplers.0.conv",
                       tail);
    }
    tail = indexed(rest, "block", &layer);
    if (!tail)
        return false;
    snprintf(prefix, sizeof prefix, "%s.%s.%u.resnets.%u", side, decoder ? "up_blocks" : "down_blocks", level,
             layer);
    return resnet_name(temporal, prefix, tail, to);
}

bool ps_sgm_vae_name(const struct ps_sgm_vae *vae, const char *name, char to[PS_NAME_BYTES])
{
    if (ps_rename(outer, COUNT(outer), "", name, to, PS_NAME_BYTES))
        return true;
    const char *rest = ps_after(name, "encoder");
    if (rest)
        return half_name(vae, false, rest, to);
    rest = ps_after(name, "decoder");
    return rest && half_name(vae, true, rest, to);
}

bool ps_old_attention_name(const char *name, char to[PS_NAME_BYTES])
{
    static const char *const blocks[] = {"encoder.mid_block.attentions.0", "decoder.mid_block.attentions.0"};
    for (size_t i = 0; i < COUNT(blocks); i++) {
        const char *rest = ps_after(name, blocks[i]);
        if (rest)
            return ps_rename(old_attention, COUNT(old_attention), blocks[i], rest, to, PS_NAME_BYTES);
    }
    return false;
}
