#include "ops/ops.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/check.h"

#include "attention.h"

static bool check_heads(struct ps_run *run, uint32_t channels, uint32_t heads)
{
    if (heads && channels % heads == 0 && channels / heads <= PS_ATTENTION_MAX_D)
        return true;
    ps_run_fail(run, PS_ERR_INTERNAL, "attention.heads",
                "%u channels do not divide into %u heads of at most %u channels", channels, heads,
                PS_ATTENTION_MAX_D);
    return false;
}

static void launch(struct ps_run *run, struct ps_tensor q, struct ps_tensor k, struct ps_tensor v,
                   struct ps_tensor y, struct ps_attention_push push)
{
    /* Four channels can be loaded at once where every head of every token begins at a multiple of four. */
    const uint32_t distances = push.d | push.q_first | push.k_first | push.v_first | push.q_token |
                               push.kv_token | push.q_batch | push.kv_batch;
    const bool aligned =
        distances % 4 == 0 && (q.offset | k.offset | v.offset) % (4 * ps_type_bytes(q.type)) == 0;
    const uint32_t lanes = 8, pair_lanes = 2 * lanes; /* of a cluster; and the channels that its pairs are */
    uint32_t slices = 1;
    while (slices * pair_lanes * PS_ATTENTION_MAX_LANE_PAIRS < push.d)
        slices *= 2;
    const uint32_t rows = ps_div_up(push.queries, lanes) < PS_ATTENTION_MAX_ROWS ? 1 : PS_ATTENTION_MAX_ROWS;
    const uint32_t tiles = ps_div_up(push.queries, rows * lanes) * push.heads * push.batch;
    struct ps_launch launch = {
        .kernel = PS_KERNEL_attention,
        .type = run->type,
        .spec = {[PS_ATTENTION_SPEC_ALIGNED] = aligned,
                 [PS_ATTENTION_SPEC_SLICES] = slices,
                 [PS_ATTENTION_SPEC_LANE_PAIRS] = ps_div_up(push.d, slices * pair_lanes),
                 [PS_ATTENTION_SPEC_ROWS] = rows},
        .operands = {q, k, v, y},
        .items = {ps_div_up(tiles, PS_ATTENTION_CLUSTERS / slices), 1, 1},
        .flops = 4ull * push.batch * push.heads * push.queries * push.keys * push.d,
    };
    memcpy(launch.push, &push, sizeof push);
    ps_run_launch(run, &launch);
}

static struct ps_attention_push self_push(struct ps_tensor qkv, uint32_t heads, enum ps_axis axis)
{
    const uint32_t c = qkv.c / 3, pixels = qkv.h * qkv.w;
    const uint32_t tokens = axis == PS_SPACE ? pixels : qkv.n, batch = axis == PS_SPACE ? qkv.n : pixels;
    const uint32_t token_rows = axis == PS_SPACE ? 1 : pixels, batch_rows = axis == PS_SPACE ? pixels : 1;
    return (struct ps_attention_push){.batch = batch,
                                      .heads = heads,
                                      .d = c / heads,
                                      .queries = tokens,
                                      .keys = tokens,
                                      .q_first = 0,
                                      .k_first = c,
                                      .v_first = 2 * c,
                                      .q_token = token_rows * qkv.c,
                                      .kv_token = token_rows * qkv.c,
                                      .y_token = token_rows * c,
                                      .q_batch = batch_rows * qkv.c,
                                      .kv_batch = batch_rows * qkv.c,
                                      .y_batch = batch_rows * c,
                                      .scale = 1 / sqrtf((float)(c / heads))};
}

struct ps_tensor ps_self_attention(struct ps_run *run, struct ps_tensor qkv, uint32_t heads,
                                   enum ps_axis axis)
{
    char shape[PS_SHAPE_TEXT];
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    if (ps_is_null(qkv) || !ps_is_dense(qkv) || qkv.type != run->type || qkv.c % 3) {
        ps_run_fail(run, PS_ERR_INTERNAL, "attention.input",
                    "self-attention takes a dense [n, h, w, 3 c] tensor in the run's type, not %s",
                    ps_shape_text(qkv, shape));
        return (struct ps_tensor){0};
    }
    if (!check_heads(run, qkv.c / 3, heads))
        return (struct ps_tensor){0};
    if (axis == PS_TIME && qkv.split) {
        ps_run_too_large(run, qkv);
        return (struct ps_tensor){0};
    }
    const struct ps_tensor y = ps_new(run, run->type, qkv.n, qkv.h, qkv.w, qkv.c / 3), none = {0};
    for (struct ps_piece piece = {0}; ps_next_piece(run, &piece, y, qkv, none, false);) {
        const struct ps_tensor some = ps_cut(qkv, piece);
        launch(run, some, some, some, ps_cut(y, piece), self_push(some, heads, axis));
    }
    return ps_result(run, y);
}

struct ps_tensor ps_attention(struct ps_run *run, struct ps_tensor q, struct ps_tensor k, struct ps_tensor v,
                              uint32_t heads)
{
    char shapes[3][PS_SHAPE_TEXT];
    if (!ps_run_ok(run))
        return (struct ps_tensor){0};
    const bool typed = q.type == run->type && k.type == run->type && v.type == run->type;
    const bool shaped = !ps_is_null(q) && q.n == k.n && q.n == v.n && q.c == k.c && q.c == v.c &&
                        k.w == v.w && q.h == 1 && k.h == 1 && v.h == 1;
    if (!typed || !shaped || !ps_is_dense(q) || !ps_is_dense(k) || !ps_is_dense(v)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "attention.input",
                    "attention takes dense q [n, 1, queries, c], k and v [n, 1, keys, c], not %s, %s, %s",
                    ps_shape_text(q, shapes[0]), ps_shape_text(k, shapes[1]), ps_shape_text(v, shapes[2]));
        return (struct ps_tensor){0};
    }
    if (!check_heads(run, q.c, heads))
        return (struct ps_tensor){0};
    const struct ps_attention_push push = {.batch = q.n,
                                           .heads = heads,
                                           .d = q.c / heads,
                                           .queries = q.w,
                                           .keys = k.w,
                                           .q_token = q.c,
                                           .kv_token = q.c,
                                           .y_token = q.c,
                                           .q_batch = q.w * q.c,
                                           .kv_batch = k.w * q.c,
                                           .y_batch = q.w * q.c,
                                           .scale = 1 / sqrtf((float)(q.c / heads))};
    const struct ps_tensor y = ps_new(run, run->type, q.n, 1, q.w, q.c);
    if (ps_is_null(y))
        return y;
    launch(run, q, k, v, y, push);
    return ps_result(run, y);
}
