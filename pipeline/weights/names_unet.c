/* sgm's VideoUNet -> diffusers' UNetSpatioTemporalConditionModel. */
#include "weights/names.h"
#include "weights/rename.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct ps_rule outer[] = {
    {"time_embed.0", "time_embedding.linear_1"},
    {"time_embed.2", "time_embedding.linear_2"},
    {"label_emb.0.0", "add_embedding.linear_1"},
    {"label_emb.0.2", "add_embedding.linear_2"},
    {"input_blocks.0.0", "conv_in"},
    {"out.0", "conv_norm_out"},
    {"out.2", "conv_out"},
};

static const struct ps_rule resnet[] = {
    {"time_stack.in_layers.0", "temporal_res_block.norm1"},
    {"time_stack.in_layers.2", "temporal_res_block.conv1"},
    {"time_stack.emb_layers.1", "temporal_res_block.time_emb_proj"},
    {"time_stack.out_layers.0", "temporal_res_block.norm2"},
    {"time_stack.out_layers.3", "temporal_res_block.conv2"},
    {"time_mixer.mix_factor", "time_mixer.mix_factor"},
    {"in_layers.0", "spatial_res_block.norm1"},
    {"in_layers.2", "spatial_res_block.conv1"},
    {"emb_layers.1", "spatial_res_block.time_emb_proj"},
    {"out_layers.0", "spatial_res_block.norm2"},
    {"out_layers.3", "spatial_res_block.conv2"},
    {"skip_connection", "spatial_res_block.conv_shortcut"},
};

static const struct ps_rule attention[] = {
    {"norm", "norm"},
    {"proj_in", "proj_in"},
    {"proj_out", "proj_out"},
    {"transformer_blocks", "transformer_blocks"},
    {"time_stack", "temporal_transformer_blocks"},
    {"time_pos_embed.0", "time_pos_embed.linear_1"},
    {"time_pos_embed.2", "time_pos_embed.linear_2"},
    {"time_mixer.mix_factor", "time_mixer.mix_factor"},
};

/* "SIDE.N.S.REST" -> N, S and REST; null where it is not of that form. */
static const char *block_name(const char *name, const char *side, uint32_t *block, uint32_t *slot)
{
    const char *rest = ps_after(name, side);
    if (rest)
        rest = ps_number(rest, block);
    if (rest)
        rest = ps_number(rest, slot);
    return rest && *block < PS_MAX_SGM_BLOCKS ? rest : NULL;
}

void ps_sgm_unet_note(struct ps_sgm_unet *unet, const char *name)
{
    uint32_t block, slot;
    const char *rest = block_name(name, "input_blocks", &block, &slot);
    if (rest && slot == 0 && ps_after(rest, "op"))
        unet->input_ends[block] = true;
    rest = block_name(name, "output_blocks", &block, &slot);
    if (rest && slot > 0 && ps_after(rest, "conv"))
        unet->output_ends[block] = true;
}

void ps_sgm_unet_count(struct ps_sgm_unet *unet)
{
    uint32_t level = 0, layer = 0;
    for (uint32_t i = 1; i < PS_MAX_SGM_BLOCKS; i++) {
        unet->input_level[i] = level;
        unet->input_layer[i] = layer++;
        if (unet->input_ends[i]) {
            level++;
            layer = 0;
        }
    }
    level = layer = 0;
    for (uint32_t i = 0; i < PS_MAX_SGM_BLOCKS; i++) {
        unet->output_level[i] = level;
        unet->output_layer[i] = layer++;
        if (unet->output_ends[i]) {
            level++;
            layer = 0;
        }
    }
}

static bool resnet_name(const char *prefix, const char *rest, char *to)
{
    return ps_rename(resnet, COUNT(resnet), prefix, rest, to, PS_NAME_BYTES);
}

static bool attention_name(const char *prefix, const char *rest, char *to)
{
    return ps_rename(attention, COUNT(attention), prefix, rest, to, PS_NAME_BYTES);
}

/* `rest` is a resnet's in slot 0, an attention's or a resampler's in the others. */
static bool side_name(const char *side, uint32_t level, uint32_t layer, uint32_t slot, const char *resampler,
                      const char *resampled, const char *rest, char *to)
{
    char prefix[64];
    const char *tail = ps_after(rest, resampler);
    if (tail) {
        snprintf(prefix, sizeof prefix, "%s.%u.%s", side, level, resampled);
        return ps_join(to, PS_NAME_BYTES, prefix, "0.conv", tail);
    }
    snprintf(prefix, sizeof prefix, "%s.%u.%s.%u", side, level, slot ? "attentions" : "resnets", layer);
    return slot ? attention_name(prefix, rest, to) : resnet_name(prefix, rest, to);
}

bool ps_sgm_unet_name(const struct ps_sgm_unet *unet, const char *name, char to[PS_NAME_BYTES])
{
    if (ps_rename(outer, COUNT(outer), "", name, to, PS_NAME_BYTES))
        return true;
    uint32_t block, slot;
    const char *rest = block_name(name, "input_blocks", &block, &slot);
    if (rest && block > 0 && slot <= 1)
        return side_name("down_blocks", unet->input_level[block], unet->input_layer[block], slot, "op",
                         "downsamplers", rest, to);
    rest = block_name(name, "output_blocks", &block, &slot);
    if (rest && slot <= 2)
        return side_name("up_blocks", unet->output_level[block], unet->output_layer[block], slot, "conv",
                         "upsamplers", rest, to);
    const char *tail = ps_after(name, "middle_block");
    rest = tail ? ps_number(tail, &slot) : NULL;
    if (!rest || slot > 2)
        return false;
    if (slot == 1)
        return attention_name("mid_block.attentions.0", rest, to);
    return resnet_name(slot ? "mid_block.resnets.1" : "mid_block.resnets.0", rest, to);
}
