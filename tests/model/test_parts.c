/* Every part whole against diffusers, from the toy checkpoints that the goldens' recipes make; with the argument "full",
 * from a checkpoint of SVD-XT's own size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "model/golden.h"
#include "model/unet.h"
#include "model/vae.h"
#include "model/vision.h"
#include "weights/checkpoint.h"

#define TOLERANCE_F32 1e-5
#define TOLERANCE_FULL 1e-3 /* f32 at SVD-XT's size */
#define TOLERANCE_F16 1e-2  /* the largest is 4.4e-3, of encoder_odd on cpu; all others are below 2.2e-3 */
#define TOLERANCE_BF16 4e-2 /* three bits fewer: the largest is 2.9e-2, likewise; all others are below 1.6e-2 */

enum kind { VISION, ENCODER, DECODER, UNET };

struct part_case {
    const char *name;
    enum kind kind;
    const char *checkpoint; /* whose configuration it has, and weights unless `weights` */
    const char *weights;    /* another weight file */
};

static const struct part_case cases[] = {
    {"blocks/clip_mini", VISION, "pipelines/mini", NULL},
    {"blocks/clip_odd", VISION, "pipelines/odd", NULL},
    {"blocks/encoder_odd", ENCODER, "pipelines/odd", NULL},
    {"blocks/encoder_epsilon", ENCODER, "pipelines/mini", "quiet_vae"},
    {"blocks/decoder_odd", DECODER, "pipelines/odd", NULL},
    {"blocks/decoder_still", DECODER, "pipelines/still", NULL},
    {"blocks/decoder_epsilon", DECODER, "pipelines/mini", "quiet_vae"},
    {"blocks/unet_mini", UNET, "pipelines/mini", NULL},
    {"blocks/unet_odd", UNET, "pipelines/odd", NULL},
    {"blocks/unet_epsilon", UNET, "pipelines/mini", "quiet_unet"},
};

/* SVD-XT's own sizes with formula weights: 128x128 pixels, two frames. */
static const struct part_case full_cases[] = {
    {"full/clip", VISION, "full", NULL},
    {"full/encoder", ENCODER, "full", NULL},
    {"full/decoder", DECODER, "full", NULL},
    {"full/unet", UNET, "full", NULL},
};

struct subject {
    const struct part_case *what;
    struct golden golden;
    struct ps_checkpoint *checkpoint;
    struct golden other; /* weights of another file */
    struct ps_part *part;
    struct ps_weight_set *weights;
    struct ps_vision vision;
    struct ps_encoder encoder;
    struct ps_decoder decoder;
    struct ps_unet unet;
    float *x, *context, *ids, *expected, *found;
    float timestep;
    uint32_t x_shape[4], context_shape[4], y_shape[4];
};

/* Opened once: an interpreter keeps the pipelines that it has compiled. */
static struct golden_backends backends;

static int open_backends(void **state)
{
    (void)state;
    backends = golden_backends_open(NULL);
    return 0;
}

static int close_backends(void **state)
{
    (void)state;
    return golden_backends_close(&backends);
}

static void must(const struct ps_error *error)
{
    if (error->status)
        fail_msg("%s: %s", error->id, error->message);
}

static uint64_t elements(const uint32_t shape[4])
{
    return (uint64_t)shape[0] * shape[1] * shape[2] * shape[3];
}

static struct ps_tensor upload(struct ps_run *run, const float *values, const uint32_t shape[4])
{
    const struct ps_tensor t = ps_new(run, run->type, shape[0], shape[1], shape[2], shape[3]);
    ps_upload_floats(run, t, values);
    return t;
}

static struct ps_tensor forward_unet(struct ps_run *run, struct subject *subject, struct ps_tensor x)
{
    const uint32_t shape[4] = {1, 1, 1, subject->context_shape[3]};
    const struct ps_tensor context =
        ps_unet_context(run, &subject->unet, upload(run, subject->context, shape));
    const struct ps_unet_clip clip = ps_unet_prepare(run, &subject->unet, x.n, subject->ids);
    return ps_unet_forward(run, &subject->unet, &clip, x, context,
                           ps_unet_time(run, &subject->unet, &clip, subject->timestep));
}

static void body(struct ps_run *run, void *user)
{
    struct subject *subject = user;
    ps_enter(run, subject->what->name);
    const struct ps_tensor x = upload(run, subject->x, subject->x_shape);
    struct ps_tensor y = {0};
    switch (subject->what->kind) {
    case VISION:
        y = ps_vision_forward(run, &subject->vision, x);
        break;
    case ENCODER:
        y = ps_encoder_forward(run, &subject->encoder, x);
        break;
    case DECODER:
        y = ps_decoder_forward(run, &subject->decoder, x);
        break;
    case UNET:
        y = forward_unet(run, subject, x);
        break;
    }
    ps_download_floats(run, y, subject->found);
    ps_leave(run, (struct ps_tensor){0});
}

static void bind_part(struct subject *subject)
{
    static const enum ps_part_kind kinds[] = {PS_PART_VISION, PS_PART_VAE, PS_PART_VAE, PS_PART_UNET};
    struct ps_checkpoint *checkpoint = subject->checkpoint;
    struct ps_error error = {0};
    struct ps_binder binder;
    subject->part =
        subject->what->weights ? &subject->other.part : &checkpoint->parts[kinds[subject->what->kind]];
    ps_binder_begin(&binder, subject->part, &error);
    switch (subject->what->kind) {
    case VISION:
        ps_vision_bind(&subject->vision, &binder, &checkpoint->vision);
        subject->weights = &subject->vision.weights;
        break;
    case ENCODER:
        ps_encoder_bind(&subject->encoder, &binder, &checkpoint->vae);
        subject->weights = &subject->encoder.weights;
        break;
    case DECODER:
        ps_decoder_bind(&subject->decoder, &binder, &checkpoint->vae);
        subject->weights = &subject->decoder.weights;
        break;
    case UNET:
        ps_unet_bind(&subject->unet, &binder, &checkpoint->unet);
        subject->weights = &subject->unet.weights;
        break;
    }
    ps_binder_finish(&binder, subject->weights, &error);
    must(&error);
}

/* The formula of the goldens' pixel inputs, counted flat over [1, 3, side, side], as channels last. */
static float *formula_pixels(uint32_t side, float scale, float shift, uint32_t shape[4])
{
    float *values = malloc((size_t)3 * side * side * sizeof *values);
    assert_non_null(values);
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t p = 0; p < side * side; p++)
            values[p * 3 + c] = (float)(((uint64_t)c * side * side + p) * 7919 % 1009) / scale - shift;
    shape[0] = 1;
    shape[1] = shape[2] = side;
    shape[3] = 3;
    return values;
}

static void read_inputs(struct subject *subject)
{
    uint32_t shape[4];
    switch (subject->what->kind) {
    case VISION:
        subject->x = formula_pixels(subject->vision.config.image_size, 256, 2, subject->x_shape);
        break;
    case ENCODER:
        subject->x = golden_channels_last(&subject->golden, "input.x", subject->x_shape);
        if (!subject->x)
            subject->x = formula_pixels(128, 512, 1, subject->x_shape);
        break;
    case DECODER:
        subject->x = golden_channels_last(&subject->golden, "input.z", subject->x_shape);
        break;
    case UNET:
        subject->x = golden_channels_last(&subject->golden, "input.sample", subject->x_shape);
        subject->context =
            golden_floats(&subject->golden, "input.encoder_hidden_states", subject->context_shape);
        subject->ids = golden_floats(&subject->golden, "input.added_time_ids", shape);
        float *timestep = golden_floats(&subject->golden, "input.timestep", shape);
        subject->timestep = *timestep;
        free(timestep);
        break;
    }
    assert_non_null(subject->x);
}

/* The subject holds pointers into itself. */
static void open_subject(struct subject *subject, const struct part_case *what)
{
    struct ps_error error = {0};
    char path[600];
    *subject = (struct subject){.what = what, .golden = golden_open(what->name)};
    snprintf(path, sizeof path, "%s/%s", PACKSHOT_GOLDEN_DIR, what->checkpoint);
    ps_checkpoint_open(&subject->checkpoint, path, &error);
    must(&error);
    if (what->weights) {
        snprintf(path, sizeof path, "%s/blocks/%s.safetensors", PACKSHOT_GOLDEN_DIR, what->weights);
        subject->other = golden_open_path(path);
    }
    bind_part(subject);
    read_inputs(subject);
}

static void close_subject(struct subject *subject)
{
    ps_vision_free(&subject->vision);
    ps_unet_free(&subject->unet);
    ps_weight_set_free(&subject->encoder.weights);
    ps_weight_set_free(&subject->decoder.weights);
    ps_checkpoint_close(&subject->checkpoint);
    if (subject->what->weights)
        golden_close(&subject->other);
    golden_close(&subject->golden);
    free(subject->x);
    free(subject->context);
    free(subject->ids);
    free(subject->expected);
    free(subject->found);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Runs the part on the backend and compares with the rows that the golden keeps: all, or of the decoder every
 * eighth. */
static void check_full(struct subject *subject, struct ps_backend *backend, enum ps_type type)
{
    const uint32_t *shape = subject->y_shape;
    const uint64_t row = (uint64_t)shape[2] * shape[3];
    const struct golden_run run = {.weights = subject->weights,
                                   .store = &subject->part->store,
                                   .body = body,
                                   .user = subject,
                                   .type = type};
    const double begun = seconds_now();
    char text[96];
    snprintf(text, sizeof text, "%s on %s in %s", subject->what->name, backend->ops->name,
             ps_type_name(type));
    backend->peak_bytes = 0;
    golden_execute(backend, &run);
    if (subject->what->kind == DECODER)
        for (uint64_t r = 0; r < (uint64_t)shape[0] * shape[1]; r++)
            memmove(subject->found + r * row, subject->found + r * 8 * row, row * sizeof *subject->found);
    print_message("%s: %.1f s with loading, %.0f MiB, relative distance %.2g\n", text, seconds_now() - begun,
                  (double)backend->peak_bytes / 1048576,
                  golden_distance(subject->found, subject->expected, elements(shape)));
    golden_expect(text, subject->found, subject->expected, elements(shape),
                  type == PS_F16 ? TOLERANCE_F16 : TOLERANCE_FULL);
    struct ps_error error = {0};
    backend->ops->reserve(backend, PS_WEIGHTS, NULL, 0, &error);
    backend->ops->reserve(backend, PS_SCRATCH, NULL, 0, &error);
}

/* On every interpreter but ref, which would take hours. */
static void run_full(void **state)
{
    const struct part_case *what = *state;
    struct subject subject;
    open_subject(&subject, what);
    const bool rows = what->kind == DECODER;
    subject.expected =
        golden_channels_last(&subject.golden, rows ? "output.rows" : "output", subject.y_shape);
    subject.found = calloc(elements(subject.y_shape) * (rows ? 8 : 1), sizeof *subject.found);
    for (uint32_t i = 1; i < backends.count; i++)
        for (int type = PS_F32; type <= PS_F16; type++)
            check_full(&subject, backends.items[i], (enum ps_type)type);
    close_subject(&subject);
}

static void run_case(void **state)
{
    const struct part_case *what = *state;
    struct subject subject;
    open_subject(&subject, what);
    subject.expected = golden_channels_last(&subject.golden, "output", subject.y_shape);
    const uint64_t count = elements(subject.y_shape);
    subject.found = calloc(count, sizeof *subject.found);
    static const double tolerance[PS_TYPES] = {TOLERANCE_F32, TOLERANCE_F16, TOLERANCE_BF16};
    for (uint32_t i = 0; i < backends.count; i++)
        for (int type = PS_F32; type < PS_TYPES; type++) {
            const struct golden_run run = {.weights = subject.weights,
                                           .store = &subject.part->store,
                                           .body = body,
                                           .user = &subject,
                                           .type = (enum ps_type)type};
            char text[96];
            golden_execute(backends.items[i], &run);
            snprintf(text, sizeof text, "%s on %s in %s", what->name, backends.items[i]->ops->name,
                     ps_type_name((enum ps_type)type));
            golden_expect(text, subject.found, subject.expected, count, tolerance[type]);
        }
    close_subject(&subject);
}

static int run_all(const struct part_case *list, size_t count, CMUnitTestFunction function)
{
    struct CMUnitTest tests[sizeof cases / sizeof cases[0]];
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = list[i].name, .test_func = function, .initial_state = (void *)(uintptr_t)&list[i]};
    return _cmocka_run_group_tests("parts", tests, count, open_backends, close_backends);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "full"))
        return run_all(full_cases, sizeof full_cases / sizeof full_cases[0], run_full);
    return run_all(cases, sizeof cases / sizeof cases[0], run_case);
}
