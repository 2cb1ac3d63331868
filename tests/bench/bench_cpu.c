/* The cpu interpreter kernel by kernel, at shapes of the SVD-XT UNet (256x256, 14 frames; 1024x576, 25
 * frames) and the decoder: the median of several runs, as a fraction of what registers or memory allow in the
 * same run, beside oneDNN's product of the same shape where the library is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/onednn.h"
#include "cpu/cpu.h"
#include "ops/ops.h"
#include "run/watch.h"

enum kind {
    LINEAR,
    CONV,
    CONV_UP,
    CONV_TIME,
    ATTENTION,
    ATTENTION_TIME,
    GROUP_NORM,
    LAYER_NORM,
    BLEND,
    CONCAT
};

struct bench_case {
    const char *name;
    enum kind kind;
    uint32_t n, h, w, in, out;
    enum ps_act act;
    bool residual;
    uint32_t heads;
};

static const struct bench_case cases[] = {
    {"linear.geglu.320", LINEAR, 14, 32, 32, 320, 2560, PS_GEGLU, false, 0},
    {"linear.out.320", LINEAR, 14, 32, 32, 1280, 320, PS_NONE, true, 0},
    {"linear.qkv.320", LINEAR, 14, 32, 32, 320, 960, PS_NONE, false, 0},
    {"linear.proj.320", LINEAR, 14, 32, 32, 320, 320, PS_NONE, true, 0},
    {"linear.geglu.640", LINEAR, 14, 16, 16, 640, 5120, PS_GEGLU, false, 0},
    {"linear.proj.640", LINEAR, 14, 16, 16, 640, 640, PS_NONE, true, 0},
    {"linear.geglu.1280", LINEAR, 14, 8, 8, 1280, 10240, PS_GEGLU, false, 0},
    {"linear.out.1280", LINEAR, 14, 8, 8, 5120, 1280, PS_NONE, true, 0},
    {"linear.proj.1280", LINEAR, 14, 8, 8, 1280, 1280, PS_NONE, true, 0},
    {"linear.one-row.1280", LINEAR, 1, 1, 1, 1280, 1280, PS_NONE, false, 0},
    {"linear.big.320", LINEAR, 5, 72, 128, 320, 2560, PS_GEGLU, false, 0},
    {"conv.320", CONV, 14, 32, 32, 320, 320, PS_NONE, true, 0},
    {"conv.640", CONV, 14, 16, 16, 640, 640, PS_NONE, true, 0},
    {"conv.up.640", CONV_UP, 14, 16, 16, 640, 640, PS_NONE, false, 0},
    {"conv.1280", CONV, 14, 8, 8, 1280, 1280, PS_NONE, true, 0},
    {"conv.deep", CONV, 14, 4, 4, 2560, 1280, PS_NONE, false, 0},
    {"conv.big.320", CONV, 2, 72, 128, 320, 320, PS_NONE, false, 0},
    {"conv.decoder.128", CONV, 1, 256, 256, 128, 128, PS_NONE, true, 0},
    {"conv.in", CONV, 14, 32, 32, 8, 320, PS_NONE, false, 0},
    {"conv.out", CONV, 14, 32, 32, 320, 4, PS_NONE, false, 0},
    {"conv.time.320", CONV_TIME, 14, 32, 32, 320, 320, PS_NONE, true, 0},
    {"conv.time.1280", CONV_TIME, 14, 8, 8, 1280, 1280, PS_NONE, true, 0},
    {"attention.1024", ATTENTION, 14, 32, 32, 320, 0, PS_NONE, false, 5},
    {"attention.256", ATTENTION, 14, 16, 16, 640, 0, PS_NONE, false, 10},
    {"attention.9216", ATTENTION, 1, 72, 128, 320, 0, PS_NONE, false, 5},
    {"attention.vae", ATTENTION, 4, 32, 32, 512, 0, PS_NONE, false, 1},
    {"attention.time", ATTENTION_TIME, 14, 32, 32, 320, 0, PS_NONE, false, 5},
    {"norm.group.320", GROUP_NORM, 14, 32, 32, 320, 0, PS_SILU, false, 0},
    {"norm.group.big", GROUP_NORM, 5, 72, 128, 320, 0, PS_SILU, false, 0},
    {"norm.group.decoder", GROUP_NORM, 2, 256, 256, 128, 0, PS_SILU, false, 0},
    {"norm.layer.320", LAYER_NORM, 14, 32, 32, 320, 0, PS_NONE, false, 0},
    {"norm.layer.1280", LAYER_NORM, 14, 8, 8, 1280, 0, PS_NONE, false, 0},
    {"blend.320", BLEND, 14, 32, 32, 320, 0, PS_NONE, false, 0},
    {"concat.640", CONCAT, 14, 32, 32, 320, 0, PS_NONE, false, 0},
};

#define COUNT (sizeof cases / sizeof *cases)
#define SCRATCH (3ull << 30)
#define WEIGHTS (256ull << 20)

/* Weights are small numbers; only the time matters. */
static bool fill(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                 struct ps_error *error)
{
    (void)store, (void)error;
    const struct ps_tensor shape = ps_packed_shape(weight, type);
    for (uint64_t i = 0; i < ps_elements(shape); i++) {
        const float value = (float)(i % 13) * 0.01f - 0.06f;
        if (type == PS_F32)
            ((float *)to)[i] = value;
        else
            ((uint16_t *)to)[i] = (uint16_t)(type == PS_F16 ? 0x2000u + i % 13 : 0x3c00u + i % 13);
    }
    return true;
}

static struct ps_tensor input(struct ps_run *run, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    const struct ps_tensor t = ps_new(run, run->type, n, h, w, c);
    float *values = malloc(ps_elements(t) * sizeof *values);
    for (uint64_t i = 0; values && i < ps_elements(t); i++)
        values[i] = (float)(i % 17) * 0.1f - 0.8f;
    if (values)
        ps_upload_floats(run, t, values);
    free(values);
    return t;
}

struct tensors {
    struct ps_tensor x, residual, other;
    struct ps_weight weight, bias;
};

static void prepare(struct ps_run *run, const struct bench_case *c, struct tensors *t)
{
    const uint32_t taps = c->kind == CONV || c->kind == CONV_UP ? 9 : c->kind == CONV_TIME ? 3 : 1;
    const bool product = c->kind <= CONV_TIME, attends = c->kind == ATTENTION || c->kind == ATTENTION_TIME;
    t->x = input(run, c->n, c->h, c->w, attends ? 3 * c->in : c->in);
    t->weight = (struct ps_weight){.taps = 1, .rows = 1, .columns = c->in, .index = 0};
    if (product)
        t->weight = (struct ps_weight){.pack = PS_PACK_MATRIX,
                                       .taps = taps,
                                       .rows = c->in,
                                       .columns = c->out,
                                       .interleave = c->act == PS_GEGLU,
                                       .index = 0};
    t->bias = (struct ps_weight){.taps = 1, .rows = 1, .columns = product ? c->out : c->in, .index = 1};
    if (c->residual || c->kind == BLEND || c->kind == CONCAT)
        t->other = input(run, c->n, c->h, c->w, product ? c->out : c->in);
    t->residual = c->residual ? t->other : (struct ps_tensor){0};
}

static void execute(struct ps_run *run, const struct bench_case *c, const struct tensors *t)
{
    const struct ps_layer layer = {&t->weight, &t->bias};
    const struct ps_norm norm = {layer, 1e-5f};
    const struct ps_epilogue epilogue = {.act = c->act, .residual = t->residual};
    const struct ps_window window = {
        .kernel_h = 3, .kernel_w = 3, .wide_h = 2 * c->h, .wide_w = 2 * c->w, .pad_top = 1, .pad_left = 1};
    ps_enter(run, c->name);
    switch (c->kind) {
    case LINEAR:
        ps_linear(run, t->x, layer, &epilogue);
        break;
    case CONV:
        ps_conv3x3(run, t->x, layer, &epilogue);
        break;
    case CONV_UP:
        ps_conv(run, t->x, layer, &window, &epilogue);
        break;
    case CONV_TIME:
        ps_conv_frames(run, t->x, 0, c->n, layer, &epilogue);
        break;
    case ATTENTION:
        ps_self_attention(run, t->x, c->heads, PS_SPACE);
        break;
    case ATTENTION_TIME:
        ps_self_attention(run, t->x, c->heads, PS_TIME);
        break;
    case GROUP_NORM:
        ps_group_norm(run, t->x, 32, norm, c->act);
        break;
    case LAYER_NORM:
        ps_layer_norm(run, t->x, norm);
        break;
    case BLEND:
        ps_blend(run, &(struct ps_blend){.a = 0.5f, .p = t->x, .b = 0.5f, .q = t->other});
        break;
    case CONCAT:
        ps_concat(run, t->x, t->other);
        break;
    }
    ps_leave(run, (struct ps_tensor){0});
}

struct ceilings {
    double flops, copy;
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double peer(const struct bench_case *c, enum ps_type type)
{
    if (c->kind == LINEAR)
        return onednn_product(type, c->n * c->h * c->w, c->in, c->out);
    return c->kind == CONV ? onednn_conv3x3(type, c->n, c->h, c->w, c->in, c->out) : 0;
}

static void measure(struct ps_watch *watch, const struct bench_case *c, enum ps_type type,
                    struct ceilings ceilings, bool peers)
{
    const struct ps_store store = {.fill = fill};
    struct ps_error error = {0};
    struct ps_run run;
    struct tensors t = {0};
    double seconds[9];
    const uint32_t runs = sizeof seconds / sizeof *seconds;
    ps_run_begin(&run, &watch->base, type, &error);
    run.store = &store;
    run.ring_bytes = WEIGHTS;
    prepare(&run, c, &t);
    execute(&run, c, &t);
    double flops = 0, bytes = 0;
    for (uint32_t i = 0; i < runs && ps_run_ok(&run); i++) {
        ps_watch_start(watch, &run, PS_BENCH_KERNELS);
        execute(&run, c, &t);
        ps_watch_stop(watch);
        seconds[i] = flops = bytes = 0;
        for (uint32_t j = 0; j < watch->count; j++) {
            seconds[i] += watch->rows[j].seconds;
            flops += (double)watch->rows[j].flops;
            bytes += (double)watch->rows[j].bytes;
        }
    }
    if (error.status) {
        printf("%-22s %s\n", c->name, error.message);
    } else {
        qsort(seconds, runs, sizeof *seconds, compare);
        const double median = seconds[runs / 2];
        printf("%-22s %9.3f ms  %7.1f GFLOP/s %4.0f %%  %6.1f GB/s %4.0f %%", c->name, median * 1e3,
               flops / median / 1e9, 100 * flops / median / ceilings.flops, bytes / median / 1e9,
               100 * bytes / median / ceilings.copy);
        const double other = peers && type != PS_F16 ? peer(c, type) : 0;
        if (other > 0)
            printf("   oneDNN %7.1f, ratio %.2f", other / 1e9, flops / median / other);
        printf("\n");
    }
    ps_run_end(&run);
}

int main(int argc, char **argv)
{
    const char *only = "", *isa = NULL;
    uint32_t threads = 0;
    enum ps_type type = PS_BF16;
    bool peers = true;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--isa") && i + 1 < argc)
            isa = argv[++i];
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            threads = (uint32_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--dtype") && i + 1 < argc)
            type = !strcmp(argv[++i], "bf16") ? PS_BF16 : !strcmp(argv[i], "f16") ? PS_F16 : PS_F32;
        else if (!strcmp(argv[i], "--no-peers"))
            peers = false;
        else
            only = argv[i];
    }
    struct ps_error error = {0};
    struct ps_watch *watch = calloc(1, sizeof *watch);
    struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){.threads = threads, .isa = isa}, &error);
    const uint64_t scratch = SCRATCH, weights = WEIGHTS;
    if (!cpu || !watch || !cpu->ops->reserve_staging(cpu, weights, &error) ||
        !cpu->ops->reserve(cpu, PS_SCRATCH, &scratch, 1, &error) ||
        !cpu->ops->reserve(cpu, PS_WEIGHTS, &weights, 1, &error)) {
        fprintf(stderr, "bench_cpu: %s\n", error.message);
        return 1;
    }
    threads = ps_cpu_threads(cpu);
    const struct ceilings ceilings = {ps_cpu_ceiling(cpu, type), ps_cpu_copy_rate(cpu)};
    printf("%s in %s on %u threads; in registers %.1f GFLOP/s, copy %.1f GB/s\n", ps_cpu_isa(cpu),
           ps_type_name(type), threads, ceilings.flops / 1e9, ceilings.copy / 1e9);
    ps_watch_begin(watch, cpu);
    for (uint32_t i = 0; i < COUNT; i++)
        if (strstr(cases[i].name, only))
            measure(watch, &cases[i], type, ceilings, peers);
    cpu->ops->close(cpu);
    free(watch);
    return 0;
}
