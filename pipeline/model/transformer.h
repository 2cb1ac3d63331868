/* diffusers TransformerSpatioTemporalModel: pairs of a spatial and a temporal transformer layer.
 *
 * Its cross-attention sees one token, the vision tower's embedding, so its softmax is 1 and its output is
 * to_out(to_v(context)) whatever the queries are: a constant a clip, added in the epilogue before it. to_q,
 * to_k and the norm before them are never read. So are the embeddings of the frames' positions: both are computed before
 * the first step. */
#ifndef PS_MODEL_TRANSFORMER_H
#define PS_MODEL_TRANSFORMER_H

#include "ops/ops.h"
#include "weights/bind.h"
#include "weights/config.h"

struct ps_feed_forward {
    struct ps_layer gate; /* GEGLU [c -> 4 c] */
    struct ps_layer out;  /* [4 c -> c] */
};

/* One BasicTransformerBlock or TemporalBasicTransformerBlock. */
struct ps_transformer_layer {
    struct ps_norm norm_in, norm1, norm3; /* norm_in: temporal only */
    struct ps_feed_forward feed_in, feed; /* feed_in: temporal only */
    struct ps_layer qkv, attention_out;   /* self-attention */
    struct ps_layer context_v, context_out;
};

struct ps_transformer {
    uint32_t channels, heads, groups, layer_count;
    struct ps_norm norm;
    struct ps_layer proj_in, proj_out;
    struct ps_layer position1, position2; /* time_pos_embed [c -> 4 c -> c] */
    struct ps_transformer_layer space[PS_MAX_TRANSFORMER_LAYERS], time[PS_MAX_TRANSFORMER_LAYERS];
    float space_share; /* sigmoid(mix_factor) */
};

struct ps_transformer ps_transformer_bind(struct ps_binder *binder, uint32_t channels, uint32_t heads,
                                          uint32_t context, uint32_t layers);

/* The constants of the cross-attentions, from context [1, 1, 1, context], into the dense view `into` [2 layer_count, 1, 1, c]:
 * of each spatial layer, and behind it of the temporal one. */
void ps_transformer_context(struct ps_run *run, struct ps_tensor context, const struct ps_transformer *block,
                            struct ps_tensor into);

/* The embeddings of positions, from the sinusoids of the frame indices [n, 1, 1, c], into the dense view `into` like them. */
void ps_transformer_positions(struct ps_run *run, struct ps_tensor sinusoids,
                              const struct ps_transformer *block, struct ps_tensor into);

/* x [n, h, w, c] is overwritten and returned; constants and positions are those above. Spatial layers run over chunks of
 * frames, temporal ones over chunks of rows. */
struct ps_tensor ps_transformer_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor constants,
                                        struct ps_tensor positions, const struct ps_transformer *block);

#endif
