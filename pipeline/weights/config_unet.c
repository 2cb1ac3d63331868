#include "weights/config.h"
#include "weights/settings.h"

#include <string.h>

/* Width of an attention head in all published checkpoints: what a file without config.json is taken to have.
 */
#define HEAD_CHANNELS 64


static bool attends(const struct ps_part *part, const char *side, uint32_t block)
{
    return ps_part_prefixed(part, "%s.%u.attentions.", side, block) != NULL;
}

static uint32_t count_resnets(const struct ps_part *part, uint32_t block)
{
    uint32_t count = 0;
    while (count <= PS_MAX_LAYERS && ps_part_prefixed(part, "down_blocks.%u.resnets.%u.", block, count))
        count++;
    return count;
}

/* Counts transformer layers and reads the context's width from the first attention of a block. */
static void measure_attention(struct ps_unet_config *config, const struct ps_part *part, uint32_t level,
                              const char *side, uint32_t block)
{
    uint32_t count = 0;
    while (count <= PS_MAX_TRANSFORMER_LAYERS &&
           ps_part_prefixed(part, "%s.%u.attentions.0.transformer_blocks.%u.", side, block, count))
        count++;
    config->transformer_layers_per_block[level] = count;
    const struct ps_entry *value =
        ps_part_prefixed(part, "%s.%u.attentions.0.transformer_blocks.0.attn2.to_v.weight", side, block);
    if (value && value->rank == 2 && value->shape[1] <= INT32_MAX)
        config->cross_attention_dim[level] = (uint32_t)value->shape[1];
}

/* What the tensors say; 0 where they do not. */
static void measure(struct ps_unet_config *config, const struct ps_part *part)
{
    config->in_channels = ps_part_dimension(part, "conv_in.weight", 1);
    config->out_channels = ps_part_dimension(part, "conv_out.weight", 0);
    config->projection_dim = ps_part_dimension(part, "add_embedding.linear_1.weight", 1);
    config->time_embed_dim = ps_part_dimension(part, "time_embedding.linear_1.weight", 0);
    while (config->levels < PS_MAX_LEVELS && ps_part_prefixed(part, "down_blocks.%u.", config->levels))
        config->levels++;
    for (uint32_t i = 0; i < config->levels; i++) {
        const struct ps_entry *conv =
            ps_part_prefixed(part, "down_blocks.%u.resnets.0.spatial_res_block.conv1.weight", i);
        if (conv && conv->rank == 4 && conv->shape[0] <= INT32_MAX)
            config->block_out_channels[i] = (uint32_t)conv->shape[0];
        config->layers_per_block[i] = count_resnets(part, i);
        config->down_attention[i] = attends(part, "down_blocks", i);
        config->up_attention[i] = attends(part, "up_blocks", i);
    }
    for (uint32_t i = 0; i < config->levels; i++) {
        const uint32_t mirror = config->levels - 1 - i;
        if (config->down_attention[i])
            measure_attention(config, part, i, "down_blocks", i);
        else if (config->up_attention[mirror])
            measure_attention(config, part, i, "up_blocks", mirror);
    }
}

/* "CrossAttnDownBlockSpatioTemporal" or "DownBlockSpatioTemporal" for each block of a side. */
static void read_types(struct ps_settings *settings, const char *key, const char *with, const char *without,
                       uint32_t levels, bool *attention)
{
    const json_t *list = ps_setting(settings, key);
    if (!list)
        return;
    if (json_array_size(list) != levels) {
        ps_setting_fail(settings, key, "has %zu entries, but there are %u levels", json_array_size(list),
                        levels);
        return;
    }
    for (uint32_t i = 0; i < levels; i++) {
        const char *type = json_string_value(json_array_get(list, i));
        if (!type || (strcmp(type, with) && strcmp(type, without)))
            ps_setting_fail(settings, key, "entry %u is \"%.100s\"; packshot has only \"%s\" and \"%s\"", i,
                            type ? type : "", with, without);
        else if (!strcmp(type, with) != attention[i])
            ps_setting_fail(settings, key, "entry %u is \"%s\", but the tensors have %s attention there", i,
                            type, attention[i] ? "an" : "no");
    }
}

/* A list by level against what the tensors say, 0 where they say nothing. */
static void read_by_level(struct ps_settings *settings, const char *key, uint32_t levels, uint32_t *sizes)
{
    uint32_t values[PS_MAX_LEVELS] = {0};
    if (!ps_setting_u32s(settings, key, values, PS_MAX_LEVELS, &levels))
        return;
    for (uint32_t i = 0; i < levels; i++) {
        if (sizes[i] && sizes[i] != values[i])
            ps_setting_fail(settings, key, "is %u for level %u, but the tensors of down_blocks.%u say %u",
                            values[i], i, i, sizes[i]);
        sizes[i] = values[i];
    }
}

static void read_levels(struct ps_unet_config *config, struct ps_settings *settings)
{
    uint32_t values[PS_MAX_LEVELS] = {0}, count = 0;
    if (ps_setting_u32s(settings, "block_out_channels", values, PS_MAX_LEVELS, &count) &&
        count != config->levels)
        ps_setting_fail(settings, "block_out_channels", "has %u entries, but the tensors have %u down_blocks",
                        count, config->levels);
    read_by_level(settings, "block_out_channels", config->levels, config->block_out_channels);
    read_by_level(settings, "layers_per_block", config->levels, config->layers_per_block);
    read_by_level(settings, "transformer_layers_per_block", config->levels,
                  config->transformer_layers_per_block);
    read_by_level(settings, "cross_attention_dim", config->levels, config->cross_attention_dim);
    read_types(settings, "down_block_types", "CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal",
               config->levels, config->down_attention);
    read_types(settings, "up_block_types", "CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal",
               config->levels, config->up_attention);
}

static void read_heads(struct ps_unet_config *config, struct ps_settings *settings)
{
    for (uint32_t i = 0; i < config->levels; i++) {
        const uint32_t heads = config->block_out_channels[i] / HEAD_CHANNELS;
        config->heads[i] = heads ? heads : 1;
    }
    uint32_t count = config->levels;
    ps_setting_u32s(settings, "num_attention_heads", config->heads, PS_MAX_LEVELS, &count);
    for (uint32_t i = 0; i < config->levels; i++) {
        const bool used = config->down_attention[i] || config->up_attention[config->levels - 1 - i] ||
                          i == config->levels - 1;
        if (used && config->block_out_channels[i] % config->heads[i])
            ps_setting_fail(settings, "num_attention_heads",
                            "%u heads do not divide the %u channels of level %u", config->heads[i],
                            config->block_out_channels[i], i);
    }
}

/* The mid block has the coarsest level's sizes; where that level has no attention of its own they are the
 * mid's. */
static void measure_mid(struct ps_unet_config *config, const struct ps_part *part)
{
    const uint32_t last = config->levels - 1;
    uint32_t count = 0;
    while (count <= PS_MAX_TRANSFORMER_LAYERS &&
           ps_part_prefixed(part, "mid_block.attentions.0.transformer_blocks.%u.", count))
        count++;
    if (!config->transformer_layers_per_block[last])
        config->transformer_layers_per_block[last] = count;
    if (!config->cross_attention_dim[last])
        config->cross_attention_dim[last] =
            ps_part_dimension(part, "mid_block.attentions.0.transformer_blocks.0.attn2.to_v.weight", 1);
}

/* Nothing that the model is built from may be left unknown. */
static void require_sizes(struct ps_unet_config *config, struct ps_settings *settings)
{
    const struct {
        const char *key;
        uint32_t value;
    } sizes[] = {
        {"in_channels", config->in_channels},
        {"out_channels", config->out_channels},
        {"projection_class_embeddings_input_dim", config->projection_dim},
        {"time_embedding.linear_1.weight", config->time_embed_dim},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!sizes[i].value)
            ps_setting_fail(settings, sizes[i].key, "neither the tensors nor config.json tell this size");
    }
    for (uint32_t i = 0; i < config->levels; i++) {
        if (!config->block_out_channels[i] || !config->layers_per_block[i])
            ps_setting_fail(settings, "block_out_channels", "down_blocks.%u has no complete resnet", i);
        if (config->layers_per_block[i] > PS_MAX_LAYERS)
            ps_setting_fail(settings, "layers_per_block", "level %u has more than %d layers", i, PS_MAX_LAYERS);
        if (config->transformer_layers_per_block[i] > PS_MAX_TRANSFORMER_LAYERS)
            ps_setting_fail(settings, "transformer_layers_per_block", "level %u has more than %d layers", i,
                            PS_MAX_TRANSFORMER_LAYERS);
        /* Without attention anywhere on a level the numbers are not used. */
        if (!config->transformer_layers_per_block[i])
            config->transformer_layers_per_block[i] = 1;
    }
}

enum ps_status ps_unet_config_read(struct ps_unet_config *config, const struct ps_part *part,
                                   const char *config_path, struct ps_error *error)
{
    *config = (struct ps_unet_config){0};
    measure(config, part);
    if (!config->levels)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.family",
                       "%s: there are no tensors named down_blocks.0", part->name);
    measure_mid(config, part);
    struct ps_settings settings;
    if (ps_settings_open(&settings, config_path, error))
        return error->status;
    ps_setting_must_be_text(&settings, "_class_name", "UNetSpatioTemporalConditionModel");
    ps_setting_size(&settings, "in_channels", &config->in_channels, "conv_in.weight");
    ps_setting_size(&settings, "out_channels", &config->out_channels, "conv_out.weight");
    ps_setting_size(&settings, "projection_class_embeddings_input_dim", &config->projection_dim,
                    "add_embedding.linear_1.weight");
    read_levels(config, &settings);
    read_heads(config, &settings);
    config->addition_time_embed_dim = config->projection_dim / 3;
    ps_setting_u32(&settings, "addition_time_embed_dim", &config->addition_time_embed_dim);
    if (config->addition_time_embed_dim > INT32_MAX / 3 ||
        config->addition_time_embed_dim * 3 != config->projection_dim)
        ps_setting_fail(&settings, "addition_time_embed_dim",
                        "three embeddings of %u do not make the input of %u of add_embedding.linear_1.weight",
                        config->addition_time_embed_dim, config->projection_dim);
    ps_setting_u32(&settings, "num_frames", &config->num_frames);
    ps_setting_u32(&settings, "sample_size", &config->sample_size);
    require_sizes(config, &settings);
    ps_settings_close(&settings);
    return error->status;
}
