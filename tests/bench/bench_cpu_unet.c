/* One UNet forward on the cpu interpreter with the weights of a checkpoint and a clip of noise: seconds, and
 * where they went. unet_vs_pytorch.py runs it beside diffusers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ceiling.h"
#include "bench/watch.h"
#include "cpu/cpu.h"
#include "model/unet.h"
#include "run/plan.h"
#include "weights/checkpoint.h"

struct options {
    const char *model, *isa;
    uint32_t width, height, frames, threads, repeat, shapes;
    enum ps_type type;
};

struct session {
    const struct options *options;
    struct ps_unet unet;
    struct watch *watch; /* null while planning */
    double *seconds;     /* [repeat] */
    uint64_t flops;
    float sum;
};

static void stop(const struct ps_error *error)
{
    if (!error->status)
        return;
    fprintf(stderr, "bench_cpu_unet: %s: %s\n", error->id, error->message);
    exit(1);
}

static struct ps_tensor noise(struct ps_run *run, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
    const struct ps_tensor t = ps_new(run, run->type, n, h, w, c);
    float *values = malloc(ps_elements(t) * sizeof *values);
    uint32_t state = 1;
    for (uint64_t i = 0; values && i < ps_elements(t); i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / (1 << 23) - 1;
    }
    ps_upload_floats(run, t, values);
    free(values);
    return t;
}

static void forwards(struct ps_run *run, struct session *session)
{
    const struct options *o = session->options;
    static const float ids[3] = {6, 127, 0.02f};
    const struct ps_unet_config *config = &session->unet.config;
    ps_enter(run, "bench");
    const struct ps_tensor x = noise(run, o->frames, o->height / 8, o->width / 8, config->in_channels);
    const struct ps_tensor context = noise(run, 1, 1, 1, config->cross_attention_dim[0]);
    const struct ps_unet_clip clip = ps_unet_prepare(run, &session->unet, o->frames, ids);
    for (uint32_t i = 0; i < (session->watch ? o->repeat : 1) && ps_run_ok(run); i++) {
        ps_enter(run, "forward");
        if (session->watch)
            watch_clear(session->watch);
        const uint64_t flops = run->flops;
        const double begin = watch_now();
        struct ps_tensor y = ps_unet_forward(run, &session->unet, &clip, x, context, 0.5f);
        run->backend->ops->finish(run->backend, run->error);
        if (session->watch)
            session->seconds[i] = watch_now() - begin;
        session->flops = run->flops - flops;
        float *values = malloc(ps_elements(y) * sizeof *values);
        ps_download_floats(run, y, values);
        session->sum = 0;
        for (uint64_t j = 0; values && session->watch && j < ps_elements(y); j++)
            session->sum += fabsf(values[j]) / (float)ps_elements(y);
        free(values);
        ps_leave(run, (struct ps_tensor){0});
    }
    ps_leave(run, (struct ps_tensor){0});
}

/* Plans, reserves and loads as a phase of a render does, with everything resident. */
static void execute(struct session *session, struct watch *watch, const struct ps_store *store)
{
    struct ps_error error = {0};
    struct ps_backend plan = ps_plan_backend(&watch->base);
    struct ps_run dry, run;
    ps_run_begin(&dry, &plan, session->options->type, &error);
    dry.ring_bytes = 1u << 30;
    forwards(&dry, session);
    stop(&error);

    const struct ps_weight_set *set = &session->unet.weights;
    struct ps_tensor *resident = calloc(set->count, sizeof *resident);
    uint64_t bytes = 0, largest = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        resident[i] = ps_packed_shape(&set->items[i], session->options->type);
        resident[i].offset = bytes;
        const uint64_t each = (ps_span_bytes(resident[i]) + PS_ALIGNMENT - 1) / PS_ALIGNMENT * PS_ALIGNMENT;
        bytes += each;
        largest = each > largest ? each : largest;
    }
    const struct ps_backend_ops *ops = watch->base.ops;
    ops->reserve_staging(&watch->base, largest, &error);
    ops->reserve(&watch->base, PS_WEIGHTS, &bytes, 1, &error);
    ops->reserve(&watch->base, PS_SCRATCH, dry.scratch.peak, dry.scratch.segments, &error);
    stop(&error);
    ps_run_begin(&run, &watch->base, session->options->type, &error);
    run.store = store;
    run.resident = resident;
    const double begin = watch_now();
    for (uint32_t i = 0; i < set->count && ps_run_ok(&run); i++)
        ps_run_load(&run, &set->items[i], resident[i]);
    stop(&error);
    printf("weights %.2f GB in %.1f s, scratch %.2f GB, staging %.2f GB\n", (double)bytes / 1e9,
           watch_now() - begin, (double)ps_arena_peak(&dry.scratch) / 1e9, (double)largest / 1e9);
    session->watch = watch;
    forwards(&run, session);
    stop(&error);
    ps_run_end(&run);
    ps_run_end(&dry);
    free(resident);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-') {
            o->model = argv[i];
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--size") && sscanf(value, "%ux%u", &o->width, &o->height) == 2)
            continue;
        if (!strcmp(argv[i - 1], "--frames"))
            o->frames = (uint32_t)atoi(value);
        else if (!strcmp(argv[i - 1], "--threads"))
            o->threads = (uint32_t)atoi(value);
        else if (!strcmp(argv[i - 1], "--repeat"))
            o->repeat = (uint32_t)atoi(value);
        else if (!strcmp(argv[i - 1], "--shapes"))
            o->shapes = (uint32_t)atoi(value);
        else if (!strcmp(argv[i - 1], "--isa"))
            o->isa = value;
        else if (!strcmp(argv[i - 1], "--dtype"))
            o->type = !strcmp(value, "bf16") ? PS_BF16 : !strcmp(value, "f16") ? PS_F16 : PS_F32;
        else
            return false;
    }
    return o->model && o->repeat && o->frames && o->width && o->height;
}

int main(int argc, char **argv)
{
    struct options o = {
        .width = 256, .height = 256, .frames = 14, .repeat = 3, .shapes = 40, .type = PS_BF16};
    if (!parse(argc, argv, &o)) {
        fprintf(
            stderr,
            "usage: %s MODEL [--size WxH] [--frames N] [--dtype f32|f16|bf16] [--isa NAME] [--threads N]\n"
            "       [--repeat N] [--shapes N]\n",
            argv[0]);
        return 2;
    }
    struct ps_error error = {0};
    struct ps_checkpoint *checkpoint = NULL;
    struct session session = {.options = &o, .seconds = calloc(o.repeat, sizeof(double))};
    struct ps_binder binder;
    struct watch *watch = calloc(1, sizeof *watch);
    ps_checkpoint_open(&checkpoint, o.model, &error);
    stop(&error);
    ps_binder_begin(&binder, &checkpoint->parts[PS_PART_UNET], &error);
    stop(&error);
    ps_unet_bind(&session.unet, &binder, &checkpoint->unet);
    ps_binder_finish(&binder, &session.unet.weights, &error);
    stop(&error);
    struct ps_backend *cpu = ps_cpu_open(&(struct ps_cpu_params){.threads = o.threads, .isa = o.isa}, &error);
    stop(&error);
    const double ceiling = ceiling_flops(ps_cpu_isa(cpu), o.type, ps_cpu_threads(cpu));
    watch_begin(watch, cpu);
    execute(&session, watch, &checkpoint->parts[PS_PART_UNET].store);
    watch_print(watch, ceiling, o.shapes);
    qsort(session.seconds, o.repeat, sizeof(double), compare);
    const double median = session.seconds[o.repeat / 2];
    printf("\n%s on %s, %u threads, %ux%u, %u frames: median of %u %.3f s, least %.3f s; %.3f TFLOP, %.1f "
           "GFLOP/s, "
           "%.0f %% of %.1f in registers; mean of |v| %.4g\n",
           ps_type_name(o.type), ps_cpu_isa(cpu), ps_cpu_threads(cpu), o.width, o.height, o.frames, o.repeat,
           median, session.seconds[0], (double)session.flops / 1e12, (double)session.flops / median / 1e9,
           100 * (double)session.flops / median / ceiling, ceiling / 1e9, (double)session.sum);
    cpu->ops->close(cpu);
    ps_unet_free(&session.unet);
    ps_checkpoint_close(&checkpoint);
    free(session.seconds);
    free(watch);
    return 0;
}
