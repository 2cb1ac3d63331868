#include "weights/config.h"
#include "weights/settings.h"

#include <string.h>


static void measure(struct ps_vae_config *config, const struct ps_part *part)
{
    const struct ps_entry *conv = ps_part_find(part, "decoder.conv_in.weight");
    if (conv && conv->rank == 4 && conv->shape[1] <= INT32_MAX)
        config->latent_channels = (uint32_t)conv->shape[1];
    while (config->levels < PS_MAX_LEVELS &&
           ps_part_prefixed(part, "encoder.down_blocks.%u.", config->levels))
        config->levels++;
    for (uint32_t i = 0; i < config->levels; i++) {
        conv = ps_part_prefixed(part, "encoder.down_blocks.%u.resnets.0.conv1.weight", i);
        if (conv && conv->rank == 4 && conv->shape[0] <= INT32_MAX)
            config->block_out_channels[i] = (uint32_t)conv->shape[0];
    }
    while (config->layers_per_block <= PS_MAX_LAYERS &&
           ps_part_prefixed(part, "encoder.down_blocks.0.resnets.%u.", config->layers_per_block))
        config->layers_per_block++;
    config->temporal = ps_part_find(part, "decoder.time_conv_out.weight") != NULL;
    config->has_quant_conv = ps_part_find(part, "quant_conv.weight") != NULL;
    config->has_post_quant_conv = ps_part_find(part, "post_quant_conv.weight") != NULL;
}

static void read_levels(struct ps_vae_config *config, struct ps_settings *settings)
{
    uint32_t values[PS_MAX_LEVELS] = {0}, count = 0;
    if (!ps_setting_u32s(settings, "block_out_channels", values, PS_MAX_LEVELS, &count))
        return;
    if (count != config->levels) {
        ps_setting_fail(settings, "block_out_channels",
                        "has %u entries, but the tensors have %u encoder.down_blocks", count, config->levels);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (config->block_out_channels[i] && config->block_out_channels[i] != values[i])
            ps_setting_fail(settings, "block_out_channels",
                            "is %u for level %u, but the tensors of encoder.down_blocks.%u say %u", values[i],
                            i, i, config->block_out_channels[i]);
        config->block_out_channels[i] = values[i];
    }
}

static void read_types(struct ps_settings *settings, const char *key, const char *only)
{
    const json_t *list = ps_setting(settings, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *type = json_string_value(json_array_get(list, i));
        if (!type || strcmp(type, only))
            ps_setting_fail(settings, key, "entry %zu is \"%.100s\"; packshot has only \"%s\"", i,
                            type ? type : "", only);
    }
}

static void read_class(struct ps_vae_config *config, struct ps_settings *settings)
{
    const char *name;
    if (!ps_setting_text(settings, "_class_name", &name))
        return;
    const bool temporal = !strcmp(name, "AutoencoderKLTemporalDecoder");
    if (!temporal && strcmp(name, "AutoencoderKL"))
        ps_setting_fail(
            settings, "_class_name",
            "is \"%.100s\"; packshot has only \"AutoencoderKLTemporalDecoder\" and \"AutoencoderKL\"", name);
    else if (temporal != config->temporal)
        ps_setting_fail(settings, "_class_name", "is \"%s\", but the tensors are those of a %s decoder", name,
                        config->temporal ? "temporal" : "per-frame");
}

/* What AutoencoderKL can be set to and SVD's is not. */
static void refuse_variants(struct ps_settings *settings)
{
    read_types(settings, "down_block_types", "DownEncoderBlock2D");
    read_types(settings, "up_block_types", "UpDecoderBlock2D");
    ps_setting_must_be_text(settings, "act_fn", "silu");
    ps_setting_must_be_u32(settings, "norm_num_groups", 32);
    ps_setting_must_be_u32(settings, "in_channels", 3);
    ps_setting_must_be_u32(settings, "out_channels", 3);
    ps_setting_must_be_bool(settings, "mid_block_add_attention", true);
    ps_setting_must_be_absent(settings, "shift_factor");
    ps_setting_must_be_absent(settings, "latents_mean");
    ps_setting_must_be_absent(settings, "latents_std");
}

static void require_sizes(const struct ps_vae_config *config, struct ps_settings *settings)
{
    if (!config->latent_channels)
        ps_setting_fail(settings, "latent_channels", "neither the tensors nor config.json tell this size");
    if (!config->layers_per_block || config->layers_per_block > PS_MAX_LAYERS)
        ps_setting_fail(settings, "layers_per_block", "expected 1 to %d layers, found %u", PS_MAX_LAYERS,
                        config->layers_per_block);
    for (uint32_t i = 0; i < config->levels; i++) {
        if (!config->block_out_channels[i])
            ps_setting_fail(settings, "block_out_channels", "encoder.down_blocks.%u has no complete resnet",
                            i);
    }
    if (!(config->scaling_factor > 1e-6f && config->scaling_factor < 1e6f))
        ps_setting_fail(settings, "scaling_factor", "is out of range");
}

enum ps_status ps_vae_config_read(struct ps_vae_config *config, const struct ps_part *part,
                                  const char *config_path, struct ps_error *error)
{
    *config = (struct ps_vae_config){.scaling_factor = 0.18215f, .force_upcast = true, .sample_size = 768};
    measure(config, part);
    if (!config->levels)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.family",
                       "%s: there are no tensors named encoder.down_blocks.0", part->name);
    struct ps_settings settings;
    if (ps_settings_open(&settings, config_path, error))
        return error->status;
    read_class(config, &settings);
    read_levels(config, &settings);
    ps_setting_size(&settings, "layers_per_block", &config->layers_per_block,
                    "encoder.down_blocks.0.resnets");
    ps_setting_size(&settings, "latent_channels", &config->latent_channels, "decoder.conv_in.weight");
    double scaling;
    if (ps_setting_double(&settings, "scaling_factor", &scaling))
        config->scaling_factor = (float)scaling;
    ps_setting_bool(&settings, "force_upcast", &config->force_upcast);
    ps_setting_u32(&settings, "sample_size", &config->sample_size);
    refuse_variants(&settings);
    require_sizes(config, &settings);
    ps_settings_close(&settings);
    return error->status;
}
