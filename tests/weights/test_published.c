/* The published tensor lists of SVD-XT in both layouts, as sparse files of their real sizes. */
#include "weights/support.h"

#include "weights/checkpoint.h"
#include "weights/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct listed *diffusers, *sgm;
static uint32_t diffusers_count, sgm_count;

static const char unet_config[] =
    "{\"_class_name\": \"UNetSpatioTemporalConditionModel\", \"_diffusers_version\": \"0.24.0.dev0\","
    "\"addition_time_embed_dim\": 256, \"block_out_channels\": [320, 640, 1280, 1280], "
    "\"cross_attention_dim\": 1024,"
    "\"down_block_types\": [\"CrossAttnDownBlockSpatioTemporal\", \"CrossAttnDownBlockSpatioTemporal\","
    "\"CrossAttnDownBlockSpatioTemporal\", \"DownBlockSpatioTemporal\"], \"in_channels\": 8, "
    "\"layers_per_block\": 2,"
    "\"num_attention_heads\": [5, 10, 20, 20], \"num_frames\": 25, \"out_channels\": 4,"
    "\"projection_class_embeddings_input_dim\": 768, \"sample_size\": 96, \"transformer_layers_per_block\": "
    "1,"
    "\"up_block_types\": [\"UpBlockSpatioTemporal\", \"CrossAttnUpBlockSpatioTemporal\","
    "\"CrossAttnUpBlockSpatioTemporal\", \"CrossAttnUpBlockSpatioTemporal\"]}";

static const char vae_config[] =
    "{\"_class_name\": \"AutoencoderKLTemporalDecoder\", \"block_out_channels\": [128, 256, 512, 512],"
    "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\", \"DownEncoderBlock2D\","
    "\"DownEncoderBlock2D\"], \"force_upcast\": true, \"in_channels\": 3, \"latent_channels\": 4,"
    "\"layers_per_block\": 2, \"out_channels\": 3, \"sample_size\": 768, \"scaling_factor\": 0.18215}";

static const char vision_config[] =
    "{\"architectures\": [\"CLIPVisionModelWithProjection\"], \"hidden_act\": \"gelu\", \"hidden_size\": "
    "1280,"
    "\"image_size\": 224, \"intermediate_size\": 5120, \"layer_norm_eps\": 1e-05,"
    "\"model_type\": \"clip_vision_model\", \"num_attention_heads\": 16, \"num_channels\": 3,"
    "\"num_hidden_layers\": 32, \"patch_size\": 14, \"projection_dim\": 1024, \"torch_dtype\": \"float16\"}";

static int setup(void **state)
{
    diffusers = read_list("diffusers.txt", &diffusers_count);
    sgm = read_list("sgm.txt", &sgm_count);
    return make_folder(state);
}

static int teardown(void **state)
{
    free(diffusers);
    free(sgm);
    return remove_folder(state);
}

/* Writes the listed tensors of one part, with `prefix` before the names. */
static void write_part(const char *path, const struct listed *list, uint32_t count, const char *part,
                       const char *prefix, const char *dtype)
{
    struct maker maker;
    maker_begin(&maker);
    for (uint32_t i = 0; i < count; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, list[i].name);
        if (!strcmp(list[i].part, part))
            maker_add(&maker, name, dtype, list[i].rank, list[i].shape, NULL);
    }
    maker_write(&maker, path);
}

static void add_all(struct maker *maker, const char *part, const char *prefix)
{
    for (uint32_t i = 0; i < sgm_count; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, sgm[i].name);
        if (!strcmp(sgm[i].part, part))
            maker_add(maker, name, "F32", sgm[i].rank, sgm[i].shape, NULL);
    }
}

/* The part has exactly the names and shapes of diffusers' list. */
static void check_part(const struct ps_part *part, const char *listed_part)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < diffusers_count; i++) {
        const struct listed *tensor = &diffusers[i];
        if (strcmp(tensor->part, listed_part))
            continue;
        count++;
        const struct ps_entry *entry = ps_part_find(part, tensor->name);
        if (!entry)
            fail_msg("%s is missing", tensor->name);
        if (entry->rank != tensor->rank ||
            memcmp(entry->shape, tensor->shape, entry->rank * sizeof *entry->shape))
            fail_msg("%s has another shape", tensor->name);
        assert_int_equal(entry->bytes, listed_elements(tensor) * ps_stored_bits(entry->type) / 8);
    }
    assert_int_equal(part->count, count);
}

static int by_offset(const void *a, const void *b)
{
    const struct ps_entry *p = *(const struct ps_entry *const *)a, *q = *(const struct ps_entry *const *)b;
    return p->offset < q->offset ? -1 : p->offset > q->offset;
}

/* No two entries of the checkpoint read the same bytes, and together they read all of them. */
static void check_bytes(const struct ps_checkpoint *checkpoint)
{
    uint32_t count = 0;
    for (int kind = 0; kind < PS_PARTS; kind++)
        count += checkpoint->parts[kind].count;
    const struct ps_entry **entries = malloc(count * sizeof *entries);
    assert_non_null(entries);
    count = 0;
    for (int kind = 0; kind < PS_PARTS; kind++)
        for (uint32_t i = 0; i < checkpoint->parts[kind].count; i++)
            entries[count++] = &checkpoint->parts[kind].entries[i];
    qsort(entries, count, sizeof *entries, by_offset);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(entries[i - 1]->offset + entries[i - 1]->bytes, entries[i]->offset);
    assert_int_equal(entries[count - 1]->offset + entries[count - 1]->bytes, checkpoint->files[0]->size);
    free(entries);
}

static uint64_t parameters(const struct ps_part *part)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < part->count; i++)
        sum += ps_entry_elements(&part->entries[i]);
    return sum;
}

static void check_sizes(const struct ps_checkpoint *checkpoint, uint32_t frames)
{
    const struct ps_unet_config *unet = &checkpoint->unet;
    static const uint32_t channels[4] = {320, 640, 1280, 1280}, heads[4] = {5, 10, 20, 20};
    assert_int_equal(unet->in_channels, 8);
    assert_int_equal(unet->out_channels, 4);
    assert_int_equal(unet->levels, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(unet->block_out_channels[i], channels[i]);
        assert_int_equal(unet->layers_per_block[i], 2);
        assert_int_equal(unet->transformer_layers_per_block[i], 1);
        assert_int_equal(unet->heads[i], heads[i]);
        assert_int_equal(unet->cross_attention_dim[i], 1024);
        assert_int_equal(unet->down_attention[i], i < 3);
        assert_int_equal(unet->up_attention[i], i > 0);
    }
    assert_int_equal(unet->addition_time_embed_dim, 256);
    assert_int_equal(unet->projection_dim, 768);
    assert_int_equal(unet->time_embed_dim, 1280);
    assert_int_equal(unet->num_frames, frames);

    const struct ps_vae_config *vae = &checkpoint->vae;
    assert_int_equal(vae->levels, 4);
    assert_int_equal(vae->block_out_channels[3], 512);
    assert_int_equal(vae->layers_per_block, 2);
    assert_int_equal(vae->latent_channels, 4);
    assert_true(vae->scaling_factor == 0.18215f && vae->force_upcast && vae->has_quant_conv);

    const struct ps_vision_config *vision = &checkpoint->vision;
    assert_int_equal(vision->hidden_size, 1280);
    assert_int_equal(vision->layers, 32);
    assert_int_equal(vision->heads, 16);
    assert_int_equal(vision->intermediate_size, 5120);
    assert_int_equal(vision->patch_size, 14);
    assert_int_equal(vision->image_size, 224);
    assert_int_equal(vision->projection_dim, 1024);
    assert_int_equal(vision->act, PS_VISION_GELU);
    assert_true(checkpoint->scheduler.sigma_min == 0.002 && checkpoint->scheduler.sigma_max == 700.0);
}

static struct ps_checkpoint *open_ready(const char *path)
{
    struct ps_checkpoint *checkpoint = NULL;
    struct ps_error error = {0};
    if (ps_checkpoint_open(&checkpoint, path, &error) || ps_checkpoint_ready(checkpoint, &error))
        fail_msg("%s: %s", error.id, error.message);
    assert_true(checkpoint->is_svd);
    assert_string_equal(checkpoint->family, "Stable Video Diffusion");
    return checkpoint;
}

static void test_folder(void **state)
{
    (void)state;
    make_subfolder("xt");
    make_subfolder("xt/unet");
    make_subfolder("xt/vae");
    make_subfolder("xt/image_encoder");
    write_part(in_folder("xt/unet/diffusion_pytorch_model.fp16.safetensors"), diffusers, diffusers_count,
               "unet", "", "F16");
    write_part(in_folder("xt/vae/diffusion_pytorch_model.safetensors"), diffusers, diffusers_count, "vae", "",
               "F32");
    write_part(in_folder("xt/image_encoder/model.fp16.safetensors"), diffusers, diffusers_count,
               "image_encoder", "", "F16");
    write_text(in_folder("xt/unet/config.json"), unet_config);
    write_text(in_folder("xt/vae/config.json"), vae_config);
    write_text(in_folder("xt/image_encoder/config.json"), vision_config);
    struct ps_checkpoint *checkpoint = open_ready(in_folder("xt"));
    assert_int_equal(checkpoint->layout, PS_LAYOUT_FOLDER);
    check_part(&checkpoint->parts[PS_PART_UNET], "unet");
    check_part(&checkpoint->parts[PS_PART_VAE], "vae");
    check_part(&checkpoint->parts[PS_PART_VISION], "image_encoder");
    assert_int_equal(checkpoint->parts[PS_PART_UNET].count, 1428);
    assert_int_equal(checkpoint->parts[PS_PART_VAE].count, 374);
    assert_int_equal(checkpoint->parts[PS_PART_VISION].count, 520);
    assert_int_equal(parameters(&checkpoint->parts[PS_PART_UNET]), 1524623082);
    assert_int_equal(parameters(&checkpoint->parts[PS_PART_VAE]), 97742847);
    assert_int_equal(parameters(&checkpoint->parts[PS_PART_VISION]), 632076800);
    char text[32];
    assert_string_equal(ps_part_storage(&checkpoint->parts[PS_PART_UNET], text, sizeof text), "F16");
    assert_string_equal(ps_part_storage(&checkpoint->parts[PS_PART_VAE], text, sizeof text), "F32");
    check_sizes(checkpoint, 25);
    assert_true(checkpoint->vae.temporal && !checkpoint->vae.has_post_quant_conv);
    /* What measurements without a checkpoint take for these sizes. */
    assert_memory_equal(&checkpoint->unet, &ps_svd_xt_unet, sizeof ps_svd_xt_unet);
    assert_memory_equal(&checkpoint->vae, &ps_svd_xt_vae, sizeof ps_svd_xt_vae);
    assert_memory_equal(&checkpoint->vision, &ps_svd_xt_vision, sizeof ps_svd_xt_vision);
    ps_checkpoint_close(&checkpoint);
}

static void test_single_file(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker);
    add_all(&maker, "model.diffusion_model.", "model.diffusion_model.");
    add_all(&maker, "first_stage_model.", "first_stage_model.");
    add_all(&maker, "conditioner.embedders.3.encoder.", "conditioner.embedders.3.encoder.");
    add_all(&maker, "conditioner.embedders.0.open_clip.model.", "conditioner.embedders.0.open_clip.model.");
    assert_int_equal(maker.data_bytes, UINT64_C(9559279140));
    maker_write(&maker, in_folder("svd_xt.safetensors"));
    struct ps_checkpoint *checkpoint = open_ready(in_folder("svd_xt.safetensors"));
    assert_int_equal(checkpoint->layout, PS_LAYOUT_SINGLE);
    check_part(&checkpoint->parts[PS_PART_UNET], "unet");
    check_part(&checkpoint->parts[PS_PART_VAE], "vae");
    check_part(&checkpoint->parts[PS_PART_VISION], "image_encoder");
    check_bytes(checkpoint);
    check_sizes(checkpoint, 0);
    assert_true(checkpoint->vae.temporal && !checkpoint->vae.has_post_quant_conv);
    /* The second encoder, the second decoder with post_quant_conv, and the text model's leftovers. */
    assert_int_equal(checkpoint->parts[PS_PART_OTHER].count, 106 + 140 + 6);
    assert_int_equal(ps_part_surplus(&checkpoint->parts[PS_PART_OTHER], NULL, 0), 0);
    ps_checkpoint_close(&checkpoint);
}

/* svd_xt_image_decoder.safetensors: first_stage_model is the per-frame autoencoder. */
static void test_image_decoder(void **state)
{
    (void)state;
    struct maker maker;
    maker_begin(&maker);
    add_all(&maker, "model.diffusion_model.", "model.diffusion_model.");
    add_all(&maker, "conditioner.embedders.3.encoder.", "first_stage_model.");
    add_all(&maker, "conditioner.embedders.3.encoder.", "conditioner.embedders.3.encoder.");
    add_all(&maker, "conditioner.embedders.0.open_clip.model.", "conditioner.embedders.0.open_clip.model.");
    maker_write(&maker, in_folder("image_decoder.safetensors"));
    struct ps_checkpoint *checkpoint = open_ready(in_folder("image_decoder.safetensors"));
    const struct ps_part *vae = &checkpoint->parts[PS_PART_VAE];
    assert_int_equal(vae->count, 248);
    assert_int_equal(parameters(vae), 83653863);
    assert_true(!checkpoint->vae.temporal && checkpoint->vae.has_post_quant_conv &&
                checkpoint->vae.has_quant_conv);
    static const char *const names[] = {
        "decoder.up_blocks.3.resnets.2.norm1.weight",
        "decoder.up_blocks.2.resnets.0.conv_shortcut.weight",
        "decoder.up_blocks.0.upsamplers.0.conv.bias",
        "decoder.mid_block.attentions.0.to_out.0.weight",
        "decoder.mid_block.resnets.1.conv2.weight",
        "post_quant_conv.weight",
        "quant_conv.weight",
        "encoder.down_blocks.0.downsamplers.0.conv.weight",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(ps_part_find(vae, names[i]));
    for (uint32_t i = 0; i < vae->count; i++)
        assert_null(strstr(vae->entries[i].name, "first_stage_model"));
    check_bytes(checkpoint);
    ps_checkpoint_close(&checkpoint);
}

/* A UNet alone, with and without sgm's prefix, is taken in place of a base model's. */
static void test_unet_alone(void **state)
{
    (void)state;
    write_part(in_folder("diffusers.safetensors"), diffusers, diffusers_count, "unet", "", "F32");
    write_part(in_folder("bare.safetensors"), sgm, sgm_count, "model.diffusion_model.", "", "F16");
    write_part(in_folder("prefixed.safetensors"), sgm, sgm_count, "model.diffusion_model.",
               "model.diffusion_model.", "BF16");
    static const char *const names[] = {"diffusers", "bare", "prefixed"};
    for (size_t i = 0; i < 3; i++) {
        struct ps_checkpoint *checkpoint, *base;
        struct ps_error error = {0};
        const char *path = in_folder("%s.safetensors", names[i]);
        assert_int_equal(ps_checkpoint_open(&checkpoint, path, &error), PS_OK);
        assert_int_equal(checkpoint->layout, PS_LAYOUT_UNET);
        assert_true(checkpoint->is_svd);
        check_part(&checkpoint->parts[PS_PART_UNET], "unet");
        assert_int_equal(ps_checkpoint_ready(checkpoint, &error), PS_ERR_CHECKPOINT);
        assert_checkpoint_fault(&error, "checkpoint.part", "vae");
        ps_checkpoint_close(&checkpoint);

        base = open_ready(in_folder("xt"));
        error = (struct ps_error){0};
        assert_int_equal(ps_checkpoint_override_unet(base, path, &error), PS_OK);
        assert_int_equal(ps_checkpoint_ready(base, &error), PS_OK);
        check_part(&base->parts[PS_PART_UNET], "unet");
        check_sizes(base, 25);
        assert_string_equal(base->parts[PS_PART_UNET].entries[0].file->label, path);
        assert_int_equal(ps_checkpoint_override_unet(base, in_folder("xt/vae"), &error), PS_ERR_CHECKPOINT);
        assert_checkpoint_fault(&error, "checkpoint.family", "a video VAE alone");
        ps_checkpoint_close(&base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_single_file),
        cmocka_unit_test(test_image_decoder),
        cmocka_unit_test(test_unet_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
