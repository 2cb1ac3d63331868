/* open_clip's vision tower -> transformers' CLIPVisionModelWithProjection. */
#include "weights/names.h"
#include "weights/rename.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct ps_rule outer[] = {
    {"class_embedding", "vision_model.embeddings.class_embedding"},
    {"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
    {"conv1", "vision_model.embeddings.patch_embedding"},
    {"ln_pre", "vision_model.pre_layrnorm"},
    {"ln_post", "vision_model.post_layernorm"},
    {"proj", "visual_projection.weight"},
};

static const struct ps_rule layer[] = {
    {"ln_1", "layer_norm1"}, {"ln_2", "layer_norm2"},   {"attn.out_proj", "self_attn.out_proj"},
    {"mlp.c_fc", "mlp.fc1"}, {"mlp.c_proj", "mlp.fc2"},
};

bool ps_open_clip_name(const char *name, uint32_t piece, char to[PS_NAME_BYTES], uint32_t *pieces,
                       bool *transposed)
{
    *pieces = 1;
    *transposed = !strcmp(name, "proj");
    if (ps_rename(outer, COUNT(outer), "", name, to, PS_NAME_BYTES))
        return true;
    uint32_t index;
    const char *rest = ps_after(name, "transformer.resblocks");
    rest = rest ? ps_number(rest, &index) : NULL;
    if (!rest)
        return false;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "vision_model.encoder.layers.%u", index);
    const bool weight = !strcmp(rest, "attn.in_proj_weight");
    if (weight || !strcmp(rest, "attn.in_proj_bias")) {
        *pieces = 3;
        return snprintf(to, PS_NAME_BYTES, "%s.self_attn.%c_proj.%s", prefix, "qkv"[piece],
                        weight ? "weight" : "bias") < PS_NAME_BYTES;
    }
    return ps_rename(layer, COUNT(layer), prefix, rest, to, PS_NAME_BYTES);
}
