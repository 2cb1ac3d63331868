#include "model/unet.h"

#include <stdlib.h>

#include "base/checked.h"
#include "model/embedding.h"

/* diffusers' block constructors drop the UNet's own eps of 1e-5 for most levels; these are the values that
 * run. */
#define EPS_DEFAULT 1e-6f
#define EPS_PLAIN 1e-5f /* down blocks without attention, the middle, the output norm */
#define GROUPS 32
#define MAX_SKIPS (1 + PS_MAX_LEVELS * PS_MAX_LEVEL_BLOCKS)

static uint32_t transformer_count(const struct ps_unet_config *config)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < config->levels; i++)
        count += (config->down_attention[i] ? config->layers_per_block[i] : 0) +
                 (config->up_attention[i] ? config->layers_per_block[config->levels - 1 - i] + 1 : 0);
    return count;
}

/* Channels that a residual block takes, and, on the way up, of the skip beside them. */
struct widths {
    uint32_t in, skip;
};

static void bind_level(struct ps_binder *binder, struct ps_unet_level *level,
                       const struct ps_unet_config *config, uint32_t resolution, const struct widths *inputs,
                       float eps, struct ps_transformer **next)
{
    const uint32_t channels = config->block_out_channels[resolution],
                   embedding = config->block_out_channels[0] * 4;
    level->attentions = *next;
    for (uint32_t j = 0; j < level->block_count; j++) {
        ps_bind_enter(binder, "resnets.%u", j);
        level->resnets[j] =
            ps_video_resnet_bind(binder, inputs[j].in, inputs[j].skip, channels, embedding, eps, eps, false);
        ps_bind_leave(binder);
        if (!level->attends)
            continue;
        ps_bind_enter(binder, "attentions.%u", j);
        *(*next)++ = ps_transformer_bind(binder, channels, config->heads[resolution],
                                         config->cross_attention_dim[resolution],
                                         config->transformer_layers_per_block[resolution]);
        ps_bind_leave(binder);
    }
}

static void bind_down(struct ps_unet *unet, struct ps_binder *binder, struct ps_transformer **next)
{
    const struct ps_unet_config *config = &unet->config;
    uint32_t channels = config->block_out_channels[0];
    for (uint32_t i = 0; i < config->levels; i++) {
        struct ps_unet_level *level = &unet->down[i];
        const uint32_t out = config->block_out_channels[i];
        struct widths inputs[PS_MAX_LEVEL_BLOCKS] = {0};
        level->block_count = config->layers_per_block[i];
        level->attends = config->down_attention[i];
        for (uint32_t j = 0; j < level->block_count; j++)
            inputs[j].in = j ? out : channels;
        ps_bind_enter(binder, "down_blocks.%u", i);
        bind_level(binder, level, config, i, inputs, level->attends ? EPS_DEFAULT : EPS_PLAIN, next);
        if (i + 1 < config->levels)
            level->sampler = ps_bind_conv(binder, out, out, 3, 3, true, "downsamplers.0.conv");
        ps_bind_leave(binder);
        channels = out;
    }
}

static void bind_mid(struct ps_unet *unet, struct ps_binder *binder, struct ps_transformer **next)
{
    const struct ps_unet_config *config = &unet->config;
    const uint32_t last = config->levels - 1, channels = config->block_out_channels[last];
    ps_bind_enter(binder, "mid_block");
    for (uint32_t j = 0; j < 2; j++) {
        ps_bind_enter(binder, "resnets.%u", j);
        unet->mid[j] = ps_video_resnet_bind(binder, channels, 0, channels, config->block_out_channels[0] * 4,
                                            EPS_PLAIN, EPS_PLAIN, false);
        ps_bind_leave(binder);
    }
    ps_bind_enter(binder, "attentions.0");
    unet->mid_attention = *next;
    *(*next)++ = ps_transformer_bind(binder, channels, config->heads[last], config->cross_attention_dim[last],
                                     config->transformer_layers_per_block[last]);
    ps_bind_leave(binder);
    ps_bind_leave(binder);
}

/* Resnet j of an up block sees the block's own width (the level below's, for j = 0) beside the skip's. */
static void bind_up(struct ps_unet *unet, struct ps_binder *binder, struct ps_transformer **next)
{
    const struct ps_unet_config *config = &unet->config;
    uint32_t below = config->block_out_channels[config->levels - 1];
    for (uint32_t i = 0; i < config->levels; i++) {
        struct ps_unet_level *level = &unet->up[i];
        const uint32_t resolution = config->levels - 1 - i, out = config->block_out_channels[resolution];
        const uint32_t above = config->block_out_channels[resolution ? resolution - 1 : 0];
        struct widths inputs[PS_MAX_LEVEL_BLOCKS];
        level->block_count = config->layers_per_block[resolution] + 1;
        level->attends = config->up_attention[i];
        for (uint32_t j = 0; j < level->block_count; j++) {
            inputs[j].in = j ? out : below;
            inputs[j].skip = j + 1 == level->block_count ? above : out;
        }
        ps_bind_enter(binder, "up_blocks.%u", i);
        bind_level(binder, level, config, resolution, inputs, EPS_DEFAULT, next);
        if (i + 1 < config->levels)
            ps_bind_conv_either(binder, out, out, &level->sampler, &level->twice, "upsamplers.0.conv");
        ps_bind_leave(binder);
        below = out;
    }
}

bool ps_unet_bind(struct ps_unet *unet, struct ps_binder *binder, const struct ps_unet_config *config)
{
    const uint32_t first = config->block_out_channels[0], embedding = 4 * first;
    *unet = (struct ps_unet){.config = *config};
    unet->transformers = calloc(transformer_count(config), sizeof *unet->transformers);
    if (!unet->transformers)
        return false;
    struct ps_transformer *next = unet->transformers;
    unet->conv_in = ps_bind_conv(binder, first, config->in_channels, 3, 3, true, "conv_in");
    unet->time1 = ps_bind_linear(binder, embedding, first, true, "time_embedding.linear_1");
    unet->time2 = ps_bind_linear(binder, embedding, embedding, true, "time_embedding.linear_2");
    unet->added1 = ps_bind_linear(binder, embedding, config->projection_dim, true, "add_embedding.linear_1");
    unet->added2 = ps_bind_linear(binder, embedding, embedding, true, "add_embedding.linear_2");
    bind_down(unet, binder, &next);
    bind_mid(unet, binder, &next);
    bind_up(unet, binder, &next);
    unet->norm_out = (struct ps_norm){ps_bind_norm(binder, first, "conv_norm_out"), EPS_PLAIN};
    unet->conv_out = ps_bind_conv(binder, config->out_channels, first, 3, 3, true, "conv_out");
    return true;
}

void ps_unet_free(struct ps_unet *unet)
{
    ps_weight_set_free(&unet->weights);
    free(unet->transformers);
    *unet = (struct ps_unet){0};
}

/* Sinusoids of `count` values as [count, 1, 1, width], or side by side in one row. */
static struct ps_tensor upload_sinusoids(struct ps_run *run, const float *values, uint32_t count,
                                         uint32_t width, bool one_row)
{
    struct ps_tensor t = ps_new(run, run->type, one_row ? 1 : count, 1, 1, one_row ? count * width : width);
    float *sinusoids = malloc((size_t)count * width * sizeof *sinusoids);
    if (!sinusoids) {
        ps_run_fail(run, PS_ERR_MEMORY, "memory.host", "out of memory");
        return t;
    }
    ps_sinusoids(values, count, width, sinusoids);
    ps_upload_floats(run, t, sinusoids);
    free(sinusoids);
    return t;
}

static uint32_t most_channels(const struct ps_unet_config *config)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < config->levels; i++)
        most = (uint32_t)ps_max_u64(most, config->block_out_channels[i]);
    return most;
}

/* What transformer `block` has of a tensor of all of them: n rows of its channels. */
static struct ps_tensor rows_of(const struct ps_unet *unet, struct ps_tensor all,
                                const struct ps_transformer *block, uint32_t n)
{
    if (ps_is_null(all))
        return all;
    struct ps_tensor rows = ps_frames(all, (uint32_t)(block - unet->transformers), 1);
    rows.n = n;
    rows.h = rows.w = 1;
    rows.c = block->channels;
    rows.pitch = block->channels;
    return rows;
}

struct ps_tensor ps_unet_context(struct ps_run *run, const struct ps_unet *unet, struct ps_tensor context)
{
    const uint32_t count = transformer_count(&unet->config);
    uint32_t layers = 0;
    for (uint32_t i = 0; i < count; i++)
        layers = (uint32_t)ps_max_u64(layers, unet->transformers[i].layer_count);
    const struct ps_tensor all = ps_new(run, run->type, count, 2 * layers, 1, most_channels(&unet->config));
    for (uint32_t i = 0; i < count && ps_run_ok(run); i++) {
        const struct ps_transformer *block = &unet->transformers[i];
        ps_transformer_context(run, context, block, rows_of(unet, all, block, 2 * block->layer_count));
    }
    return all;
}

/* All is uploaded before the first launch, so that no upload waits for one. */
struct ps_unet_clip ps_unet_prepare(struct ps_run *run, const struct ps_unet *unet, uint32_t frames,
                                    const float ids[3])
{
    const struct ps_unet_config *config = &unet->config;
    const uint32_t count = transformer_count(config);
    struct ps_unet_clip clip = {.positions = ps_new(run, run->type, count, frames, 1, most_channels(config))};
    struct ps_tensor sinusoids[PS_MAX_LEVELS];
    float indices[PS_MAX_FRAMES];
    for (uint32_t i = 0; i < frames; i++)
        indices[i] = (float)i;
    ps_enter(run, "clip");
    for (uint32_t i = 0; i < config->levels; i++)
        sinusoids[i] = upload_sinusoids(run, indices, frames, config->block_out_channels[i], false);
    struct ps_tensor row = upload_sinusoids(run, ids, 3, config->addition_time_embed_dim, true);
    for (uint32_t i = 0; i < count && ps_run_ok(run); i++) {
        const struct ps_transformer *block = &unet->transformers[i];
        uint32_t level = 0;
        while (config->block_out_channels[level] != block->channels)
            level++;
        ps_transformer_positions(run, sinusoids[level], block, rows_of(unet, clip.positions, block, frames));
    }
    struct ps_tensor hidden = ps_linear(run, row, unet->added1, &(struct ps_epilogue){.act = PS_SILU});
    clip.added = ps_leave(run, ps_linear(run, hidden, unet->added2, NULL));
    return clip;
}

/* silu(time embedding + added embedding): [1, 1, 1, embedding]; every residual block reads it through its
 * silu. */
struct ps_tensor ps_unet_time(struct ps_run *run, const struct ps_unet *unet, const struct ps_unet_clip *clip,
                              float timestep)
{
    ps_enter(run, "unet");
    ps_enter(run, "time_embedding");
    struct ps_tensor row = upload_sinusoids(run, &timestep, 1, unet->config.block_out_channels[0], true);
    struct ps_tensor hidden = ps_linear(run, row, unet->time1, &(struct ps_epilogue){.act = PS_SILU});
    struct ps_tensor sum =
        ps_linear(run, hidden, unet->time2, &(struct ps_epilogue){.residual = clip->added});
    sum = ps_blend(run, &(struct ps_blend){.a = 1, .p = sum, .act = PS_SILU});
    return ps_leave(run, ps_leave(run, sum));
}

/* Skips on the way up: a stack of tensors of the forward's scope. */
struct skips {
    uint32_t count;
    struct ps_tensor items[MAX_SKIPS];
};

/* What a forward's blocks share. */
struct pass {
    struct ps_run *run;
    const struct ps_unet *unet;
    const struct ps_unet_clip *clip;
    struct ps_tensor time, context;
    struct skips skips;
};

static const struct ps_tensor none;

static struct ps_tensor transform(struct pass *pass, const struct ps_transformer *block, struct ps_tensor x)
{
    return ps_transformer_forward(pass->run, x,
                                  rows_of(pass->unet, pass->context, block, 2 * block->layer_count),
                                  rows_of(pass->unet, pass->clip->positions, block, x.n), block);
}

static struct ps_tensor attend(struct pass *pass, const struct ps_unet_level *level, uint32_t j,
                               struct ps_tensor x)
{
    return level->attends ? transform(pass, &level->attentions[j], x) : x;
}

static struct ps_tensor go_down(struct pass *pass, struct ps_tensor x, uint32_t i)
{
    const struct ps_unet_level *level = &pass->unet->down[i];
    for (uint32_t j = 0; j < level->block_count; j++) {
        x = ps_video_resnet_forward(pass->run, x, pass->time, &level->resnets[j], NULL, none);
        x = attend(pass, level, j, x);
        pass->skips.items[pass->skips.count++] = x;
    }
    if (level->sampler.weight) {
        const struct ps_window window = {
            .kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1};
        x = ps_conv(pass->run, x, level->sampler, &window, NULL);
        pass->skips.items[pass->skips.count++] = x;
    }
    return x;
}

static struct ps_tensor go_up(struct pass *pass, struct ps_tensor x, uint32_t i)
{
    const struct ps_unet_level *level = &pass->unet->up[i];
    for (uint32_t j = 0; j < level->block_count; j++) {
        struct ps_tensor skip = pass->skips.items[--pass->skips.count];
        const struct ps_tensor y = ps_video_resnet_space(pass->run, x, skip, pass->time, &level->resnets[j]);
        /* At the first block below the middle x is the middle's result, which no skip shares. */
        ps_drop(pass->run, &x);
        ps_drop(pass->run, &skip);
        ps_video_resnet_time(pass->run, y, pass->time, &level->resnets[j]);
        x = attend(pass, level, j, y);
    }
    if (!level->sampler.weight || !pass->skips.count)
        return x;
    /* Where a size is odd the level above is not twice this one: the next skip tells. */
    const struct ps_tensor above = pass->skips.items[pass->skips.count - 1];
    const bool doubles = above.h == 2 * x.h && above.w == 2 * x.w;
    const struct ps_upsample up = {
        .conv = doubles ? level->twice : level->sampler, .h = above.h, .w = above.w};
    struct ps_tensor y = ps_run_ok(pass->run) ? ps_upsample_forward(pass->run, x, &up) : x;
    ps_drop(pass->run, &x);
    return y;
}

static struct ps_tensor go_through_middle(struct pass *pass, struct ps_tensor x)
{
    ps_enter(pass->run, "mid");
    x = ps_video_resnet_forward(pass->run, x, pass->time, &pass->unet->mid[0], NULL, none);
    x = transform(pass, pass->unet->mid_attention, x);
    return ps_leave(pass->run,
                    ps_video_resnet_forward(pass->run, x, pass->time, &pass->unet->mid[1], NULL, x));
}

struct ps_tensor ps_unet_forward(struct ps_run *run, const struct ps_unet *unet,
                                 const struct ps_unet_clip *clip, struct ps_tensor x,
                                 struct ps_tensor context, struct ps_tensor time)
{
    struct pass pass = {.run = run, .unet = unet, .clip = clip, .time = time, .context = context};
    ps_enter(run, "unet");
    x = ps_conv3x3(run, x, unet->conv_in, NULL);
    pass.skips.items[pass.skips.count++] = x;
    for (uint32_t i = 0; i < unet->config.levels; i++)
        x = go_down(&pass, x, i);
    x = go_through_middle(&pass, x);
    for (uint32_t i = 0; i < unet->config.levels; i++)
        x = go_up(&pass, x, i);
    struct ps_tensor a = ps_group_norm(run, x, GROUPS, unet->norm_out, PS_SILU);
    return ps_leave(run, ps_conv3x3(run, a, unet->conv_out, NULL));
}
