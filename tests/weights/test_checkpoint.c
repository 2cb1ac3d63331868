/* Checkpoints in every layout that people have, whole and broken. */
#include "weights/support.h"

#include "weights/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ps_checkpoint *open_ready(const char *path)
{
    struct ps_checkpoint *checkpoint = NULL;
    struct ps_error error = {0};
    if (ps_checkpoint_open(&checkpoint, path, &error) || ps_checkpoint_ready(checkpoint, &error))
        fail_msg("%s: %s: %s", path, error.id, error.message);
    return checkpoint;
}

/* Opening or the check of readiness fails so. */
static void expect_fault(const char *path, const char *id, const char *text)
{
    struct ps_checkpoint *checkpoint = NULL;
    struct ps_error error = {0};
    if (!ps_checkpoint_open(&checkpoint, path, &error))
        ps_checkpoint_ready(checkpoint, &error);
    ps_checkpoint_close(&checkpoint);
    assert_checkpoint_fault(&error, id, text);
}

static void test_toys(void **state)
{
    (void)state;
    static const char *const names[] = {"mini", "odd", "deep", "still", "long", "sgm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        write_pipeline(names[i], names[i]);
        struct ps_checkpoint *checkpoint = open_ready(in_folder("%s", names[i]));
        assert_int_equal(checkpoint->layout, PS_LAYOUT_FOLDER);
        ps_checkpoint_close(&checkpoint);
    }
    struct ps_checkpoint *deep = open_ready(in_folder("deep"));
    static const uint32_t layers[3] = {2, 1, 2}, depths[3] = {1, 2, 2}, heads[3] = {1, 4, 8};
    assert_int_equal(deep->unet.levels, 3);
    assert_int_equal(deep->unet.in_channels, 32);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(deep->unet.layers_per_block[i], layers[i]);
        assert_int_equal(deep->unet.transformer_layers_per_block[i], depths[i]);
        assert_int_equal(deep->unet.heads[i], heads[i]);
        assert_int_equal(deep->unet.down_attention[i], i > 0);
        assert_int_equal(deep->unet.up_attention[i], i < 2);
    }
    assert_int_equal(deep->unet.num_frames, 2);
    assert_true(deep->vae.scaling_factor == 0.25f && deep->vae.latent_channels == 16);
    assert_int_equal(deep->vae.layers_per_block, 3);
    ps_checkpoint_close(&deep);

    struct ps_checkpoint *still = open_ready(in_folder("still"));
    assert_true(!still->vae.temporal && still->vae.has_post_quant_conv);
    assert_int_equal(still->vision.act, PS_VISION_QUICK_GELU);
    assert_int_equal(still->vision.patch_size, 32);
    ps_checkpoint_close(&still);
}

/* Without configurations a model of SVD's rules is what it is with them. */
static void test_without_configs(void **state)
{
    (void)state;
    write_pipeline("bare", "sgm");
    struct ps_checkpoint *with = open_ready(in_folder("bare"));
    remove(in_folder("bare/unet/config.json"));
    remove(in_folder("bare/vae/config.json"));
    remove(in_folder("bare/image_encoder/config.json"));
    remove(in_folder("bare/scheduler/scheduler_config.json"));
    remove(in_folder("bare/model_index.json"));
    struct ps_checkpoint *without = open_ready(in_folder("bare"));
    assert_int_equal(without->unet.num_frames, 0);
    without->unet.num_frames = with->unet.num_frames;
    without->unet.sample_size = with->unet.sample_size;
    without->vae.sample_size = with->vae.sample_size;
    assert_memory_equal(&with->unet, &without->unet, sizeof with->unet);
    assert_memory_equal(&with->vae, &without->vae, sizeof with->vae);
    assert_memory_equal(&with->vision, &without->vision, sizeof with->vision);
    ps_checkpoint_close(&with);
    ps_checkpoint_close(&without);
}

/* ---- links and variants
 * ------------------------------------------------------------------------------------------ */

static void move(const char *from, const char *to)
{
    assert_int_equal(rename(from, to), 0);
}

/* A hub cache: snapshots of links to blobs. */
static void test_links(void **state)
{
    (void)state;
    write_pipeline("hub", "mini");
    make_subfolder("blobs");
    move(in_folder("hub/unet/diffusion_pytorch_model.safetensors"), in_folder("blobs/1f"));
    move(in_folder("hub/unet/config.json"), in_folder("blobs/2e"));
    assert_int_equal(symlink("../../blobs/1f", in_folder("hub/unet/diffusion_pytorch_model.safetensors")), 0);
    assert_int_equal(symlink("../../blobs/2e", in_folder("hub/unet/config.json")), 0);
    move(in_folder("hub/vae"), in_folder("blobs/vae"));
    assert_int_equal(symlink("../blobs/vae", in_folder("hub/vae")), 0);
    assert_int_equal(symlink("hub", in_folder("main")), 0);
    struct ps_checkpoint *checkpoint = open_ready(in_folder("main"));
    assert_int_equal(checkpoint->unet.num_frames, 3);
    ps_checkpoint_close(&checkpoint);
    remove(in_folder("blobs/1f"));
    expect_fault(in_folder("main"), "checkpoint.no-weights", "unet");
}

static void expect_storage(const char *path, const char *storage)
{
    char text[32];
    struct ps_checkpoint *checkpoint = open_ready(path);
    assert_string_equal(ps_part_storage(&checkpoint->parts[PS_PART_UNET], text, sizeof text), storage);
    ps_checkpoint_close(&checkpoint);
}

static void test_variants(void **state)
{
    (void)state;
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10\n";
    write_pipeline("variants", "mini");
    const char *plain = in_folder("variants/unet/diffusion_pytorch_model.safetensors");
    const char *half = in_folder("variants/unet/diffusion_pytorch_model.fp16.safetensors");
    const char *pickle = in_folder("variants/unet/diffusion_pytorch_model.bin");
    move(plain, half);
    expect_storage(in_folder("variants"), "F16");
    write_recipe("pipelines/mini/unet/diffusion_pytorch_model.recipe", plain, "F32", NULL, NULL);
    expect_storage(in_folder("variants"), "F32");
    write_text(plain, pointer);
    expect_storage(in_folder("variants"), "F16");
    write_text(half, pointer);
    expect_fault(in_folder("variants"), "checkpoint.lfs-pointer", "diffusion_pytorch_model.safetensors");
    remove(plain);
    remove(half);
    expect_fault(in_folder("variants"), "checkpoint.no-weights", "unet");
    write_text(pickle, "PK");
    expect_fault(in_folder("variants"), "checkpoint.pickle", "diffusion_pytorch_model.bin");
}

/* ---- shards
 * ------------------------------------------------------------------------------------------------------ */

static bool is_up(void *user, char name[256])
{
    (void)user;
    return !strncmp(name, "up_blocks.", 10);
}

static bool is_not_up(void *user, char name[256])
{
    return !is_up(user, name);
}

/* An index of two shards that maps three of the tensors. */
static void write_index(const char *path, const char *third, const char *file)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"conv_in.weight\":\"a-00001-of-00002."
             "safetensors\","
             "\"up_blocks.0.resnets.0.spatial_res_block.conv1.weight\":\"a-00002-of-00002.safetensors\","
             "\"%s\":\"%s\"}}",
             third, file);
    write_text(path, text);
}

static void test_shards(void **state)
{
    (void)state;
    static const char recipe[] = "pipelines/mini/unet/diffusion_pytorch_model.recipe";
    static const char first[] = "a-00001-of-00002.safetensors";
    static const char *const spellings[] = {
        "diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model.safetensors.index.fp16.json",
        "diffusion_pytorch_model.fp16.safetensors.index.json",
    };
    write_pipeline("shards", "mini");
    remove(in_folder("shards/unet/diffusion_pytorch_model.safetensors"));
    write_recipe(recipe, in_folder("shards/unet/%s", first), "F16", is_not_up, NULL);
    write_recipe(recipe, in_folder("shards/unet/a-00002-of-00002.safetensors"), "F16", is_up, NULL);
    write_pipeline("whole", "mini");
    struct ps_checkpoint *whole = open_ready(in_folder("whole"));
    for (size_t i = 0; i < 3; i++) {
        const char *index = in_folder("shards/unet/%s", spellings[i]);
        write_index(index, "conv_out.weight", first);
        struct ps_checkpoint *checkpoint = open_ready(in_folder("shards"));
        assert_int_equal(checkpoint->parts[PS_PART_UNET].count, whole->parts[PS_PART_UNET].count);
        ps_checkpoint_close(&checkpoint);
        checkpoint = open_ready(in_folder("whole"));
        struct ps_error error = {0};
        assert_int_equal(ps_checkpoint_override_unet(checkpoint, in_folder("shards/unet"), &error), PS_OK);
        ps_checkpoint_close(&checkpoint);
        remove(index);
    }
    ps_checkpoint_close(&whole);

    const char *index = in_folder("shards/unet/%s", spellings[0]), *path = in_folder("shards");
    static const char *const bad[] = {"../whole.safetensors", "/etc/passwd", "..", ".", "", "x/y",
                                      "\\u001b[2J/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_index(index, "x", bad[i]);
        expect_fault(path, "checkpoint.shard-name", "same folder");
    }
    write_index(index, "x", "none.safetensors");
    expect_fault(path, "checkpoint.not-found", "none.safetensors");
    write_index(index, "nothing.weight", first);
    expect_fault(path, "checkpoint.shard", "nothing.weight is not in the shard");
    write_text(index, "{\"weight_map\":{\"conv_in.weight\":7}}");
    expect_fault(path, "checkpoint.shard", "expected a file name");
    write_text(index, "{\"weight_map\":{}}");
    expect_fault(path, "checkpoint.shard", "weight_map");
    write_text(index, "{\"weight_map\":{\"a\":\"b\",\"a\":\"c\"}}");
    expect_fault(path, "checkpoint.config", "not valid JSON");
    write_recipe(recipe, in_folder("shards/unet/copy.safetensors"), "F16", NULL, NULL);
    write_index(index, "conv_out.weight", "copy.safetensors");
    expect_fault(path, "checkpoint.duplicate", "two tensors");
}

/* ---- wrong models
 * ------------------------------------------------------------------------------------------------ */

static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *names[3];
        const char *family;
    } fakes[] = {
        {{"conditioner.embedders.1.model.ln_final.weight", "model.diffusion_model.label_emb.0.0.weight"},
         "looks like Stable Diffusion XL; SVD needs"},
        {{"cond_stage_model.transformer.text_model.x", "model.diffusion_model.input_blocks.0.0.weight"},
         "Stable Diffusion 1.x"},
        {{"cond_stage_model.model.ln_final.weight", "model.diffusion_model.input_blocks.0.0.weight"},
         "Stable Diffusion 2.x"},
        {{"down_blocks.0.resnets.0.conv1.weight", "conv_in.weight"},
         "the UNet of Stable Diffusion 1.x or 2.x"},
        {{"down_blocks.0.resnets.0.conv1.weight", "add_embedding.linear_1.weight"},
         "the UNet of Stable Diffusion XL"},
        {{"model.diffusion_model.double_blocks.0.img_attn.proj.weight"}, "FLUX"},
        {{"single_transformer_blocks.0.proj_mlp.weight", "transformer_blocks.0.x"}, "FLUX"},
        {{"joint_blocks.0.x_block.attn.proj.weight"}, "Stable Diffusion 3"},
        {{"lora_unet_down_blocks_0.lora_down.weight"}, "a LoRA"},
        {{"controlnet_cond_embedding.conv_in.weight", "down_blocks.0.x"}, "a ControlNet"},
        {{"blocks.0.cross_attn.k.weight"}, "Wan"},
        {{"model.layers.0.mlp.up_proj.weight"}, "a language model"},
        {{"vision_model.pre_layrnorm.weight"}, "a CLIP vision tower alone"},
        {{"decoder.conv_in.weight"}, "a VAE alone"},
        {{"something.else"}, "a model unknown to packshot"},
    };
    const char *path = in_folder("fake.safetensors");
    for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
        struct maker maker;
        maker_begin(&maker);
        for (size_t k = 0; k < 3 && fakes[i].names[k]; k++)
            maker_add(&maker, fakes[i].names[k], "F16", 1, (const uint64_t[]){4}, NULL);
        maker_write(&maker, path);
        expect_fault(path, "checkpoint.family", fakes[i].family);
    }
    static const struct {
        uint64_t added, in, out;
        const char *family;
    } relatives[] = {
        {256, 8, 4, "Stable Video 3D (SV3D_u)"},
        {1280, 8, 4, "Stable Video 3D (SV3D_p)"},
        {768, 12, 8, "a relative of Stable Video Diffusion with 12 input and 8 output channels"},
    };
    for (size_t i = 0; i < sizeof relatives / sizeof *relatives; i++) {
        struct maker maker;
        maker_begin(&maker);
        maker_add(&maker, "model.diffusion_model.middle_block.1.time_stack.0.norm_in.weight", "F16", 1,
                  (const uint64_t[]){4}, NULL);
        maker_add(&maker, "model.diffusion_model.label_emb.0.0.weight", "F16", 2,
                  (const uint64_t[]){4, relatives[i].added}, NULL);
        maker_add(&maker, "model.diffusion_model.input_blocks.0.0.weight", "F16", 4,
                  (const uint64_t[]){4, relatives[i].in, 3, 3}, NULL);
        maker_add(&maker, "model.diffusion_model.out.2.weight", "F16", 4,
                  (const uint64_t[]){relatives[i].out, 4, 3, 3}, NULL);
        maker_write(&maker, path);
        expect_fault(path, "checkpoint.family", relatives[i].family);
    }
}

static void test_not_models(void **state)
{
    (void)state;
    expect_fault(in_folder("nowhere"), "checkpoint.not-found", "No such file");
    make_subfolder("empty");
    expect_fault(in_folder("empty"), "checkpoint.not-a-model", "empty");
    expect_fault("/dev/null", "checkpoint.not-a-file", "regular");
    write_text(in_folder("zero.safetensors"), "");
    expect_fault(in_folder("zero.safetensors"), "checkpoint.empty", NULL);

    make_subfolder("flux");
    make_subfolder("flux/transformer");
    write_text(in_folder("flux/model_index.json"), "{\"_class_name\": \"FluxPipeline\"}");
    expect_fault(in_folder("flux"), "checkpoint.family",
                 "looks like FluxPipeline (model_index.json); SVD needs");

    write_pipeline("parts", "mini");
    remove(in_folder("parts/vae/diffusion_pytorch_model.safetensors"));
    expect_fault(in_folder("parts"), "checkpoint.no-weights", "parts/vae");
    move(in_folder("parts/vae"), in_folder("parts/gone"));
    expect_fault(in_folder("parts"), "checkpoint.no-weights", "parts/vae");
    write_text(in_folder("parts/image_encoder/model.safetensors"), "<!DOCTYPE html>");
    expect_fault(in_folder("parts"), "checkpoint.html", "image_encoder/model.safetensors");

    write_pipeline("mixed", "mini");
    write_recipe("pipelines/deep/vae/diffusion_pytorch_model.recipe",
                 in_folder("mixed/vae/diffusion_pytorch_model.safetensors"), "F16", NULL, NULL);
    remove(in_folder("mixed/vae/config.json"));
    expect_fault(in_folder("mixed"), "checkpoint.mismatch", "latents have 16");
    write_pipeline("mixed", "mini");
    write_recipe("pipelines/deep/image_encoder/model.recipe",
                 in_folder("mixed/image_encoder/model.safetensors"), "F16", NULL, NULL);
    remove(in_folder("mixed/image_encoder/config.json"));
    expect_fault(in_folder("mixed"), "checkpoint.mismatch", "image encoder makes one of 40");
}

/* ---- old names, a single file's configuration
 * -------------------------------------------------------------------- */

/* Renames the VAE's attention as before diffusers 0.15. */
static bool rename_old(void *user, char name[256])
{
    static const char *const names[][2] = {
        {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}};
    (void)user;
    for (size_t i = 0; i < 4; i++) {
        char *found = strstr(name, names[i][0]), rest[64];
        if (!found)
            continue;
        snprintf(rest, sizeof rest, "%s", found + strlen(names[i][0]));
        sprintf(found, "%s%s", names[i][1], rest);
    }
    return true;
}

static void test_old_attention(void **state)
{
    (void)state;
    write_pipeline("new", "mini");
    write_pipeline("old", "mini");
    const char *path = in_folder("old/vae/diffusion_pytorch_model.safetensors");
    write_recipe("pipelines/mini/vae/diffusion_pytorch_model.recipe", path, "F16", rename_old, NULL);
    struct ps_checkpoint *new = open_ready(in_folder("new")), *old = open_ready(in_folder("old"));
    const struct ps_part *a = &new->parts[PS_PART_VAE], *b = &old->parts[PS_PART_VAE];
    assert_int_equal(a->count, b->count);
    assert_non_null(ps_part_find(b, "decoder.mid_block.attentions.0.to_out.0.weight"));
    for (uint32_t i = 0; i < a->count; i++)
        assert_string_equal(a->entries[i].name, b->entries[i].name);
    ps_checkpoint_close(&new);
    ps_checkpoint_close(&old);
}

static void test_config_beside(void **state)
{
    (void)state;
    make_subfolder("beside");
    const char *path = in_folder("beside/model.ckpt.safetensors"), *config = in_folder("beside/config.json");
    write_recipe("pipelines/sgm/single.recipe", path, "F16", NULL, NULL);
    struct ps_checkpoint *checkpoint = open_ready(path);
    assert_int_equal(checkpoint->layout, PS_LAYOUT_SINGLE);
    assert_int_equal(checkpoint->unet.num_frames, 0);
    assert_int_equal(checkpoint->unet.heads[3], 2);
    ps_checkpoint_close(&checkpoint);

    write_text(config, "{\"num_frames\": 14, \"num_attention_heads\": [2, 2, 4, 4]}");
    checkpoint = open_ready(path);
    assert_int_equal(checkpoint->unet.num_frames, 14);
    assert_int_equal(checkpoint->unet.heads[3], 4);
    ps_checkpoint_close(&checkpoint);

    write_text(config, "{\"_class_name\": \"SomethingElse\", \"num_frames\": 7}");
    checkpoint = open_ready(path);
    assert_int_equal(checkpoint->unet.num_frames, 0);
    ps_checkpoint_close(&checkpoint);

    write_text(config, "{\"num_frames\": 14,}");
    expect_fault(path, "checkpoint.config", "config.json:1:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toys),          cmocka_unit_test(test_without_configs),
        cmocka_unit_test(test_links),         cmocka_unit_test(test_variants),
        cmocka_unit_test(test_shards),        cmocka_unit_test(test_families),
        cmocka_unit_test(test_not_models),    cmocka_unit_test(test_old_attention),
        cmocka_unit_test(test_config_beside),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
