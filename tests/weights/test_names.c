/* sgm's names of a UNet and a VAE of other levels, layers and attention than SVD's; and names that are no
 * one's. */
#include "weights/support.h"

#include "weights/names.h"

#include <stdio.h>
#include <string.h>

/* Both names of every tensor of a toy, by walking the two constructors side by side. */
struct pair {
    char sgm[PS_NAME_BYTES], diffusers[PS_NAME_BYTES];
};

static struct pair pairs[4096];
static uint32_t pair_count;

static void add(const char *sgm, const char *diffusers, const char *tail_sgm, const char *tail_diffusers)
{
    assert_true(pair_count < 4096);
    struct pair *pair = &pairs[pair_count++];
    snprintf(pair->sgm, sizeof pair->sgm, "%s%s", sgm, tail_sgm);
    snprintf(pair->diffusers, sizeof pair->diffusers, "%s%s", diffusers, tail_diffusers);
}

static void add_resnet(const char *sgm, const char *diffusers)
{
    static const char *const tails[][2] = {
        {".in_layers.0.weight", ".spatial_res_block.norm1.weight"},
        {".in_layers.2.bias", ".spatial_res_block.conv1.bias"},
        {".emb_layers.1.weight", ".spatial_res_block.time_emb_proj.weight"},
        {".out_layers.0.weight", ".spatial_res_block.norm2.weight"},
        {".out_layers.3.weight", ".spatial_res_block.conv2.weight"},
        {".skip_connection.weight", ".spatial_res_block.conv_shortcut.weight"},
        {".time_stack.in_layers.0.weight", ".temporal_res_block.norm1.weight"},
        {".time_stack.in_layers.2.weight", ".temporal_res_block.conv1.weight"},
        {".time_stack.emb_layers.1.weight", ".temporal_res_block.time_emb_proj.weight"},
        {".time_stack.out_layers.0.weight", ".temporal_res_block.norm2.weight"},
        {".time_stack.out_layers.3.bias", ".temporal_res_block.conv2.bias"},
        {".time_mixer.mix_factor", ".time_mixer.mix_factor"},
    };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        add(sgm, diffusers, tails[i][0], tails[i][1]);
}

static void add_attention(const char *sgm, const char *diffusers, uint32_t layers)
{
    static const char *const tails[][2] = {
        {".norm.weight", ".norm.weight"},
        {".proj_in.weight", ".proj_in.weight"},
        {".proj_out.bias", ".proj_out.bias"},
        {".time_pos_embed.0.weight", ".time_pos_embed.linear_1.weight"},
        {".time_pos_embed.2.weight", ".time_pos_embed.linear_2.weight"},
        {".time_mixer.mix_factor", ".time_mixer.mix_factor"},
    };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        add(sgm, diffusers, tails[i][0], tails[i][1]);
    for (uint32_t i = 0; i < layers; i++) {
        char space[64], time_sgm[64], time_diffusers[64];
        snprintf(space, sizeof space, ".transformer_blocks.%u.attn1.to_q.weight", i);
        snprintf(time_sgm, sizeof time_sgm, ".time_stack.%u.ff_in.net.0.proj.bias", i);
        snprintf(time_diffusers, sizeof time_diffusers,
                 ".temporal_transformer_blocks.%u.ff_in.net.0.proj.bias", i);
        add(sgm, diffusers, space, space);
        add(sgm, diffusers, time_sgm, time_diffusers);
    }
}

struct toy {
    uint32_t levels, layers[8], depth[8];
    bool attention[8];
};

static void add_block(const struct toy *toy, const char *side, uint32_t *block, uint32_t level,
                      uint32_t index, uint32_t layer)
{
    const bool input = side[0] == 'i';
    char sgm[64], diffusers[64];
    snprintf(sgm, sizeof sgm, "%s_blocks.%u.0", side, *block);
    snprintf(diffusers, sizeof diffusers, "%s_blocks.%u.resnets.%u", input ? "down" : "up", index, layer);
    add_resnet(sgm, diffusers);
    if (toy->attention[level]) {
        snprintf(sgm, sizeof sgm, "%s_blocks.%u.1", side, *block);
        snprintf(diffusers, sizeof diffusers, "%s_blocks.%u.attentions.%u", input ? "down" : "up", index,
                 layer);
        add_attention(sgm, diffusers, toy->depth[level]);
    }
    ++*block;
}

static void make_unet(const struct toy *toy)
{
    char sgm[64], diffusers[64];
    pair_count = 0;
    add("time_embed.0", "time_embedding.linear_1", ".weight", ".weight");
    add("label_emb.0.2", "add_embedding.linear_2", ".bias", ".bias");
    add("input_blocks.0.0", "conv_in", ".weight", ".weight");
    add("out.0", "conv_norm_out", ".weight", ".weight");
    add("out.2", "conv_out", ".bias", ".bias");
    uint32_t block = 1;
    for (uint32_t level = 0; level < toy->levels; level++) {
        for (uint32_t layer = 0; layer < toy->layers[level]; layer++)
            add_block(toy, "input", &block, level, level, layer);
        if (level + 1 == toy->levels)
            break;
        snprintf(sgm, sizeof sgm, "input_blocks.%u.0.op", block++);
        snprintf(diffusers, sizeof diffusers, "down_blocks.%u.downsamplers.0.conv", level);
        add(sgm, diffusers, ".weight", ".weight");
    }
    add_resnet("middle_block.0", "mid_block.resnets.0");
    add_attention("middle_block.1", "mid_block.attentions.0", 2);
    add_resnet("middle_block.2", "mid_block.resnets.1");
    block = 0;
    for (uint32_t index = 0; index < toy->levels; index++) {
        const uint32_t level = toy->levels - 1 - index;
        for (uint32_t layer = 0; layer <= toy->layers[level]; layer++)
            add_block(toy, "output", &block, level, index, layer);
        if (level == 0)
            break;
        snprintf(sgm, sizeof sgm, "output_blocks.%u.%d.conv", block - 1, toy->attention[level] ? 2 : 1);
        snprintf(diffusers, sizeof diffusers, "up_blocks.%u.upsamplers.0.conv", index);
        add(sgm, diffusers, ".bias", ".bias");
    }
}

static void test_unets(void **state)
{
    (void)state;
    static const struct toy toys[] = {
        {.levels = 4, .layers = {2, 2, 2, 2}, .depth = {1, 1, 1, 1}, .attention = {true, true, true, false}},
        {.levels = 3, .layers = {2, 1, 3}, .depth = {1, 2, 3}, .attention = {false, true, true}},
        {.levels = 1, .layers = {4}, .depth = {2}, .attention = {true}},
        {.levels = 2, .layers = {1, 1}, .depth = {1, 1}, .attention = {false, false}},
        {.levels = 8,
         .layers = {1, 2, 3, 4, 5, 6, 7, 8},
         .depth = {1, 1, 1, 1, 1, 1, 1, 12},
         .attention = {true, false, true, false, true, false, true, false}},
    };
    for (size_t i = 0; i < sizeof toys / sizeof *toys; i++) {
        make_unet(&toys[i]);
        struct ps_sgm_unet unet = {0};
        for (uint32_t k = 0; k < pair_count; k++)
            ps_sgm_unet_note(&unet, pairs[k].sgm);
        ps_sgm_unet_count(&unet);
        for (uint32_t k = 0; k < pair_count; k++) {
            char name[PS_NAME_BYTES];
            assert_true(ps_sgm_unet_name(&unet, pairs[k].sgm, name));
            assert_string_equal(name, pairs[k].diffusers);
        }
    }
}

static void test_vaes(void **state)
{
    (void)state;
    static const char *const names[][3] = {
        /* sgm, per-frame, temporal; of three levels */
        {"decoder.up.0.block.1.norm1.weight", "decoder.up_blocks.2.resnets.1.norm1.weight",
         "decoder.up_blocks.2.resnets.1.spatial_res_block.norm1.weight"},
        {"decoder.up.2.block.0.nin_shortcut.bias", "decoder.up_blocks.0.resnets.0.conv_shortcut.bias",
         "decoder.up_blocks.0.resnets.0.spatial_res_block.conv_shortcut.bias"},
        {"decoder.up.1.upsample.conv.weight", "decoder.up_blocks.1.upsamplers.0.conv.weight",
         "decoder.up_blocks.1.upsamplers.0.conv.weight"},
        {"decoder.mid.block_2.conv2.weight", "decoder.mid_block.resnets.1.conv2.weight",
         "decoder.mid_block.resnets.1.spatial_res_block.conv2.weight"},
        {"decoder.mid.attn_1.proj_out.weight", "decoder.mid_block.attentions.0.to_out.0.weight",
         "decoder.mid_block.attentions.0.to_out.0.weight"},
        {"encoder.down.1.block.0.conv1.weight", "encoder.down_blocks.1.resnets.0.conv1.weight",
         "encoder.down_blocks.1.resnets.0.conv1.weight"},
        {"encoder.down.1.downsample.conv.bias", "encoder.down_blocks.1.downsamplers.0.conv.bias",
         "encoder.down_blocks.1.downsamplers.0.conv.bias"},
        {"encoder.mid.block_1.norm2.bias", "encoder.mid_block.resnets.0.norm2.bias",
         "encoder.mid_block.resnets.0.norm2.bias"},
        {"decoder.up.1.block.2.mix_factor", NULL, "decoder.up_blocks.1.resnets.2.time_mixer.mix_factor"},
        {"decoder.up.1.block.2.time_stack.out_layers.3.bias", NULL,
         "decoder.up_blocks.1.resnets.2.temporal_res_block.conv2.bias"},
        {"decoder.conv_out.time_mix_conv.weight", "decoder.time_conv_out.weight",
         "decoder.time_conv_out.weight"},
        {"post_quant_conv.weight", "post_quant_conv.weight", "post_quant_conv.weight"},
        {"encoder.down.1.attn.0.q.weight", NULL, NULL},
    };
    for (int temporal = 0; temporal < 2; temporal++) {
        struct ps_sgm_vae vae = {0};
        ps_sgm_vae_note(&vae, "decoder.up.2.block.0.norm1.weight");
        if (temporal)
            ps_sgm_vae_note(&vae, "decoder.up.0.block.0.time_stack.in_layers.0.weight");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            char name[PS_NAME_BYTES];
            const char *expected = names[i][1 + temporal];
            assert_int_equal(ps_sgm_vae_name(&vae, names[i][0], name), expected != NULL);
            if (expected)
                assert_string_equal(name, expected);
        }
    }
}

/* Names that look nearly like sgm's keep their own, so that they are told as surplus. */
static void test_strangers(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "input_blocks",
        "input_blocks.1",
        "input_blocks.1.0",
        "input_blocks.01.0.in_layers.0.weight",
        "input_blocks.1.00.in_layers.0.weight",
        "input_blocks.-1.0.in_layers.0.weight",
        "input_blocks.4294967297.0.in_layers.0.weight",
        "input_blocks.256.0.in_layers.0.weight",
        "input_blocks.1.3.in_layers.0.weight",
        "input_blocks.1.0.in_layers.1.weight",
        "input_blocks.1.0.in_layers.00.weight",
        "input_blocks.0.1.weight",
        "middle_block.3.in_layers.0.weight",
        "output_blocks.0.4.conv.weight",
        "time_embed.1.weight",
        "time_embed.01.weight",
        "out.20.weight",
        "conv_in.weight",
    };
    struct ps_sgm_unet unet = {0};
    ps_sgm_unet_count(&unet);
    char name[PS_NAME_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ps_sgm_unet_note(&unet, names[i]);
        if (ps_sgm_unet_name(&unet, names[i], name))
            fail_msg("%s became %s", names[i], name);
    }
    /* A name too long for its new form. */
    char longest[400] = "input_blocks.1.0.in_layers.0.";
    memset(longest + strlen(longest), 'x', 300);
    assert_false(ps_sgm_unet_name(&unet, longest, name));
    uint32_t pieces;
    bool transposed;
    assert_false(ps_open_clip_name("transformer.resblocks.x.ln_1.weight", 0, name, &pieces, &transposed));
    assert_false(ps_open_clip_name("transformer.resblocks.1.ln_3.weight", 0, name, &pieces, &transposed));
    assert_true(
        ps_open_clip_name("transformer.resblocks.31.attn.in_proj_bias", 2, name, &pieces, &transposed));
    assert_string_equal(name, "vision_model.encoder.layers.31.self_attn.v_proj.bias");
    assert_int_equal(pieces, 3);
    assert_false(transposed);
    assert_false(ps_old_attention_name("encoder.mid_block.attentions.0.to_q.weight", name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unets),
        cmocka_unit_test(test_vaes),
        cmocka_unit_test(test_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
