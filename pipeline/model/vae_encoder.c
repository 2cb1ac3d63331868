#include "model/vae.h"

#include "base/checked.h"

#define GROUPS 32
#define EPS 1e-6f

struct ps_vae_attention ps_vae_attention_bind(struct ps_binder *binder, uint32_t channels)
{
    static const char *const parts[3] = {"to_q", "to_k", "to_v"};
    struct ps_vae_attention attention;
    ps_bind_enter(binder, "mid_block.attentions.0");
    attention.norm = (struct ps_norm){ps_bind_norm(binder, channels, "group_norm"), EPS};
    ps_bind_leave(binder);
    attention.qkv = ps_bind_qkv(binder, channels, channels, true, parts, "mid_block.attentions.0");
    attention.out = ps_bind_linear(binder, channels, channels, true, "mid_block.attentions.0.to_out.0");
    return attention;
}

struct ps_tensor ps_vae_attention_forward(struct ps_run *run, struct ps_tensor x,
                                          const struct ps_vae_attention *attention)
{
    ps_enter(run, "attention");
    const uint32_t chunk = ps_chunk(run, x.n, 4 * ps_frame_elements(x) * ps_type_bytes(x.type));
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const struct ps_tensor frames = ps_frames(x, i, (uint32_t)ps_min_u64(chunk, x.n - i));
        struct ps_tensor a = ps_group_norm(run, frames, GROUPS, attention->norm, PS_NONE);
        struct ps_tensor qkv = ps_linear(run, a, attention->qkv, NULL);
        ps_drop(run, &a);
        struct ps_tensor y = ps_self_attention(run, qkv, 1, PS_SPACE);
        ps_drop(run, &qkv);
        ps_linear(run, y, attention->out, &(struct ps_epilogue){.residual = frames, .into = frames});
        ps_drop(run, &y);
    }
    return ps_leave(run, x);
}

void ps_encoder_bind(struct ps_encoder *encoder, struct ps_binder *binder, const struct ps_vae_config *config)
{
    const uint32_t *widths = config->block_out_channels;
    const uint32_t last = widths[config->levels - 1], moments = 2 * config->latent_channels;
    *encoder = (struct ps_encoder){.config = *config};
    ps_bind_enter(binder, "encoder");
    encoder->conv_in = ps_bind_conv(binder, widths[0], 3, 3, 3, true, "conv_in");
    for (uint32_t i = 0; i < config->levels; i++) {
        struct ps_encoder_level *level = &encoder->levels[i];
        level->block_count = config->layers_per_block;
        ps_bind_enter(binder, "down_blocks.%u", i);
        for (uint32_t j = 0; j < level->block_count; j++) {
            ps_bind_enter(binder, "resnets.%u", j);
            level->resnets[j] =
                ps_resnet_bind(binder, j || !i ? widths[i] : widths[i - 1], widths[i], 0, EPS);
            ps_bind_leave(binder);
        }
        if (i + 1 < config->levels)
            level->down = ps_bind_conv(binder, widths[i], widths[i], 3, 3, true, "downsamplers.0.conv");
        ps_bind_leave(binder);
    }
    for (uint32_t j = 0; j < 2; j++) {
        ps_bind_enter(binder, "mid_block.resnets.%u", j);
        encoder->mid[j] = ps_resnet_bind(binder, last, last, 0, EPS);
        ps_bind_leave(binder);
    }
    encoder->attention = ps_vae_attention_bind(binder, last);
    encoder->norm_out = (struct ps_norm){ps_bind_norm(binder, last, "conv_norm_out"), EPS};
    encoder->conv_out = ps_bind_conv(binder, moments, last, 3, 3, true, "conv_out");
    ps_bind_leave(binder);
    if (config->has_quant_conv)
        encoder->quant = ps_bind_rows(binder, config->latent_channels, moments, moments, "quant_conv");
}

/* Replaces *x by y and frees what it held, unless y lies there. */
static void advance(struct ps_run *run, struct ps_tensor *x, struct ps_tensor y)
{
    if (x->offset != y.offset)
        ps_drop(run, x);
    *x = y;
}

/* In place where the block keeps x's shape. */
static struct ps_tensor block_forward(struct ps_run *run, struct ps_tensor x, const struct ps_resnet *block)
{
    const struct ps_tensor none = {0};
    return ps_resnet_forward(run, x, none, block, NULL, block->in == block->out ? x : none);
}

struct ps_tensor ps_encoder_forward(struct ps_run *run, const struct ps_encoder *encoder,
                                    struct ps_tensor image)
{
    ps_enter(run, "encoder");
    struct ps_tensor x = ps_conv3x3(run, image, encoder->conv_in, NULL);
    for (uint32_t i = 0; i < encoder->config.levels && ps_run_ok(run); i++) {
        const struct ps_encoder_level *level = &encoder->levels[i];
        for (uint32_t j = 0; j < level->block_count; j++)
            advance(run, &x, block_forward(run, x, &level->resnets[j]));
        if (!level->down.weight || !ps_run_ok(run))
            continue;
        /* Padded at the right and the bottom alone: a symmetric pad would shift the image by half a pixel a
         * level. */
        const struct ps_window window = {
            .kernel_h = 3, .kernel_w = 3, .stride = 2, .out_h = x.h / 2, .out_w = x.w / 2};
        advance(run, &x, ps_conv(run, x, level->down, &window, NULL));
    }
    advance(run, &x, block_forward(run, x, &encoder->mid[0]));
    ps_vae_attention_forward(run, x, &encoder->attention);
    advance(run, &x, block_forward(run, x, &encoder->mid[1]));
    advance(run, &x, ps_group_norm(run, x, GROUPS, encoder->norm_out, PS_SILU));
    advance(run, &x, ps_conv3x3(run, x, encoder->conv_out, NULL));
    if (encoder->quant.weight)
        advance(run, &x, ps_linear(run, x, encoder->quant, NULL));
    return ps_leave(run, x);
}
