/* Every block alone against diffusers: in float32, float16 and bfloat16 storage, whole and in the smallest chunks, with
 * resident and with streamed weights, on every interpreter of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/embedding.h"
#include "model/golden.h"
#include "model/resnet.h"
#include "model/transformer.h"

#define TOLERANCE_F32 1e-5 /* diffusers' own distance from float64 is 1e-7 to 3e-7 on these blocks */
#define TOLERANCE_F16 1e-2
#define TOLERANCE_BF16 2e-2

enum kind { RESNET, TRANSFORMER, DOWN_UNET, DOWN_ENCODER, UP, UP_TWICE };

struct block_case {
    const char *name;
    enum kind kind;
    uint32_t in, out, embedding; /* resnets: channels and width of the time embedding; others: in */
    float space_eps, time_eps;
    bool switched;
    uint32_t heads, layers; /* transformers; layers also of the decoder's middle */
};

static const struct block_case cases[] = {
    {"res_unet_same", RESNET, 64, 64, 32, 1e-6f, 1e-6f, false, 0, 0},
    {"res_unet_narrow", RESNET, 96, 32, 48, 1e-5f, 1e-5f, false, 0, 0},
    {"res_decoder_same", RESNET, 64, 64, 0, 1e-6f, 1e-5f, true, 0, 0},
    {"res_decoder_narrow", RESNET, 64, 32, 0, 1e-6f, 1e-5f, true, 0, 0},
    {"transformer_1", TRANSFORMER, 32, 32, 0, 0, 0, false, 4, 1},
    {"transformer_2", TRANSFORMER, 32, 32, 0, 0, 0, false, 8, 2},
    {"down_unet", DOWN_UNET, 32, 32, 0, 0, 0, false, 0, 0},
    {"down_unet_odd", DOWN_UNET, 32, 32, 0, 0, 0, false, 0, 0},
    {"down_encoder", DOWN_ENCODER, 32, 32, 0, 0, 0, false, 0, 0},
    {"down_encoder_odd", DOWN_ENCODER, 32, 32, 0, 0, 0, false, 0, 0},
    {"up", UP, 32, 32, 0, 0, 0, false, 0, 0},
    {"up", UP_TWICE, 32, 32, 0, 0, 0, false, 0, 0}, /* in phases */
    {"up_odd", UP, 32, 32, 0, 0, 0, false, 0, 0},
    {"up_from_one", UP, 32, 32, 0, 0, 0, false, 0, 0},
};

struct subject {
    const struct block_case *what;
    float *x, *t, *expected, *found;
    uint32_t x_shape[4], t_shape[4], y_shape[4];
    struct ps_video_resnet resnet;
    struct ps_transformer transformer;
    struct ps_layer conv;
};

/* Opened once: an interpreter keeps the pipelines that it has compiled. */
static struct golden_backends backends;

static void bind_block(struct subject *subject, struct ps_binder *binder)
{
    const struct block_case *what = subject->what;
    switch (what->kind) {
    case RESNET:
        subject->resnet = ps_video_resnet_bind(binder, what->in, 0, what->out, what->embedding,
                                               what->space_eps, what->time_eps, what->switched);
        break;
    case TRANSFORMER:
        subject->transformer = ps_transformer_bind(binder, what->in, what->heads, 24, what->layers);
        break;
    case UP_TWICE:
        subject->conv = ps_bind_conv_twice(binder, what->out, what->in, "conv");
        break;
    default:
        subject->conv = ps_bind_conv(binder, what->out, what->in, 3, 3, true, "conv");
        break;
    }
}

static struct ps_tensor upload(struct ps_run *run, const float *values, const uint32_t shape[4])
{
    const struct ps_tensor t = ps_new(run, run->type, shape[0], shape[1], shape[2], shape[3]);
    ps_upload_floats(run, t, values);
    return t;
}

static struct ps_tensor upload_positions(struct ps_run *run, uint32_t frames, uint32_t channels)
{
    const struct ps_tensor t = ps_new(run, run->type, frames, 1, 1, channels);
    float *values = malloc((size_t)frames * channels * sizeof *values);
    ps_frame_positions(frames, channels, values);
    ps_upload_floats(run, t, values);
    free(values);
    return t;
}

static struct ps_tensor forward(struct ps_run *run, const struct subject *subject, struct ps_tensor x)
{
    struct ps_tensor t = {0};
    if (subject->what->kind == RESNET && subject->t) {
        const uint32_t shape[4] = {subject->t_shape[2], 1, 1, subject->t_shape[3]};
        t = upload(run, subject->t, shape);
        t = ps_blend(run, &(struct ps_blend){.a = 1, .p = t, .act = PS_SILU});
    }
    switch (subject->what->kind) {
    case RESNET:
        return ps_video_resnet_forward(run, x, t, &subject->resnet, NULL, (struct ps_tensor){0});
    case TRANSFORMER: {
        const uint32_t shape[4] = {1, 1, 1, subject->t_shape[3]};
        const struct ps_transformer *block = &subject->transformer;
        const struct ps_tensor constants =
            ps_new(run, run->type, 2 * block->layer_count, 1, 1, block->channels);
        const struct ps_tensor positions = ps_new(run, run->type, x.n, 1, 1, block->channels);
        ps_transformer_context(run, upload(run, subject->t, shape), block, constants);
        ps_transformer_positions(run, upload_positions(run, x.n, block->channels), block, positions);
        return ps_transformer_forward(run, x, constants, positions, block);
    }
    case DOWN_UNET:
        return ps_conv(
            run, x, subject->conv,
            &(struct ps_window){.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1},
            NULL);
    case DOWN_ENCODER:
        return ps_conv(run, x, subject->conv,
                       &(struct ps_window){
                           .kernel_h = 3, .kernel_w = 3, .stride = 2, .out_h = x.h / 2, .out_w = x.w / 2},
                       NULL);
    default:
        return ps_upsample_forward(
            run, x,
            &(struct ps_upsample){.conv = subject->conv, .h = subject->y_shape[1], .w = subject->y_shape[2]});
    }
}

static void body(struct ps_run *run, void *user)
{
    struct subject *subject = user;
    ps_enter(run, subject->what->name);
    const struct ps_tensor y = forward(run, subject, upload(run, subject->x, subject->x_shape));
    ps_download_floats(run, y, subject->found);
    ps_leave(run, (struct ps_tensor){0});
}

static uint64_t elements(const uint32_t shape[4])
{
    return (uint64_t)shape[0] * shape[1] * shape[2] * shape[3];
}

/* Runs the block with the largest chunks, then with small ones and streamed weights, then with allocations so
 * small too that they hold no more than a frame; no bit may change. */
static void check(struct ps_backend *backend, struct subject *subject, const struct ps_weight_set *weights,
                  const struct ps_store *store, enum ps_type type)
{
    static const double tolerance[PS_TYPES] = {TOLERANCE_F32, TOLERANCE_F16, TOLERANCE_BF16};
    const uint64_t count = elements(subject->y_shape);
    struct golden_run run = {.weights = weights, .store = store, .body = body, .user = subject, .type = type};
    char what[96];
    golden_execute(backend, &run);
    snprintf(what, sizeof what, "%s on %s in %s", subject->what->name, backend->ops->name,
             ps_type_name(type));
    golden_expect(what, subject->found, subject->expected, count, tolerance[type]);
    float *whole = malloc(count * sizeof *whole);
    memcpy(whole, subject->found, count * sizeof *whole);
    for (uint64_t chunk = 1; chunk <= 1u << 14; chunk <<= 13)
        for (int frugal = 0; frugal < 2; frugal++) {
            run.chunk_bytes = chunk;
            run.stream = true;
            run.frugal = frugal;
            golden_execute(backend, &run);
            if (memcmp(whole, subject->found, count * sizeof *whole))
                fail_msg("%s: chunks, streaming or recomputing change the result", what);
            run.segment_limit = golden_least_segment(backend, &run);
            golden_execute(backend, &run);
            if (memcmp(whole, subject->found, count * sizeof *whole))
                fail_msg("%s: allocations of %u bytes change the result", what, (unsigned)run.segment_limit);
            run.segment_limit = 0;
        }
    free(whole);
}

/* With weights in whole numbers a block differs by what rounding them to 127ths of the largest of a column makes of it:
 * 0.5 to 1 % a product. */
#define TOLERANCE_Q8 0.02

static void check_q8(struct ps_backend *backend, struct subject *subject, const struct ps_weight_set *weights,
                     const struct ps_store *store)
{
    const uint64_t count = elements(subject->y_shape);
    struct golden_run run = {
        .weights = weights, .store = store, .body = body, .user = subject, .quantised = true};
    char what[96];
    golden_execute(backend, &run);
    snprintf(what, sizeof what, "%s on %s with q8", subject->what->name, backend->ops->name);
    const double distance = golden_distance(subject->found, subject->expected, count);
    print_message("%s: %.5f\n", what, distance);
    golden_expect(what, subject->found, subject->expected, count, TOLERANCE_Q8);
    assert_true(distance > TOLERANCE_F32);
    float *whole = malloc(count * sizeof *whole);
    memcpy(whole, subject->found, count * sizeof *whole);
    run.chunk_bytes = 1;
    run.stream = true;
    golden_execute(backend, &run);
    assert_memory_equal(whole, subject->found, count * sizeof *whole);
    free(whole);
}

static void run_case(const struct block_case *what)
{
    char name[64];
    snprintf(name, sizeof name, "blocks/%s", what->name);
    struct golden golden = golden_open(name);
    struct subject subject = {.what = what};
    struct ps_error error = {0};
    struct ps_binder binder;
    struct ps_weight_set weights = {0};
    ps_binder_begin(&binder, &golden.part, &error);
    bind_block(&subject, &binder);
    ps_binder_finish(&binder, &weights, &error);
    if (error.status)
        fail_msg("%s: %s", what->name, error.message);
    subject.x = golden_channels_last(&golden, "input.hidden_states", subject.x_shape);
    subject.t = golden_floats(&golden, what->kind == RESNET ? "input.temb" : "input.encoder_hidden_states",
                              subject.t_shape);
    subject.expected = golden_channels_last(&golden, "output", subject.y_shape);
    subject.found = calloc(elements(subject.y_shape), sizeof *subject.found);
    for (uint32_t i = 0; i < backends.count; i++) {
        for (int type = PS_F32; type < PS_TYPES; type++)
            check(backends.items[i], &subject, &weights, &golden.part.store, (enum ps_type)type);
        check_q8(backends.items[i], &subject, &weights, &golden.part.store);
    }
    free(subject.x);
    free(subject.t);
    free(subject.expected);
    free(subject.found);
    ps_weight_set_free(&weights);
    golden_close(&golden);
}

static void test_case(void **state)
{
    run_case(*state);
}

/* An argument is the variant of Vulkan's kernels to test alone; 77 where the device cannot run it. */
int main(int argc, char **argv)
{
    struct CMUnitTest tests[sizeof cases / sizeof cases[0]];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_case, .initial_state = (void *)(uintptr_t)&cases[i]};
    const char *variant = argc > 1 ? argv[1] : NULL;
    backends = golden_backends_open(variant);
    const bool none = !backends.count;
    const int failed = none ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
    return golden_backends_close(&backends) || failed ? 1 : none ? 77 : 0;
}
