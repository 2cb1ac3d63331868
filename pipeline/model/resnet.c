#include "model/resnet.h"

#include <math.h>

#include "base/checked.h"

#define GROUPS 32

static struct ps_resnet bind_spatial(struct ps_binder *binder, uint32_t first, uint32_t beside, uint32_t out,
                                     uint32_t embedding, float eps)
{
    const uint32_t in = first + beside;
    struct ps_resnet block = {.in = in, .out = out, .groups = GROUPS};
    block.norm1 = (struct ps_norm){ps_bind_norm(binder, in, "norm1"), eps};
    block.conv1 = ps_bind_conv(binder, out, in, 3, 3, true, "conv1");
    if (embedding)
        block.time = ps_bind_linear(binder, out, embedding, true, "time_emb_proj");
    block.norm2 = (struct ps_norm){ps_bind_norm(binder, out, "norm2"), eps};
    block.conv2 = ps_bind_conv(binder, out, out, 3, 3, true, "conv2");
    if (beside) {
        struct ps_layer halves[2];
        ps_bind_conv_halves(binder, out, (const uint32_t[]){first, beside}, halves, "conv_shortcut");
        block.shortcut = halves[0];
        block.shortcut_beside = halves[1];
    } else if (in != out) {
        block.shortcut = ps_bind_conv(binder, out, in, 1, 1, true, "conv_shortcut");
    }
    return block;
}

struct ps_resnet ps_resnet_bind(struct ps_binder *binder, uint32_t in, uint32_t out, uint32_t embedding,
                                float eps)
{
    return bind_spatial(binder, in, 0, out, embedding, eps);
}

static struct ps_resnet bind_temporal(struct ps_binder *binder, uint32_t channels, uint32_t embedding,
                                      float eps)
{
    struct ps_resnet block = {.in = channels, .out = channels, .groups = GROUPS};
    block.norm1 = (struct ps_norm){ps_bind_norm(binder, channels, "norm1"), eps};
    block.conv1 = ps_bind_conv_frames(binder, channels, channels, 3, "conv1");
    if (embedding)
        block.time = ps_bind_linear(binder, channels, embedding, true, "time_emb_proj");
    block.norm2 = (struct ps_norm){ps_bind_norm(binder, channels, "norm2"), eps};
    block.conv2 = ps_bind_conv_frames(binder, channels, channels, 3, "conv2");
    return block;
}

struct ps_video_resnet ps_video_resnet_bind(struct ps_binder *binder, uint32_t in, uint32_t beside,
                                            uint32_t out, uint32_t embedding, float space_eps, float time_eps,
                                            bool switched)
{
    struct ps_video_resnet block;
    ps_bind_enter(binder, "spatial_res_block");
    block.space = bind_spatial(binder, in, beside, out, embedding, space_eps);
    ps_bind_leave(binder);
    ps_bind_enter(binder, "temporal_res_block");
    block.time = bind_temporal(binder, out, embedding, time_eps);
    ps_bind_leave(binder);
    const float sigmoid = 1.0f / (1.0f + expf(-ps_bind_scalar(binder, "time_mixer.mix_factor")));
    block.time_share = switched ? sigmoid : 1.0f - sigmoid;
    return block;
}

struct ps_tensor ps_upsample_forward(struct ps_run *run, struct ps_tensor x, const struct ps_upsample *up)
{
    const struct ps_window window = {
        .kernel_h = 3, .kernel_w = 3, .wide_h = up->h, .wide_w = up->w, .pad_top = 1, .pad_left = 1};
    ps_enter(run, "upsample");
    const bool twice = up->conv.weight->phases && up->h == 2 * x.h && up->w == 2 * x.w;
    return ps_leave(run,
                    twice ? ps_conv_twice(run, x, up->conv, NULL) : ps_conv(run, x, up->conv, &window, NULL));
}

static struct ps_tensor time_vector(struct ps_run *run, struct ps_tensor t, const struct ps_resnet *block)
{
    return block->time.weight ? ps_linear(run, t, block->time, NULL) : (struct ps_tensor){0};
}

/* The rows of a vector that frames [first, first + count) read: one for all, or one a frame. */
static struct ps_tensor vector_frames(struct ps_tensor vector, uint32_t first, uint32_t count)
{
    return vector.n > 1 ? ps_frames(vector, first, count) : vector;
}

/* The 1x1 convolution of x and what is beside it, a product each; x itself where there is none. */
static struct ps_tensor shortcut_of(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                                    const struct ps_resnet *block)
{
    if (!block->shortcut.weight)
        return x;
    struct ps_tensor y = ps_linear(run, x, block->shortcut, NULL);
    if (!ps_is_null(beside))
        ps_linear(run, beside, block->shortcut_beside, &(struct ps_epilogue){.residual = y, .into = y});
    return y;
}

static void space_chunk(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                        struct ps_tensor vector, const struct ps_resnet *block, struct ps_tensor into)
{
    struct ps_tensor a = ps_group_norm_beside(run, x, beside, block->groups, block->norm1, PS_SILU);
    struct ps_tensor h = ps_conv3x3(run, a, block->conv1, &(struct ps_epilogue){.vector = vector});
    ps_drop(run, &a);
    struct ps_tensor b = ps_group_norm(run, h, block->groups, block->norm2, PS_SILU);
    ps_drop(run, &h);
    const struct ps_tensor skip = shortcut_of(run, x, beside, block);
    ps_conv3x3(run, b, block->conv2, &(struct ps_epilogue){.residual = skip, .into = into});
}

static struct ps_tensor space_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                                      struct ps_tensor t, const struct ps_resnet *block,
                                      const struct ps_upsample *up, struct ps_tensor into)
{
    const bool grows = up && up->conv.weight;
    const uint32_t h = grows ? up->h : x.h, w = grows ? up->w : x.w;
    ps_enter(run, "resnet");
    /* Where y lies over x, frames of x are read whole before they are overwritten. */
    struct ps_tensor y = ps_is_null(into) ? ps_new(run, x.type, x.n, h, w, block->out) : into;
    const struct ps_tensor vector = time_vector(run, t, block);
    const uint64_t scratch_bytes =
        (uint64_t)h * w * (block->in * (grows ? 2u : 1u) + 2u * block->out) * ps_type_bytes(x.type);
    const uint32_t chunk = ps_chunk(run, x.n, scratch_bytes);
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const uint32_t count = (uint32_t)ps_min_u64(chunk, x.n - i);
        ps_enter(run, "space");
        struct ps_tensor frames = ps_frames(x, i, count);
        if (grows)
            frames = ps_upsample_forward(run, frames, up);
        space_chunk(run, frames, ps_frames(beside, i, count), vector_frames(vector, i, count), block,
                    ps_frames(y, i, count));
        ps_leave(run, (struct ps_tensor){0});
    }
    return ps_leave(run, y);
}

struct ps_tensor ps_resnet_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor t,
                                   const struct ps_resnet *block, const struct ps_upsample *up,
                                   struct ps_tensor into)
{
    return space_forward(run, x, (struct ps_tensor){0}, t, block, up, into);
}

/* Statistics over the whole clip for one of the temporal block's norms. */
static struct ps_tensor clip_stats(struct ps_run *run, struct ps_tensor x, uint32_t groups, float eps)
{
    ps_enter(run, "stats");
    struct ps_tensor partial = ps_norm_partial(run, x.n, x.h * x.w, groups);
    const uint32_t chunk = ps_chunk(run, x.n, ps_frame_elements(x) * ps_type_bytes(x.type));
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const uint32_t count = (uint32_t)ps_min_u64(chunk, x.n - i);
        ps_norm_measure(run, ps_frames(x, i, count), groups, ps_frames(partial, i, count));
    }
    return ps_leave(run, ps_norm_stats(run, partial, x.n, x.h * x.w, x.c / groups, eps));
}

/* One of the temporal block's halves, conv(silu(norm(x))), and what its convolution's epilogue adds. */
struct half {
    struct ps_norm norm;
    struct ps_layer conv;
    struct ps_tensor stats, vector;
    float scale;
};

/* into = the half over frames [begin, begin + into.n) of a clip of `frames`; a holds silu(norm(x)) from frame
 * `first`. */
static void convolve(struct ps_run *run, const struct half *half, struct ps_tensor a, uint32_t first,
                     uint32_t begin, struct ps_tensor residual, struct ps_tensor into)
{
    const struct ps_epilogue epilogue = {.vector = vector_frames(half->vector, begin, into.n),
                                         .scale = half->scale,
                                         .residual = residual,
                                         .into = into};
    ps_conv_frames(run, a, begin - first, into.n, half->conv, &epilogue);
}

/* A chunk of frames [begin, end) of a clip, and the frames that a temporal convolution of it reads. */
struct span {
    uint32_t begin, end, first, last;
};

static struct span span_of(uint32_t begin, uint32_t end, uint32_t frames)
{
    return (struct span){begin, end, begin ? begin - 1 : 0, end < frames ? end + 1 : frames};
}

static uint64_t frame_bytes(struct ps_tensor x)
{
    return ps_frame_elements(x) * ps_type_bytes(x.type);
}

/* How many rows of `frames` frames of x a chunk holds: all but where frames are very large or memory is short.
 * No pixel of a temporal half depends on another pixel, apart from the statistics. */
static uint32_t rows_of(const struct ps_run *run, struct ps_tensor x, uint32_t frames)
{
    return ps_chunk(run, x.h, (uint64_t)frames * x.w * x.c * ps_type_bytes(x.type));
}

/* Rows [first, first + count) of t, or as many as there are. */
static struct ps_tensor slab_of(struct ps_tensor t, uint32_t first, uint32_t count)
{
    return ps_is_null(t) ? t : ps_slab(t, first, (uint32_t)ps_min_u64(count, t.h - first));
}

/* into = the half of x, a clip or a slab of it, chunk by chunk. `residual` is null or what is added. */
static void half_of_slab(struct ps_run *run, const struct half *half, struct ps_tensor x,
                         struct ps_tensor residual, struct ps_tensor into)
{
    const uint32_t chunk = ps_chunk(run, x.n, frame_bytes(x));
    for (uint32_t i = 0; i < x.n && ps_run_ok(run); i += chunk) {
        const struct span span = span_of(i, (uint32_t)ps_min_u64(x.n, i + chunk), x.n);
        const struct ps_tensor frames = ps_frames(x, span.first, span.last - span.first);
        struct ps_tensor a = ps_norm_apply(run, frames, half->stats, half->norm, PS_SILU);
        const struct ps_tensor added = ps_is_null(residual) ? residual : ps_frames(residual, i, span.end - i);
        convolve(run, half, a, span.first, i, added, ps_frames(into, i, span.end - i));
        ps_drop(run, &a);
    }
}

/* The same slab by slab. */
static void half_forward(struct ps_run *run, const struct half *half, struct ps_tensor x,
                         struct ps_tensor residual, struct ps_tensor into)
{
    const uint32_t rows = rows_of(run, x, 3);
    for (uint32_t r = 0; r < x.h && ps_run_ok(run); r += rows)
        half_of_slab(run, half, slab_of(x, r, rows), slab_of(residual, r, rows), slab_of(into, r, rows));
}

/* m += second(first(m)), first(m) held for the whole clip. The second half reads it alone, so m is
 * overwritten in place. */
static void add_held(struct ps_run *run, struct ps_tensor m, struct half *first, struct half *second,
                     uint32_t groups)
{
    const struct ps_tensor none = {0};
    struct ps_tensor h = ps_new(run, m.type, m.n, m.h, m.w, m.c);
    half_forward(run, first, m, none, h);
    second->stats = clip_stats(run, h, groups, second->norm.eps);
    half_forward(run, second, h, m, m);
}

/* Statistics of first(m) over the clip, first(m) being computed chunk by chunk and thrown away. */
static struct ps_tensor stats_of_half(struct ps_run *run, struct ps_tensor m, const struct half *first,
                                      uint32_t groups, float eps)
{
    const struct ps_tensor none = {0};
    const uint32_t chunk = ps_chunk(run, m.n, 2 * frame_bytes(m)), rows = rows_of(run, m, 3);
    ps_enter(run, "stats");
    struct ps_tensor partial = ps_norm_partial(run, m.n, m.h * m.w, groups);
    for (uint32_t i = 0; i < m.n && ps_run_ok(run); i += chunk) {
        const struct span span = span_of(i, (uint32_t)ps_min_u64(m.n, i + chunk), m.n);
        struct ps_tensor h = ps_new(run, m.type, span.end - i, m.h, m.w, m.c);
        const struct ps_tensor frames = ps_frames(m, span.first, span.last - span.first);
        for (uint32_t r = 0; r < m.h && ps_run_ok(run); r += rows) {
            struct ps_tensor a =
                ps_norm_apply(run, slab_of(frames, r, rows), first->stats, first->norm, PS_SILU);
            convolve(run, first, a, span.first, i, none, slab_of(h, r, rows));
            ps_drop(run, &a);
        }
        ps_norm_measure(run, h, groups, ps_frames(partial, i, h.n));
        ps_drop(run, &h);
    }
    return ps_leave(run, ps_norm_stats(run, partial, m.n, m.h * m.w, m.c / groups, eps));
}

/* silu(norm(m)) of frames [first, last): those before `written` have been overwritten in m, and their
 * originals, the two before `written`, are in tail. */
static struct ps_tensor apply_around(struct ps_run *run, const struct half *half, struct ps_tensor m,
                                     struct ps_tensor tail, uint32_t written, uint32_t first, uint32_t last)
{
    struct ps_tensor a = ps_new(run, m.type, last - first, m.h, m.w, m.c);
    const uint32_t kept = written > first ? written - first : 0;
    if (kept)
        ps_norm_apply_into(run, ps_frames(tail, 2 - kept, kept), half->stats, half->norm, PS_SILU,
                           ps_frames(a, 0, kept));
    ps_norm_apply_into(run, ps_frames(m, first + kept, last - first - kept), half->stats, half->norm, PS_SILU,
                       ps_frames(a, kept, a.n - kept));
    return a;
}

/* Keeps the originals of frames [end - 2, end) in tail; m is original from `begin` on. */
static void keep_tail(struct ps_run *run, struct ps_tensor tail, struct ps_tensor m, uint32_t begin,
                      uint32_t end)
{
    if (end - begin == 1)
        ps_blend(run, &(struct ps_blend){.a = 1, .p = ps_frames(tail, 1, 1), .into = ps_frames(tail, 0, 1)});
    const uint32_t count = end - begin == 1 ? 1 : 2;
    ps_blend(run, &(struct ps_blend){.a = 1,
                                     .p = ps_frames(m, end - count, count),
                                     .into = ps_frames(tail, 2 - count, count)});
}

/* m += second(first(m)) for a clip m or a slab of it, first(m) computed a few frames at a time. */
static void add_to_slab(struct ps_run *run, struct ps_tensor m, const struct half *first,
                        const struct half *second)
{
    const struct ps_tensor none = {0};
    struct ps_tensor tail = ps_new(run, m.type, 2, m.h, m.w, m.c);
    const uint32_t chunk = ps_chunk(run, m.n, 4 * frame_bytes(m));
    for (uint32_t i = 0; i < m.n && ps_run_ok(run); i += chunk) {
        const struct span span = span_of(i, (uint32_t)ps_min_u64(m.n, i + chunk), m.n);
        const struct span wide = span_of(span.first, span.last, m.n);
        struct ps_tensor h = ps_new(run, m.type, span.last - span.first, m.h, m.w, m.c);
        struct ps_tensor a = apply_around(run, first, m, tail, i, wide.first, wide.last);
        convolve(run, first, a, wide.first, span.first, none, h);
        ps_drop(run, &a);
        struct ps_tensor b = ps_norm_apply(run, h, second->stats, second->norm, PS_SILU);
        ps_drop(run, &h);
        keep_tail(run, tail, m, i, span.end);
        const struct ps_tensor frames = ps_frames(m, i, span.end - i);
        convolve(run, second, b, span.first, i, frames, frames);
        ps_drop(run, &b);
    }
    ps_drop(run, &tail);
}

/* m += second(first(m)) with first(m) computed twice: bit for bit add_held's result in the memory of one clip
 * instead of two. */
static void add_recomputed(struct ps_run *run, struct ps_tensor m, const struct half *first,
                           struct half *second, uint32_t groups)
{
    const uint32_t rows = rows_of(run, m, 5);
    second->stats = stats_of_half(run, m, first, groups, second->norm.eps);
    for (uint32_t r = 0; r < m.h && ps_run_ok(run); r += rows)
        add_to_slab(run, slab_of(m, r, rows), first, second);
}

void ps_video_resnet_time(struct ps_run *run, struct ps_tensor m, struct ps_tensor t,
                          const struct ps_video_resnet *block)
{
    if (!ps_run_ok(run))
        return;
    const struct ps_resnet *time = &block->time;
    ps_enter(run, "time");
    struct half first = {.norm = time->norm1, .conv = time->conv1, .vector = time_vector(run, t, time)};
    struct half second = {.norm = time->norm2, .conv = time->conv2, .scale = block->time_share};
    first.stats = clip_stats(run, m, time->groups, time->norm1.eps);
    if (run->frugal)
        add_recomputed(run, m, &first, &second, time->groups);
    else
        add_held(run, m, &first, &second, time->groups);
    ps_leave(run, (struct ps_tensor){0});
}

struct ps_tensor ps_video_resnet_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor t,
                                         const struct ps_video_resnet *block, const struct ps_upsample *up,
                                         struct ps_tensor into)
{
    ps_enter(run, "video_resnet");
    struct ps_tensor m = ps_resnet_forward(run, x, t, &block->space, up, into);
    ps_video_resnet_time(run, m, t, block);
    return ps_leave(run, m);
}

struct ps_tensor ps_video_resnet_space(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                                       struct ps_tensor t, const struct ps_video_resnet *block)
{
    return space_forward(run, x, beside, t, &block->space, NULL, (struct ps_tensor){0});
}
