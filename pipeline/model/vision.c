#include "model/vision.h"

#include <stdlib.h>

static struct ps_vision_layer bind_layer(struct ps_binder *binder, const struct ps_vision_config *config)
{
    static const char *const parts[3] = {"q_proj", "k_proj", "v_proj"};
    const uint32_t width = config->hidden_size;
    struct ps_vision_layer layer;
    layer.norm1 = (struct ps_norm){ps_bind_norm(binder, width, "layer_norm1"), config->eps};
    layer.qkv = ps_bind_qkv(binder, width, width, true, parts, "self_attn");
    layer.attention_out = ps_bind_linear(binder, width, width, true, "self_attn.out_proj");
    layer.norm2 = (struct ps_norm){ps_bind_norm(binder, width, "layer_norm2"), config->eps};
    layer.fc1 = ps_bind_linear(binder, config->intermediate_size, width, true, "mlp.fc1");
    layer.fc2 = ps_bind_linear(binder, width, config->intermediate_size, true, "mlp.fc2");
    return layer;
}

bool ps_vision_bind(struct ps_vision *vision, struct ps_binder *binder, const struct ps_vision_config *config)
{
    const uint32_t width = config->hidden_size, side = config->image_size / config->patch_size;
    *vision = (struct ps_vision){.config = *config};
    vision->layers = calloc(config->layers, sizeof *vision->layers);
    if (!vision->layers)
        return false;
    ps_bind_enter(binder, "vision_model");
    vision->class_token = ps_bind_vector(binder, 1, width, "embeddings.class_embedding");
    vision->patch = ps_bind_conv(binder, width, 3, config->patch_size, config->patch_size, false,
                                 "embeddings.patch_embedding");
    vision->positions =
        ps_bind_vector(binder, side * side + 1, width, "embeddings.position_embedding.weight");
    ps_bind_unused(binder, "embeddings.position_ids");
    /* The published checkpoints spell it so. */
    vision->norm_in = (struct ps_norm){ps_bind_norm(binder, width, "pre_layrnorm"), config->eps};
    for (uint32_t i = 0; i < config->layers; i++) {
        ps_bind_enter(binder, "encoder.layers.%u", i);
        vision->layers[i] = bind_layer(binder, config);
        ps_bind_leave(binder);
    }
    vision->norm_out = (struct ps_norm){ps_bind_norm(binder, width, "post_layernorm"), config->eps};
    ps_bind_leave(binder);
    vision->projection = ps_bind_linear(binder, config->projection_dim, width, false, "visual_projection");
    return true;
}

void ps_vision_free(struct ps_vision *vision)
{
    ps_weight_set_free(&vision->weights);
    free(vision->layers);
    *vision = (struct ps_vision){0};
}

/* The class token, then the patches row by row, each plus its position: [1, 1, tokens, hidden]. */
static struct ps_tensor embed(struct ps_run *run, const struct ps_vision *vision, struct ps_tensor pixels)
{
    const struct ps_vision_config *config = &vision->config;
    const uint32_t side = config->image_size / config->patch_size, tokens = side * side + 1;
    ps_enter(run, "embeddings");
    /* One token a row, so that the class token and the patches are slabs. */
    struct ps_tensor x = ps_new(run, run->type, 1, tokens, 1, config->hidden_size);
    const struct ps_window window = {.kernel_h = config->patch_size,
                                     .kernel_w = config->patch_size,
                                     .stride = config->patch_size,
                                     .out_h = side,
                                     .out_w = side};
    const struct ps_tensor patches =
        ps_reshape(ps_slab(x, 1, tokens - 1), 1, side, side, config->hidden_size);
    ps_conv(run, pixels, vision->patch, &window, &(struct ps_epilogue){.into = patches});
    const struct ps_tensor class_token = ps_run_weight(run, vision->class_token);
    ps_blend(run, &(struct ps_blend){.a = 1, .p = class_token, .into = ps_slab(x, 0, 1)});
    const struct ps_tensor positions =
        ps_reshape(ps_run_weight(run, vision->positions), 1, tokens, 1, config->hidden_size);
    ps_blend(run, &(struct ps_blend){.a = 1, .p = x, .b = 1, .q = positions, .into = x});
    return ps_reshape(ps_leave(run, x), 1, 1, tokens, config->hidden_size);
}

static void layer_forward(struct ps_run *run, struct ps_tensor x, const struct ps_vision_config *config,
                          const struct ps_vision_layer *layer)
{
    const enum ps_act act = config->act == PS_VISION_QUICK_GELU ? PS_QUICK_GELU : PS_GELU;
    ps_enter(run, "layer");
    struct ps_tensor a = ps_layer_norm(run, x, layer->norm1);
    struct ps_tensor qkv = ps_linear(run, a, layer->qkv, NULL);
    struct ps_tensor y = ps_self_attention(run, qkv, config->heads, PS_SPACE);
    ps_linear(run, y, layer->attention_out, &(struct ps_epilogue){.residual = x, .into = x});
    struct ps_tensor b = ps_layer_norm(run, x, layer->norm2);
    struct ps_tensor hidden = ps_linear(run, b, layer->fc1, &(struct ps_epilogue){.act = act});
    ps_linear(run, hidden, layer->fc2, &(struct ps_epilogue){.residual = x, .into = x});
    ps_leave(run, (struct ps_tensor){0});
}

struct ps_tensor ps_vision_forward(struct ps_run *run, const struct ps_vision *vision,
                                   struct ps_tensor pixels)
{
    ps_enter(run, "vision");
    struct ps_tensor x = ps_layer_norm(run, embed(run, vision, pixels), vision->norm_in);
    for (uint32_t i = 0; i < vision->config.layers && ps_run_ok(run); i++)
        layer_forward(run, x, &vision->config, &vision->layers[i]);
    struct ps_tensor token = ps_reshape(x, 1, x.w, 1, x.c);
    token = ps_layer_norm(run, ps_slab(token, 0, 1), vision->norm_out);
    return ps_leave(run, ps_linear(run, token, vision->projection, NULL));
}
