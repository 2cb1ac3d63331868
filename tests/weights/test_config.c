/* Configurations that contradict the tensors, or ask for what packshot does not have. */
#include "weights/support.h"

#include "weights/checkpoint.h"

#include <stdio.h>
#include <string.h>

struct edit {
    const char *key, *value;
    const char *text; /* of the error; null: the model is still ready */
};

static void try_edits(const char *pipeline, const char *file, const struct edit *edits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write_pipeline("model", pipeline);
        edit_json(in_folder("model/%s", file), edits[i].key, edits[i].value);
        struct ps_checkpoint *checkpoint = NULL;
        struct ps_error error = {0};
        if (!ps_checkpoint_open(&checkpoint, in_folder("model"), &error))
            ps_checkpoint_ready(checkpoint, &error);
        ps_checkpoint_close(&checkpoint);
        if (!edits[i].text && error.status)
            fail_msg("%s %s: %s", edits[i].key, edits[i].value, error.message);
        if (!edits[i].text)
            continue;
        assert_checkpoint_fault(&error, "checkpoint.config", edits[i].text);
        assert_non_null(strstr(error.message, file));
        assert_non_null(strstr(error.message, edits[i].key));
    }
}

#define TRY(pipeline, file, edits) try_edits(pipeline, file, edits, sizeof edits / sizeof *edits)

static void test_unet(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"in_channels", "4", "is 4, but the tensor conv_in.weight says 8"},
        {"out_channels", "8", "is 8, but the tensor conv_out.weight says 4"},
        {"block_out_channels", "[32, 32, 64]", "has 3 entries, but the tensors have 4 down_blocks"},
        {"block_out_channels", "[32, 32, 64, 128]",
         "is 128 for level 3, but the tensors of down_blocks.3 say 64"},
        {"block_out_channels", "[1,1,1,1,1,1,1,1,1]", "expected a list of 1 to 8"},
        {"block_out_channels", "32", "expected a list"},
        {"layers_per_block", "2", "is 2 for level 0, but the tensors of down_blocks.0 say 1"},
        {"layers_per_block", "[1, 1, 1]", "a list of 4"},
        {"transformer_layers_per_block", "[1, 1, 2, 1]", "is 2 for level 2"},
        {"transformer_layers_per_block", "[[1, 1], 1, 1, 1]", "a list of 4"},
        {"cross_attention_dim", "1024", "is 1024 for level 0"},
        {"num_attention_heads", "[5, 10, 20, 20]", "5 heads do not divide the 32 channels of level 0"},
        {"num_attention_heads", "0", "expected an integer from 1"},
        {"num_attention_heads", "\"8\"", "expected an integer from 1"},
        {"num_frames", "-1", "expected an integer from 1"},
        {"num_frames", "2.5", "expected an integer"},
        {"projection_class_embeddings_input_dim", "768",
         "is 768, but the tensor add_embedding.linear_1.weight says 96"},
        {"addition_time_embed_dim", "256", "three embeddings of 256 do not make the input of 96"},
        {"_class_name", "\"UNet2DConditionModel\"", "packshot has only \"UNetSpatioTemporalConditionModel\""},
        {"down_block_types",
         "[\"DownBlockSpatioTemporal\", \"CrossAttnDownBlockSpatioTemporal\", "
         "\"CrossAttnDownBlockSpatioTemporal\","
         "\"DownBlockSpatioTemporal\"]",
         "entry 0 is \"DownBlockSpatioTemporal\", but the tensors have an attention there"},
        {"up_block_types", "[\"UpBlock2D\", \"UpBlock2D\", \"UpBlock2D\", \"UpBlock2D\"]",
         "entry 0 is \"UpBlock2D\""},
        {"up_block_types", "[]", "has 0 entries"},
        {"num_attention_heads", NULL, NULL},
        {"num_frames", NULL, NULL},
        {"layers_per_block", "[1, 1, 1, 1]", NULL},
        {"cross_attention_dim", "[32, 32, 32, 32]", NULL},
        {"sample_size", "null", NULL},
        {"an_unknown_key", "[1]", NULL},
    };
    TRY("odd", "unet/config.json", edits);
}

static void test_vae(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"latent_channels", "16", "is 16, but the tensor decoder.conv_in.weight says 4"},
        {"layers_per_block", "3", "is 3, but the tensor encoder.down_blocks.0.resnets says 2"},
        {"block_out_channels", "[32, 32, 64, 128]", "is 128 for level 3"},
        {"block_out_channels", "[32, 32, 64]", "has 3 entries"},
        {"scaling_factor", "0", "out of range"},
        {"scaling_factor", "\"x\"", "expected a number"},
        {"_class_name", "\"AutoencoderKL\"", "the tensors are those of a temporal decoder"},
        {"_class_name", "\"AutoencoderKLWan\"", "packshot has only"},
        {"act_fn", "\"relu\"", "packshot has only \"silu\""},
        {"norm_num_groups", "16", "packshot has only 32"},
        {"in_channels", "4", "packshot has only 3"},
        {"mid_block_add_attention", "false", "packshot has only true"},
        {"shift_factor", "0.1", "cannot honour"},
        {"latents_mean", "[0, 0, 0, 0]", "cannot honour"},
        {"down_block_types", "[\"AttnDownEncoderBlock2D\"]", "entry 0 is"},
        {"scaling_factor", "0.13025", NULL},
        {"force_upcast", "false", NULL},
    };
    TRY("odd", "vae/config.json", edits);
}

static void test_vision(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"hidden_size", "1280", "is 1280, but the tensor vision_model.embeddings.class_embedding says 48"},
        {"num_hidden_layers", "3", "is 3, but"},
        {"intermediate_size", "5120", "is 5120, but"},
        {"projection_dim", "1024", "is 1024, but"},
        {"patch_size", "16", "is 16, but"},
        {"image_size", "336", "336 pixels in patches of 14 make 577 positions"},
        {"num_attention_heads", "5", "5 heads do not divide the 48 channels"},
        {"hidden_act", "\"gelu_new\"", "packshot has only \"gelu\" and \"quick_gelu\""},
        {"model_type", "\"siglip_vision_model\"", "packshot has only"},
        {"num_channels", "4", "packshot has only 3"},
        {"layer_norm_eps", "0", "out of range"},
        {"layer_norm_eps", "1e-6", NULL},
        {"dtype", "\"float16\"", NULL},
    };
    TRY("odd", "image_encoder/config.json", edits);
    static const struct edit pixels[] = {
        {"image_mean", "[0.5, 0.5]", "three numbers"},
        {"image_std", "[0.5, 0, 0.5]", "above 0"},
        {"image_std", "[0.5, 0.5, 0.5]", NULL},
    };
    TRY("odd", "feature_extractor/preprocessor_config.json", pixels);
}

static void test_scheduler(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"prediction_type", "\"epsilon\"", "packshot has only \"v_prediction\""},
        {"prediction_type", NULL, "is \"epsilon\""},
        {"timestep_type", "\"discrete\"", "packshot has only \"continuous\""},
        {"timestep_spacing", "\"trailing\"", "packshot has only \"leading\""},
        {"use_karras_sigmas", "false", "Karras"},
        {"use_karras_sigmas", NULL, "Karras"},
        {"use_exponential_sigmas", "true", "packshot has only false"},
        {"use_beta_sigmas", "true", "packshot has only false"},
        {"final_sigmas_type", "\"sigma_min\"", "packshot has only \"zero\""},
        {"sigma_max", "null", "is not set"},
        {"sigma_max", "-3", "above 0"},
        {"sigma_min", "800", "not below sigma_max"},
        {"_class_name", "\"DPMSolverMultistepScheduler\"", "packshot has only \"EulerDiscreteScheduler\""},
        {"sigma_max", "80.0", NULL},
        {"interpolation_type", "\"log_linear\"", NULL},
    };
    TRY("odd", "scheduler/scheduler_config.json", edits);
    write_pipeline("model", "odd");
    edit_json(in_folder("model/scheduler/scheduler_config.json"), "sigma_max", "80.5");
    edit_json(in_folder("model/feature_extractor/preprocessor_config.json"), "image_mean",
              "[0.5, 0.25, 0.125]");
    struct ps_checkpoint *checkpoint;
    struct ps_error error = {0};
    assert_int_equal(ps_checkpoint_open(&checkpoint, in_folder("model"), &error), PS_OK);
    assert_true(checkpoint->scheduler.sigma_max == 80.5 && checkpoint->scheduler.sigma_min == 0.002);
    assert_true(checkpoint->vision.mean[1] == 0.25f && checkpoint->vision.mean[2] == 0.125f);
    ps_checkpoint_close(&checkpoint);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } files[] = {
        {"", "not valid JSON"},     {"[]", "not a JSON object"},
        {"{\"a\":1,\"a\":2}", "a"}, {"{\"in_channels\": 8", "config.json:1:"},
        {"{\"a\": 1e999}", "1:"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_pipeline("model", "mini");
        write_text(in_folder("model/unet/config.json"), files[i].text);
        struct ps_checkpoint *checkpoint;
        struct ps_error error = {0};
        assert_int_equal(ps_checkpoint_open(&checkpoint, in_folder("model"), &error), PS_OK);
        assert_checkpoint_fault(&checkpoint->parts[PS_PART_UNET].problem, "checkpoint.config",
                                files[i].expected);
        assert_int_equal(checkpoint->unet.levels, 0);
        assert_int_equal(checkpoint->vae.levels, 3);
        ps_checkpoint_close(&checkpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unet),      cmocka_unit_test(test_vae),   cmocka_unit_test(test_vision),
        cmocka_unit_test(test_scheduler), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
