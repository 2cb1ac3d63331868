#include "model/transformer.h"

#include <math.h>

#include "base/checked.h"

#define GROUPS 32
#define GROUP_NORM_EPS 1e-6f
#define LAYER_NORM_EPS 1e-5f

static struct ps_norm bind_layer_norm(struct ps_binder *binder, uint32_t channels, const char *name)
{
    return (struct ps_norm){ps_bind_norm(binder, channels, "%s", name), LAYER_NORM_EPS};
}

static struct ps_feed_forward bind_feed_forward(struct ps_binder *binder, uint32_t channels, const char *name)
{
    struct ps_feed_forward feed;
    feed.gate = ps_bind_geglu(binder, 4 * channels, channels, "%s.net.0.proj", name);
    feed.out = ps_bind_linear(binder, channels, 4 * channels, true, "%s.net.2", name);
    return feed;
}

static struct ps_transformer_layer bind_layer(struct ps_binder *binder, uint32_t channels, uint32_t context,
                                              bool temporal)
{
    static const char *const parts[3] = {"to_q", "to_k", "to_v"};
    struct ps_transformer_layer layer = {0};
    if (temporal) {
        layer.norm_in = bind_layer_norm(binder, channels, "norm_in");
        layer.feed_in = bind_feed_forward(binder, channels, "ff_in");
    }
    layer.norm1 = bind_layer_norm(binder, channels, "norm1");
    layer.qkv = ps_bind_qkv(binder, channels, channels, false, parts, "attn1");
    layer.attention_out = ps_bind_linear(binder, channels, channels, true, "attn1.to_out.0");
    layer.context_v = ps_bind_linear(binder, channels, context, false, "attn2.to_v");
    layer.context_out = ps_bind_linear(binder, channels, channels, true, "attn2.to_out.0");
    layer.norm3 = bind_layer_norm(binder, channels, "norm3");
    layer.feed = bind_feed_forward(binder, channels, "ff");
    ps_bind_unused(binder, "attn2.to_q");
    ps_bind_unused(binder, "attn2.to_k");
    ps_bind_unused(binder, "norm2");
    return layer;
}

struct ps_transformer ps_transformer_bind(struct ps_binder *binder, uint32_t channels, uint32_t heads,
                                          uint32_t context, uint32_t layers)
{
    struct ps_transformer block = {
        .channels = channels, .heads = heads, .groups = GROUPS, .layer_count = layers};
    block.norm = (struct ps_norm){ps_bind_norm(binder, channels, "norm"), GROUP_NORM_EPS};
    block.proj_in = ps_bind_linear(binder, channels, channels, true, "proj_in");
    for (uint32_t i = 0; i < layers; i++) {
        ps_bind_enter(binder, "transformer_blocks.%u", i);
        block.space[i] = bind_layer(binder, channels, context, false);
        ps_bind_leave(binder);
        ps_bind_enter(binder, "temporal_transformer_blocks.%u", i);
        block.time[i] = bind_layer(binder, channels, context, true);
        ps_bind_leave(binder);
    }
    block.position1 = ps_bind_linear(binder, 4 * channels, channels, true, "time_pos_embed.linear_1");
    block.position2 = ps_bind_linear(binder, channels, 4 * channels, true, "time_pos_embed.linear_2");
    block.space_share = 1.0f / (1.0f + expf(-ps_bind_scalar(binder, "time_mixer.mix_factor")));
    block.proj_out = ps_bind_linear(binder, channels, channels, true, "proj_out");
    return block;
}

/* z + feed(norm(z)) with z = x + vector, which may be null; into `into`, or a new tensor where that is null. */
static struct ps_tensor feed_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor vector,
                                     struct ps_norm norm, const struct ps_feed_forward *feed,
                                     struct ps_tensor into)
{
    ps_enter(run, "feed_forward");
    struct ps_tensor a = ps_layer_norm_sum(run, x, vector, norm);
    struct ps_tensor hidden = ps_linear(run, a, feed->gate, &(struct ps_epilogue){.act = PS_GEGLU});
    ps_drop(run, &a);
    return ps_leave(run, ps_linear(run, hidden, feed->out,
                                   &(struct ps_epilogue){.vector = vector, .residual = x, .into = into}));
}

/* x += feed(norm(x)), in place. */
static void add_feed_forward(struct ps_run *run, struct ps_tensor x, struct ps_norm norm,
                             const struct ps_feed_forward *feed)
{
    feed_forward(run, x, (struct ps_tensor){0}, norm, feed, x);
}

/* x += attention(norm1(x)) + the cross-attention's constant, in place. */
static void add_attention(struct ps_run *run, struct ps_tensor x, struct ps_tensor constant, uint32_t heads,
                          enum ps_axis axis, const struct ps_transformer_layer *layer)
{
    ps_enter(run, "attention");
    struct ps_tensor a = ps_layer_norm(run, x, layer->norm1);
    struct ps_tensor qkv = ps_linear(run, a, layer->qkv, NULL);
    ps_drop(run, &a);
    struct ps_tensor y = ps_self_attention(run, qkv, heads, axis);
    ps_drop(run, &qkv);
    ps_linear(run, y, layer->attention_out,
              &(struct ps_epilogue){.vector = constant, .residual = x, .into = x});
    ps_leave(run, (struct ps_tensor){0});
}

/* into [1, 1, 1, c] = to_out(to_v(context)). */
static void add_constant(struct ps_run *run, struct ps_tensor context,
                         const struct ps_transformer_layer *layer, struct ps_tensor into)
{
    struct ps_tensor value = ps_linear(run, context, layer->context_v, NULL);
    ps_linear(run, value, layer->context_out, &(struct ps_epilogue){.into = into});
    ps_drop(run, &value);
}

void ps_transformer_context(struct ps_run *run, struct ps_tensor context, const struct ps_transformer *block,
                            struct ps_tensor into)
{
    ps_enter(run, "context");
    for (uint32_t i = 0; i < block->layer_count && ps_run_ok(run); i++) {
        add_constant(run, context, &block->space[i], ps_frames(into, 2 * i, 1));
        add_constant(run, context, &block->time[i], ps_frames(into, 2 * i + 1, 1));
    }
    ps_leave(run, (struct ps_tensor){0});
}

void ps_transformer_positions(struct ps_run *run, struct ps_tensor sinusoids,
                              const struct ps_transformer *block, struct ps_tensor into)
{
    ps_enter(run, "positions");
    const struct ps_tensor wide =
        ps_linear(run, sinusoids, block->position1, &(struct ps_epilogue){.act = PS_SILU});
    ps_linear(run, wide, block->position2, &(struct ps_epilogue){.into = into});
    ps_leave(run, (struct ps_tensor){0});
}

/* The scratch that one row of pixels needs at the widest point of a layer: the hidden row of the feed-forward
 * part beside the row itself and its norm. */
static uint64_t row_bytes(struct ps_tensor x)
{
    return (uint64_t)x.w * x.c * 6 * ps_type_bytes(x.type);
}

static void space_layer(struct ps_run *run, struct ps_tensor s, struct ps_tensor constant, uint32_t heads,
                        const struct ps_transformer_layer *layer)
{
    ps_enter(run, "space");
    const uint32_t chunk = ps_chunk(run, s.n, s.h * row_bytes(s));
    for (uint32_t i = 0; i < s.n && ps_run_ok(run); i += chunk) {
        const struct ps_tensor x = ps_frames(s, i, (uint32_t)ps_min_u64(chunk, s.n - i));
        add_attention(run, x, constant, heads, PS_SPACE, layer);
        add_feed_forward(run, x, layer->norm3, &layer->feed);
    }
    ps_leave(run, (struct ps_tensor){0});
}

/*   z = s + position;  z += feed_in(z), in one;  z += attention over frames + constant;  z += feed(z)
 *   s = space_share s + (1 - space_share) z, in place. */
static void time_layer(struct ps_run *run, struct ps_tensor s, struct ps_tensor constant,
                       struct ps_tensor position, const struct ps_transformer *block,
                       const struct ps_transformer_layer *layer)
{
    ps_enter(run, "time");
    const uint32_t chunk = ps_chunk(run, s.h, s.n * row_bytes(s));
    for (uint32_t i = 0; i < s.h && ps_run_ok(run); i += chunk) {
        ps_enter(run, "rows");
        const struct ps_tensor slab = ps_slab(s, i, (uint32_t)ps_min_u64(chunk, s.h - i));
        const struct ps_tensor z =
            feed_forward(run, slab, position, layer->norm_in, &layer->feed_in, (struct ps_tensor){0});
        add_attention(run, z, constant, block->heads, PS_TIME, layer);
        add_feed_forward(run, z, layer->norm3, &layer->feed);
        ps_blend(run,
                 &(struct ps_blend){
                     .a = block->space_share, .p = slab, .b = 1 - block->space_share, .q = z, .into = slab});
        ps_leave(run, (struct ps_tensor){0});
    }
    ps_leave(run, (struct ps_tensor){0});
}

struct ps_tensor ps_transformer_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor constants,
                                        struct ps_tensor positions, const struct ps_transformer *block)
{
    ps_enter(run, "transformer");
    struct ps_tensor s = ps_new(run, x.type, x.n, x.h, x.w, x.c);
    const uint32_t chunk = ps_chunk(run, x.n, ps_frame_elements(x) * ps_type_bytes(x.type));
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const uint32_t count = (uint32_t)ps_min_u64(chunk, x.n - i);
        struct ps_tensor a = ps_group_norm(run, ps_frames(x, i, count), block->groups, block->norm, PS_NONE);
        ps_linear(run, a, block->proj_in, &(struct ps_epilogue){.into = ps_frames(s, i, count)});
        ps_drop(run, &a);
    }
    for (uint32_t i = 0; i < block->layer_count && ps_run_ok(run); i++) {
        space_layer(run, s, ps_frames(constants, 2 * i, 1), block->heads, &block->space[i]);
        time_layer(run, s, ps_frames(constants, 2 * i + 1, 1), positions, block, &block->time[i]);
    }
    ps_linear(run, s, block->proj_out, &(struct ps_epilogue){.residual = x, .into = x});
    return ps_leave(run, x);
}
