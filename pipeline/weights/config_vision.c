#include "weights/config.h"
#include "weights/settings.h"

#include <string.h>

/* Width of an attention head in ViT-H/14: what a file without config.json is taken to have. */
#define HEAD_CHANNELS 80

#define MAX_LAYERS 256

static uint32_t square_root(uint32_t value)
{
    uint32_t root = 0;
    while ((uint64_t)(root + 1) * (root + 1) <= value)
        root++;
    return root;
}

/* Sizes of what the tensors say; 0 where they do not. Returns the number of positions, the class token
 * included. */
static uint32_t measure(struct ps_vision_config *config, const struct ps_part *part)
{
    config->hidden_size = ps_part_dimension(part, "vision_model.embeddings.class_embedding", 0);
    config->patch_size = ps_part_dimension(part, "vision_model.embeddings.patch_embedding.weight", 2);
    config->projection_dim = ps_part_dimension(part, "visual_projection.weight", 0);
    config->intermediate_size = ps_part_dimension(part, "vision_model.encoder.layers.0.mlp.fc1.weight", 0);
    while (config->layers < MAX_LAYERS &&
           ps_part_prefixed(part, "vision_model.encoder.layers.%u.", config->layers))
        config->layers++;
    const uint32_t positions =
        ps_part_dimension(part, "vision_model.embeddings.position_embedding.weight", 0);
    if (positions > 1 && config->patch_size <= 4096)
        config->image_size = square_root(positions - 1) * config->patch_size;
    config->heads = config->hidden_size / HEAD_CHANNELS ? config->hidden_size / HEAD_CHANNELS : 1;
    return positions;
}

static void read_act(struct ps_vision_config *config, struct ps_settings *settings)
{
    const char *name;
    if (!ps_setting_text(settings, "hidden_act", &name))
        return;
    if (!strcmp(name, "gelu"))
        config->act = PS_VISION_GELU;
    else if (!strcmp(name, "quick_gelu"))
        config->act = PS_VISION_QUICK_GELU;
    else
        ps_setting_fail(settings, "hidden_act",
                        "is \"%.100s\"; packshot has only \"gelu\" and \"quick_gelu\"", name);
}

static void require_sizes(const struct ps_vision_config *config, uint32_t positions,
                          struct ps_settings *settings)
{
    const struct {
        const char *key;
        uint32_t value;
    } sizes[] = {
        {"hidden_size", config->hidden_size},       {"patch_size", config->patch_size},
        {"projection_dim", config->projection_dim}, {"intermediate_size", config->intermediate_size},
        {"num_hidden_layers", config->layers},      {"image_size", config->image_size},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!sizes[i].value) {
            ps_setting_fail(settings, sizes[i].key, "neither the tensors nor config.json tell this size");
            return;
        }
    }
    if (config->hidden_size % config->heads)
        ps_setting_fail(settings, "num_attention_heads", "%u heads do not divide the %u channels",
                        config->heads, config->hidden_size);
    const uint64_t side = config->image_size / config->patch_size;
    if (positions && side * side + 1 != positions)
        ps_setting_fail(settings, "image_size",
                        "%u pixels in patches of %u make %llu positions, but "
                        "vision_model.embeddings.position_embedding.weight has %u",
                        config->image_size, config->patch_size, (unsigned long long)(side * side + 1),
                        positions);
    if (!(config->eps > 0.0f && config->eps < 1.0f))
        ps_setting_fail(settings, "layer_norm_eps", "is out of range");
}

static void read_triple(struct ps_settings *settings, const char *key, float values[3])
{
    const json_t *list = ps_setting(settings, key);
    if (!list)
        return;
    bool valid = json_array_size(list) == 3;
    for (size_t i = 0; valid && i < 3; i++) {
        const json_t *item = json_array_get(list, i);
        valid = json_is_number(item) && json_number_value(item) >= 0.0 && json_number_value(item) <= 1.0;
        if (valid)
            values[i] = (float)json_number_value(item);
    }
    if (!valid)
        ps_setting_fail(settings, key, "expected three numbers from 0 to 1");
}

static void read_preprocessor(struct ps_vision_config *config, const char *path, struct ps_error *error)
{
    struct ps_settings settings;
    if (ps_settings_open(&settings, path, error))
        return;
    read_triple(&settings, "image_mean", config->mean);
    read_triple(&settings, "image_std", config->std);
    for (int i = 0; i < 3; i++) {
        if (config->std[i] < 1e-3f)
            ps_setting_fail(&settings, "image_std", "expected three numbers above 0");
    }
    ps_settings_close(&settings);
}

enum ps_status ps_vision_config_read(struct ps_vision_config *config, const struct ps_part *part,
                                     const char *config_path, const char *preprocessor_path,
                                     struct ps_error *error)
{
    *config = (struct ps_vision_config){
        .act = PS_VISION_GELU,
        .eps = 1e-5f,
        .mean = {0.48145466f, 0.4578275f, 0.40821073f},
        .std = {0.26862954f, 0.26130258f, 0.27577711f},
    };
    const uint32_t positions = measure(config, part);
    struct ps_settings settings;
    if (ps_settings_open(&settings, config_path, error))
        return error->status;
    ps_setting_must_be_text(&settings, "model_type", "clip_vision_model");
    ps_setting_must_be_u32(&settings, "num_channels", 3);
    ps_setting_size(&settings, "hidden_size", &config->hidden_size,
                    "vision_model.embeddings.class_embedding");
    ps_setting_size(&settings, "patch_size", &config->patch_size,
                    "vision_model.embeddings.patch_embedding.weight");
    ps_setting_size(&settings, "projection_dim", &config->projection_dim, "visual_projection.weight");
    ps_setting_size(&settings, "intermediate_size", &config->intermediate_size,
                    "vision_model.encoder.layers.0.mlp.fc1.weight");
    ps_setting_size(&settings, "num_hidden_layers", &config->layers, "vision_model.encoder.layers");
    ps_setting_u32(&settings, "image_size", &config->image_size);
    ps_setting_u32(&settings, "num_attention_heads", &config->heads);
    double eps;
    if (ps_setting_double(&settings, "layer_norm_eps", &eps))
        config->eps = (float)eps;
    read_act(config, &settings);
    require_sizes(config, positions, &settings);
    ps_settings_close(&settings);
    if (!error->status)
        read_preprocessor(config, preprocessor_path, error);
    return error->status;
}
