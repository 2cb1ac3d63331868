/* Rates of the heavy kernels on a Vulkan device, beside the rate of multiply-adds without loads in the same
 * run.
 *
 *     bench_kernels [--device NAME] [--type f32|f16] [--rounds N] [--variant NAME] [--tile N] [--frames N]
 *                   [--divide N] [--tsv] [--ceilings] [PART OF A CASE'S NAME]
 *
 * --frames multiplies the rows of a case, as the frames of a clip do, --divide divides them. --tsv prints for
 * gpu_rates.py: name, type, sizes, the shader that ran, GFLOP/s. Sizes are rows, columns and terms of a sum, of attention
 * problems, heads, tokens and channels of a head. Cases of SVD at 1024 x 576, which are for GPUs, run where the part of a
 * name holds "svd". Where a launch takes less than SPAN_SECONDS it is made several times between two waits.
 * --ceilings measures no case: it prints type and GFLOP/s of multiply-adds without loads, in f32 and, where the device
 * has such arithmetic, in pairs of f16.
 * Exit 77 where the device cannot run the variant.
 *
 * Every round measures the ceiling and then the kernel, and the columns are medians over the rounds. "per cpu
 * s" counts processor time of all threads instead of time on the wall: on a software device that other work
 * disturbs it is the steadier one. The first launch, which compiles, is timed apart. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/half.h"
#include "bench/clock.h"
#include "ops/ops.h"
#include "run/plan.h"
#include "vk/ceiling.h"
#include "vk/vk.h"

#define MAX_ROUNDS 99
#define SPAN_SECONDS 0.05
#define MAX_REPEATS 200
#define CANNOT 77

enum kind { LINEAR, CONV3X3, CONV_FRAMES, SPACE, TIME };

/* LINEAR: [n, h, w, k] to `columns`; convolutions alike; attention: qkv [n, h, w, 3 heads k] with `columns`
 * heads. */
struct bench_case {
    const char *name;
    enum kind kind;
    uint32_t n, h, w, k, columns;
    enum ps_act act;
};

static const struct bench_case cases[] = {
    {"linear 2304 x 1280, K 320", LINEAR, 1, 1, 2304, 320, 1280, PS_NONE},
    {"conv 3x3 320 -> 320, 72 x 128", CONV3X3, 1, 72, 128, 320, 320, PS_NONE},
    {"linear 9216 x 2560, K 320", LINEAR, 1, 1, 9216, 320, 2560, PS_NONE},
    {"linear 9216 x 2560, K 320, GEGLU", LINEAR, 1, 1, 9216, 320, 2560, PS_GEGLU},
    {"linear 576 x 1280, K 11520", LINEAR, 1, 1, 576, 11520, 1280, PS_NONE},
    {"linear 2304 x 1280, K 1280", LINEAR, 1, 1, 2304, 1280, 1280, PS_NONE},
    {"linear 1 x 1280, K 1280", LINEAR, 1, 1, 1, 1280, 1280, PS_NONE},
    {"conv 3x3 1280 -> 1280, 18 x 32", CONV3X3, 1, 18, 32, 1280, 1280, PS_NONE},
    {"conv 3x1x1 320 -> 320, 14 x 36 x 64", CONV_FRAMES, 14, 36, 64, 320, 320, PS_NONE},
    {"attention 5 x 64, 2304 tokens", SPACE, 1, 36, 64, 64, 5, PS_NONE},
    {"attention 5 x 64, 25 frames, 2304 pixels", TIME, 25, 36, 64, 64, 5, PS_NONE},
    {"attention 1 x 512, 1024 tokens", SPACE, 1, 32, 32, 512, 1, PS_NONE},
    {"svd attention 5 x 64, 9216 tokens", SPACE, 1, 72, 128, 64, 5, PS_NONE},
    {"svd attention 10 x 64, 2304 tokens", SPACE, 1, 36, 64, 64, 10, PS_NONE},
    {"svd attention 20 x 64, 576 tokens", SPACE, 1, 18, 32, 64, 20, PS_NONE},
    {"svd attention 5 x 64, 25 frames, 9216 pixels", TIME, 25, 72, 128, 64, 5, PS_NONE},
    {"svd attention 10 x 64, 25 frames, 2304 pixels", TIME, 25, 36, 64, 64, 10, PS_NONE},
    {"svd attention 1 x 512, 9216 tokens", SPACE, 1, 72, 128, 512, 1, PS_NONE},
};

struct options {
    const char *device, *variant, *part;
    int rounds, types;
    uint32_t tile, frames, divide;
    bool tsv, ceilings;
};

/* A case's weights and input on one backend. */
struct bench {
    struct ps_run run;
    struct ps_weight weights[2];
    struct ps_tensor resident[2], x;
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return *state >> 33;
}

static void fill(struct ps_run *run, struct ps_tensor t, float scale)
{
    uint64_t state = 1;
    const uint64_t count = ps_elements(t);
    void *to = run->backend->ops->upload_begin(run->backend, t, run->error);
    for (uint64_t i = 0; to && i < count; i++) {
        const float value = scale * ((float)next_random(&state) * 0x1p-30f - 1);
        if (t.type == PS_F16)
            ((uint16_t *)to)[i] = ps_half_from_float(value);
        else
            ((float *)to)[i] = value;
    }
    if (to)
        run->backend->ops->upload_end(run->backend, run->error);
}

static uint32_t taps_of(enum kind kind)
{
    return kind == CONV3X3 ? 9 : kind == CONV_FRAMES ? 3 : 1;
}

/* Declares the weights and allocates the input; returns the bytes that the weights take. */
static uint64_t prepare(struct bench *bench, const struct bench_case *c)
{
    const bool attention = c->kind == SPACE || c->kind == TIME, geglu = c->act == PS_GEGLU;
    bench->weights[0] = (struct ps_weight){.pack = PS_PACK_MATRIX,
                                           .taps = taps_of(c->kind),
                                           .rows = c->k,
                                           .columns = c->columns,
                                           .interleave = geglu};
    bench->weights[1] = (struct ps_weight){
        .pack = PS_PACK_VECTOR, .taps = 1, .rows = 1, .columns = c->columns, .interleave = geglu, .index = 1};
    uint64_t bytes = 0;
    for (int i = 0; i < 2; i++) {
        bench->resident[i] = ps_packed_shape(&bench->weights[i], bench->run.type);
        bench->resident[i].offset = bytes;
        bytes += ps_align_up(ps_span_bytes(bench->resident[i]), PS_ALIGNMENT);
    }
    bench->run.resident = bench->resident;
    bench->x =
        ps_new(&bench->run, bench->run.type, c->n, c->h, c->w, attention ? 3 * c->columns * c->k : c->k);
    return bytes;
}

/* Launches the case `repeats` times and waits. */
static void launch(struct bench *bench, const struct bench_case *c, int repeats)
{
    const struct ps_layer layer = {&bench->weights[0], &bench->weights[1]};
    const struct ps_epilogue epilogue = {.act = c->act};
    struct ps_run *run = &bench->run;
    for (int i = 0; i < repeats; i++) {
        ps_enter(run, "bench");
        switch (c->kind) {
        case LINEAR:
            ps_linear(run, bench->x, layer, &epilogue);
            break;
        case CONV3X3:
            ps_conv3x3(run, bench->x, layer, &epilogue);
            break;
        case CONV_FRAMES:
            ps_conv_frames(run, bench->x, 0, c->n, layer, &epilogue);
            break;
        case SPACE:
        case TIME:
            ps_self_attention(run, bench->x, c->columns, c->kind == SPACE ? PS_SPACE : PS_TIME);
            break;
        }
        ps_leave(run, (struct ps_tensor){0});
    }
    if (ps_run_ok(run))
        run->backend->ops->finish(run->backend, run->error);
}

/* Plans the case for its memory, then reserves that and fills it. */
static void set_up(struct bench *bench, struct ps_backend *backend, const struct bench_case *c,
                   enum ps_type type, struct ps_error *error)
{
    struct ps_backend plan = ps_plan_backend(backend);
    ps_run_begin(&bench->run, &plan, type, error);
    const uint64_t weight_bytes = prepare(bench, c);
    launch(bench, c, 1);
    const uint64_t scratch_bytes = ps_arena_peak(&bench->run.scratch);
    ps_run_end(&bench->run);

    ps_run_begin(&bench->run, backend, type, error);
    prepare(bench, c);
    const uint64_t largest = ps_max_u64(weight_bytes, scratch_bytes);
    if (!backend->ops->reserve(backend, PS_SCRATCH, &scratch_bytes, 1, error) ||
        !backend->ops->reserve(backend, PS_WEIGHTS, &weight_bytes, 1, error) ||
        (backend->staging_needed && !backend->ops->reserve_staging(backend, largest, error)))
        return;
    fill(&bench->run, bench->x, 1);
    for (int i = 0; i < 2; i++)
        fill(&bench->run, bench->resident[i], 0.05f);
}

static double highest(double *values, size_t count)
{
    bench_median(values, count);
    return values[count - 1];
}

/* The rows, columns and terms of the product that the case is, or the sizes of its attention. */
static void print_tsv(const struct bench_case *c, enum ps_type type, double rate, const char *shader)
{
    const bool over_time = c->kind == TIME;
    const uint32_t pixels = c->h * c->w;
    printf("%s\t%s\t", c->name, type == PS_F16 ? "f16" : "f32");
    if (c->kind == SPACE || over_time)
        printf("%u\t%u\t%u\t%u", over_time ? pixels : c->n, c->columns, over_time ? c->n : pixels, c->k);
    else
        printf("%u\t%u\t%u", c->n * pixels, c->columns, c->k * taps_of(c->kind));
    printf("\t%s\t%.1f\n", shader, rate);
    fflush(stdout);
}

static bool measure(struct ps_backend *backend, struct ps_vk_ceiling *ceiling, const struct bench_case *c,
                    enum ps_type type, const struct options *options, struct ps_error *error)
{
    static struct bench bench;
    double rate[MAX_ROUNDS], roof[MAX_ROUNDS], fraction[MAX_ROUNDS], cpu_fraction[MAX_ROUNDS];
    set_up(&bench, backend, c, type, error);
    bench.run.flops = 0;
    const double before = ps_seconds();
    launch(&bench, c, 1);
    const double first = ps_seconds() - before, flop = (double)bench.run.flops, again = ps_seconds();
    launch(&bench, c, 1);
    const double wanted = SPAN_SECONDS / (ps_seconds() - again);
    const int repeats = wanted < 1 ? 1 : wanted > MAX_REPEATS ? MAX_REPEATS : (int)wanted;
    const double gflop = 1e-9 * flop * repeats;
    for (int i = 0; i < options->rounds && !error->status; i++) {
        const double cpu0 = bench_cpu_seconds();
        roof[i] = 1e-9 * ps_vk_ceiling_measure(ceiling, error);
        const double cpu1 = bench_cpu_seconds(), begin = ps_seconds();
        launch(&bench, c, repeats);
        rate[i] = gflop / (ps_seconds() - begin);
        fraction[i] = rate[i] / roof[i];
        const double cpu_roof = 1e-9 * ps_vk_ceiling_flops(ceiling) / (cpu1 - cpu0);
        cpu_fraction[i] = gflop / (bench_cpu_seconds() - cpu1) / cpu_roof;
    }
    ps_run_end(&bench.run);
    if (error->status)
        return false;
    const size_t count = (size_t)options->rounds;
    const double median = bench_median(rate, count);
    if (options->tsv)
        print_tsv(c, type, median, ps_vk_counts(backend).shader);
    else
        printf("%-42s %s %8.1f %6.0f%% %6.0f%% %8.1f %8.1f %8.2f\n", c->name, type == PS_F16 ? "f16" : "f32",
               median, 100 * bench_median(fraction, count), 100 * bench_median(cpu_fraction, count),
               highest(rate, count), highest(roof, count), first);
    fflush(stdout);
    return true;
}

/* The case with as many frames more and as many rows fewer as asked; a linear layer's rows lie along w. */
static struct bench_case resized(struct bench_case c, const struct options *options)
{
    uint32_t *rows = c.h > 1 ? &c.h : &c.w;
    if (c.kind != CONV_FRAMES && c.kind != TIME)
        c.n *= options->frames;
    *rows = *rows / options->divide ? *rows / options->divide : 1;
    return c;
}

static bool is_wanted(const struct bench_case *c, enum ps_type type, const struct options *options)
{
    const bool for_gpus = strstr(c->name, "svd") && !strstr(options->part, "svd");
    return options->types & 1 << type && strstr(c->name, options->part) && !for_gpus;
}

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--tsv")) {
            options->tsv = true;
            continue;
        }
        if (!strcmp(argv[i], "--ceilings")) {
            options->ceilings = true;
            continue;
        }
        if (strncmp(argv[i], "--", 2) != 0) {
            options->part = argv[i];
            continue;
        }
        if (!value)
            return false;
        if (!strcmp(argv[i], "--device"))
            options->device = value;
        else if (!strcmp(argv[i], "--variant"))
            options->variant = value;
        else if (!strcmp(argv[i], "--type"))
            options->types = !strcmp(value, "f16") ? 2 : 1;
        else if (!strcmp(argv[i], "--rounds"))
            options->rounds = atoi(value);
        else if (!strcmp(argv[i], "--tile"))
            options->tile = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--frames"))
            options->frames = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--divide"))
            options->divide = (uint32_t)atoi(value);
        else
            return false;
        i++;
    }
    options->rounds = options->rounds < 1 ? 1 : options->rounds > MAX_ROUNDS ? MAX_ROUNDS : options->rounds;
    return options->frames && options->divide;
}

static double median_roof(struct ps_vk_ceiling *ceiling, struct ps_error *error)
{
    double roofs[9];
    for (int i = 0; i < 9; i++)
        roofs[i] = 1e-9 * ps_vk_ceiling_measure(ceiling, error);
    return bench_median(roofs, 9);
}

static void print_ceilings(struct ps_backend *backend, struct ps_vk_ceiling *f32, struct ps_error *error)
{
    struct ps_error lack = {0};
    printf("f32\t%.1f\n", median_roof(f32, error));
    struct ps_vk_ceiling *f16 = ps_vk_ceiling_open(backend, PS_F16, &lack);
    if (f16)
        printf("f16\t%.1f\n", median_roof(f16, error));
    else
        fprintf(stderr, "%s\n", lack.message);
    ps_vk_ceiling_close(f16);
}

static void print_head(struct ps_backend *backend, struct ps_vk_ceiling *ceiling, struct ps_error *error)
{
    printf("%s: multiply-adds without loads, median %.1f GFLOP/s\n", ps_vk_device(backend)->name,
           median_roof(ceiling, error));
    printf("%-46s %8s %7s %7s %8s %8s %8s\n", "", "GFLOP/s", "of roof", "cpu", "best", "roof", "first, s");
}

int main(int argc, char **argv)
{
    struct options options = {.part = "", .rounds = 5, .types = 3, .frames = 1, .divide = 1};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: see the head of tests/bench/bench_kernels.c\n");
        return 2;
    }
    struct ps_error error = {0};
    const struct ps_vk_params params = {
        .selector = options.device, .variant = options.variant, .tile = options.tile};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    struct ps_vk_ceiling *ceiling = backend ? ps_vk_ceiling_open(backend, PS_F32, &error) : NULL;
    if (ceiling && options.ceilings)
        print_ceilings(backend, ceiling, &error);
    else if (ceiling && !options.tsv)
        print_head(backend, ceiling, &error);
    for (size_t i = 0; ceiling && !options.ceilings && !error.status && i < sizeof cases / sizeof *cases; i++)
        for (int type = PS_F32; type <= PS_F16; type++)
            if (is_wanted(&cases[i], (enum ps_type)type, &options)) {
                const struct bench_case c = resized(cases[i], &options);
                measure(backend, ceiling, &c, (enum ps_type)type, &options, &error);
            }
    if (error.status)
        fprintf(stderr, "%s\n", error.message);
    ps_vk_ceiling_close(ceiling);
    if (backend)
        backend->ops->close(backend);
    const bool cannot = error.status == PS_ERR_DEVICE && !strcmp(error.id, "device.variant");
    return cannot ? CANNOT : error.status ? 1 : 0;
}
