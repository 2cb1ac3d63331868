#include "model/vae.h"

#include "base/checked.h"

#define GROUPS 32
#define SPACE_EPS 1e-6f
#define TIME_EPS 1e-5f

static struct ps_video_resnet bind_resnet(struct ps_binder *binder, bool temporal, uint32_t in, uint32_t out)
{
    if (temporal)
        return ps_video_resnet_bind(binder, in, 0, out, 0, SPACE_EPS, TIME_EPS, true);
    return (struct ps_video_resnet){.space = ps_resnet_bind(binder, in, out, 0, SPACE_EPS)};
}

/* diffusers' temporal middle runs resnet 0 and then, as far as there are attentions (one), attention and
 * resnet 1: with one layer a block the attention never runs, with three the third resnet does not, though the
 * file holds it. */
static void bind_mid(struct ps_decoder *decoder, struct ps_binder *binder, uint32_t channels)
{
    const uint32_t stored = decoder->config.temporal ? decoder->config.layers_per_block : 2;
    decoder->mid_count = (uint32_t)ps_min_u64(stored, 2);
    for (uint32_t j = 0; j < decoder->mid_count; j++) {
        ps_bind_enter(binder, "mid_block.resnets.%u", j);
        decoder->mid[j] = bind_resnet(binder, decoder->config.temporal, channels, channels);
        ps_bind_leave(binder);
    }
    for (uint32_t j = decoder->mid_count; j < stored; j++)
        ps_bind_unused(binder, "mid_block.resnets.%u", j);
    if (decoder->mid_count > 1)
        decoder->attention = ps_vae_attention_bind(binder, channels);
    else
        ps_bind_unused(binder, "mid_block.attentions.0");
}

void ps_decoder_bind(struct ps_decoder *decoder, struct ps_binder *binder, const struct ps_vae_config *config)
{
    const uint32_t *widths = config->block_out_channels, levels = config->levels;
    *decoder = (struct ps_decoder){.config = *config};
    if (config->has_post_quant_conv)
        decoder->post_quant = ps_bind_conv(binder, config->latent_channels, config->latent_channels, 1, 1,
                                           true, "post_quant_conv");
    ps_bind_enter(binder, "decoder");
    uint32_t channels = widths[levels - 1];
    decoder->conv_in = ps_bind_conv(binder, channels, config->latent_channels, 3, 3, true, "conv_in");
    bind_mid(decoder, binder, channels);
    for (uint32_t i = 0; i < levels; i++) {
        struct ps_decoder_level *level = &decoder->levels[i];
        const uint32_t out = widths[levels - 1 - i];
        level->block_count = config->layers_per_block + 1;
        ps_bind_enter(binder, "up_blocks.%u", i);
        for (uint32_t j = 0; j < level->block_count; j++) {
            ps_bind_enter(binder, "resnets.%u", j);
            level->resnets[j] = bind_resnet(binder, config->temporal, j ? out : channels, out);
            ps_bind_leave(binder);
        }
        if (i + 1 < levels)
            level->up = ps_bind_conv_twice(binder, out, out, "upsamplers.0.conv");
        ps_bind_leave(binder);
        channels = out;
    }
    decoder->norm_out = (struct ps_norm){ps_bind_norm(binder, channels, "conv_norm_out"), SPACE_EPS};
    decoder->conv_out = ps_bind_conv(binder, 3, channels, 3, 3, true, "conv_out");
    if (config->temporal)
        decoder->time_out = ps_bind_conv_frames(binder, 3, 3, 3, "time_conv_out");
    ps_bind_leave(binder);
}

/* Memory of the size that the clip has at the end, for it to grow in from level to level: so two levels are never in
 * memory at once. Null where a level is smaller than the one before. */
static struct ps_tensor make_room(struct ps_run *run, const struct ps_decoder *decoder,
                                  struct ps_tensor latents)
{
    const uint32_t levels = decoder->config.levels;
    uint32_t h = latents.h, w = latents.w, c = 0;
    for (uint32_t i = 0; i < levels; i++) {
        const uint32_t before = c, factor = i ? 2 : 1;
        c = decoder->config.block_out_channels[levels - 1 - i];
        h *= factor, w *= factor;
        if (factor * factor * c < before)
            return (struct ps_tensor){0};
    }
    return ps_new_room(run, run->type, latents.n, h, w, c);
}

/* One block; x is freed or overwritten. `up` is the upsampling still owed to the frames, done chunk by chunk
 * inside the block. */
static struct ps_tensor block_forward(struct ps_run *run, const struct ps_decoder *decoder,
                                      struct ps_tensor x, const struct ps_video_resnet *block,
                                      const struct ps_upsample *up, struct ps_tensor room)
{
    const struct ps_tensor none = {0};
    struct ps_tensor into = block->space.in == block->space.out ? x : none;
    if (up && up->conv.weight)
        into = ps_in_room(room, up->h, up->w, block->space.out);
    struct ps_tensor y = decoder->config.temporal ? ps_video_resnet_forward(run, x, none, block, up, into)
                                                  : ps_resnet_forward(run, x, none, &block->space, up, into);
    if (ps_is_null(room) && y.offset != x.offset)
        ps_drop(run, &x);
    return y;
}

/* conv_out(silu(norm(x))) in chunks of frames, then the temporal convolution of the colours. */
static struct ps_tensor finish(struct ps_run *run, const struct ps_decoder *decoder, struct ps_tensor x,
                               struct ps_tensor room)
{
    struct ps_tensor y = ps_new(run, run->type, x.n, x.h, x.w, 3);
    const uint32_t chunk = ps_chunk(run, x.n, ps_frame_elements(x) * ps_type_bytes(x.type));
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const uint32_t count = (uint32_t)ps_min_u64(chunk, x.n - i);
        struct ps_tensor a = ps_group_norm(run, ps_frames(x, i, count), GROUPS, decoder->norm_out, PS_SILU);
        ps_conv3x3(run, a, decoder->conv_out, &(struct ps_epilogue){.into = ps_frames(y, i, count)});
        ps_drop(run, &a);
    }
    ps_drop(run, ps_is_null(room) ? &x : &room);
    return decoder->time_out.weight ? ps_conv_frames(run, y, 0, y.n, decoder->time_out, NULL) : y;
}

struct ps_tensor ps_decoder_forward(struct ps_run *run, const struct ps_decoder *decoder,
                                    struct ps_tensor latents)
{
    ps_enter(run, "decoder");
    if (decoder->post_quant.weight)
        latents = ps_linear(run, latents, decoder->post_quant, NULL);
    const struct ps_tensor room = make_room(run, decoder, latents);
    const uint32_t channels = decoder->config.block_out_channels[decoder->config.levels - 1];
    const struct ps_epilogue first = {.into = ps_in_room(room, latents.h, latents.w, channels)};
    struct ps_tensor x = ps_conv3x3(run, latents, decoder->conv_in, &first);
    for (uint32_t j = 0; j < decoder->mid_count; j++) {
        if (j == 1)
            ps_vae_attention_forward(run, x, &decoder->attention);
        x = block_forward(run, decoder, x, &decoder->mid[j], NULL, room);
    }
    struct ps_upsample owed = {0};
    for (uint32_t i = 0; i < decoder->config.levels; i++) {
        const struct ps_decoder_level *level = &decoder->levels[i];
        for (uint32_t j = 0; j < level->block_count; j++)
            x = block_forward(run, decoder, x, &level->resnets[j], j ? NULL : &owed, room);
        owed = (struct ps_upsample){.conv = level->up, .h = 2 * x.h, .w = 2 * x.w};
    }
    return ps_leave(run, finish(run, decoder, x, room));
}
