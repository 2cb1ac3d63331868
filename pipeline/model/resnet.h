/* Residual blocks: the spatial one, and the pair of a spatial and a temporal one that the video models are
 * made of. */
#ifndef PS_MODEL_RESNET_H
#define PS_MODEL_RESNET_H

#include "ops/ops.h"
#include "weights/bind.h"

/* diffusers ResnetBlock2D or TemporalResnetBlock. */
struct ps_resnet {
    uint32_t in, out;
    uint32_t groups;
    struct ps_norm norm1, norm2;
    struct ps_layer conv1, conv2;
    struct ps_layer time;     /* [embedding -> out]; null without a time embedding */
    struct ps_layer shortcut; /* 1x1, [in -> out]; null where in equals out */
    /* Where the block's input comes as two tensors `shortcut` is of the first one's channels alone, and this of
     * the second one's; null elsewhere. */
    struct ps_layer shortcut_beside;
};

/* diffusers SpatioTemporalResBlock. The AlphaBlender after it, alpha spatial + (1 - alpha) temporal, is
 * spatial + time_share (temporal - spatial), and temporal - spatial is what the temporal block adds. */
struct ps_video_resnet {
    struct ps_resnet space, time;
    float time_share;
};

/* `embedding` is the width of the time embedding, 0 for none. */
struct ps_resnet ps_resnet_bind(struct ps_binder *binder, uint32_t in, uint32_t out, uint32_t embedding,
                                float eps);

/* The input has `in` channels and, where it comes as two tensors, `beside` of the second; with that `out` is less
 * than all of them. The blender's mix_factor m enters as sigmoid(m) on the spatial side, or on the temporal side where
 * `switched`. */
struct ps_video_resnet ps_video_resnet_bind(struct ps_binder *binder, uint32_t in, uint32_t beside,
                                            uint32_t out, uint32_t embedding, float space_eps, float time_eps,
                                            bool switched);

/* What is done to frames before a block sees them, so that the widest tensor of a clip is never whole in
 * memory: a 3x3 convolution of them as enlarged to h x w by nearest neighbour. */
struct ps_upsample {
    struct ps_layer conv; /* null: no upsampling; of phases where h and w are known to be twice the frames' */
    uint32_t h, w;
};

/* x [n, h, w, c] -> [n, up.h, up.w, c]. */
struct ps_tensor ps_upsample_forward(struct ps_run *run, struct ps_tensor x, const struct ps_upsample *up);

/*   h = conv1(silu(norm1(x))) + W silu(t)
 *   y = skip(x) + conv2(silu(norm2(h)))
 * 3x3 convolutions, norms over one frame. x [n, h, w, in]; t [1 or n, 1, 1, embedding], silu already applied,
 * or null; result [n, h, w, out]. Frames are worked off in chunks; `up` (may be null) is applied to each
 * chunk first. `into` is null for a new result, or where it is written: x itself, or what ps_in_room makes of the
 * room that x lies in. */
struct ps_tensor ps_resnet_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor t,
                                   const struct ps_resnet *block, const struct ps_upsample *up,
                                   struct ps_tensor into);

/* The spatial block, then m += time_share (conv2(silu(norm2(conv1(silu(norm1(m))) + W silu(t))))) with 3x1x1
 * convolutions and norms over the whole clip, in place in m. Needs two tensors of the clip's size; one where
 * the run is frugal. */
struct ps_tensor ps_video_resnet_forward(struct ps_run *run, struct ps_tensor x, struct ps_tensor t,
                                         const struct ps_video_resnet *block, const struct ps_upsample *up,
                                         struct ps_tensor into);

/* Its two halves, for a caller that frees the input in between: a new result of the spatial block, whose input
 * is x's channels and then beside's, which are never in one tensor; and what is added to that in place. */
struct ps_tensor ps_video_resnet_space(struct ps_run *run, struct ps_tensor x, struct ps_tensor beside,
                                       struct ps_tensor t, const struct ps_video_resnet *block);
void ps_video_resnet_time(struct ps_run *run, struct ps_tensor m, struct ps_tensor t,
                          const struct ps_video_resnet *block);

#endif
