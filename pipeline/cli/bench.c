#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_report.h"
#include "cli/cache.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/stop.h"

struct request {
    const char *model, *devices;
    struct ps_bench_params params;
    uint32_t threads;
    int part, table, dtype, weights; /* of the enums of ps_bench_params */
    bool json, quiet;
};

#define AT(member) offsetof(struct request, member)

static const char *const parts[] = {"unet", "decoder", "encoder", "vision", NULL};
static const char *const tables[] = {"scope", "kernel", "shape", NULL};
static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
static const char *const weights[] = {"full", "q8", NULL};

static const struct cli_option options[] = {
    {.name = "model",
     .kind = CLI_PATH,
     .offset = AT(model),
     .value = "PATH",
     .help = "take the weights of this checkpoint",
     .fallback = "random weights of SVD-XT's sizes, which need no file"},
    {.name = "part",
     .kind = CLI_CHOICE,
     .offset = AT(part),
     .value = "NAME",
     .help = "what to run",
     .fallback = "unet",
     .choices = parts},
    {.name = "width",
     .kind = CLI_WHOLE,
     .offset = AT(params.width),
     .value = "PIXELS",
     .help = "width of the clip",
     .fallback = "256",
     .low = 16,
     .high = 8192,
     .step = 8},
    {.name = "height",
     .kind = CLI_WHOLE,
     .offset = AT(params.height),
     .value = "PIXELS",
     .help = "height of the clip",
     .fallback = "256",
     .low = 16,
     .high = 8192,
     .step = 8},
    {.name = "frames",
     .kind = CLI_WHOLE,
     .offset = AT(params.frames),
     .value = "N",
     .help = "length of the clip",
     .fallback = "14",
     .low = 1,
     .high = PS_MAX_FRAMES},
    {.name = "rounds",
     .kind = CLI_WHOLE,
     .offset = AT(params.rounds),
     .value = "N",
     .help = "forwards to take the median of, after one that warms up",
     .fallback = "3",
     .low = 1,
     .high = 100},
    {.name = "table",
     .kind = CLI_CHOICE,
     .offset = AT(table),
     .value = "BY",
     .help = "what a row of the table is",
     .fallback = "scope, a piece of the model",
     .choices = tables},
    {.name = "dtype",
     .kind = CLI_CHOICE,
     .offset = AT(dtype),
     .value = "TYPE",
     .help = "how weights and activations are stored",
     .fallback = "f16 on a GPU, bf16 or f32 on the processor",
     .low = PS_DTYPE_F32,
     .choices = dtypes},
    {.name = "weights",
     .kind = CLI_CHOICE,
     .offset = AT(weights),
     .value = "KIND",
     .help = "how the UNet's large matrices are kept: as --dtype says, or in 8 bits",
     .fallback = "full",
     .choices = weights},
    {.name = "device",
     .kind = CLI_TEXT,
     .offset = AT(devices),
     .value = "LIST",
     .help = "where to run, with commas between: auto, cpu, ref, or a number or part of a name as packshot "
             "devices lists them",
     .fallback = "every GPU, and cpu",
     .suggests = "auto @devices"},
    {.name = "threads",
     .kind = CLI_WHOLE,
     .offset = AT(threads),
     .value = "N",
     .help = "threads of the device cpu",
     .fallback = "one a processor",
     .low = 1,
     .high = 1024},
    {.name = "memory",
     .kind = CLI_SIZE,
     .offset = AT(params.memory_bytes),
     .value = "SIZE",
     .help = "device memory that may be used, staging included",
     .fallback = "what is free"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = AT(json),
     .help = "one JSON object a line on standard output (progress, bench or error)"},
    {.name = "quiet", .letter = 'q', .kind = CLI_FLAG, .offset = AT(quiet), .help = "print no progress"},
    {0},
};

static const char *const examples[] = {
    "bench",
    "bench --width 1024 --height 576 --frames 25 --rounds 1 --device 0",
    "bench --part decoder --table shape --model svd-xt --json",
    NULL,
};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_bench_command = {
    .name = "bench",
    .summary = "how fast one forward of the model is here, and what limits it",
    .examples = examples,
    .options = options,
    .notes =
        "The rate is seen beside two ceilings of the same run: products on registers alone, and copies of\n"
        "memory. The UNet takes 3 GB with bf16 or f16 weights and 6 GB with f32.",
    .run = run,
};

/* The processor's memory of this process at its peak since begin_peak, in bytes; 0 where it is not told. */
static uint64_t resident_peak(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    unsigned long long kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

/* Where the system lets it: proc(5), clear_refs. */
static void begin_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

static void on_log(void *user, enum ps_log_level level, const char *line)
{
    struct cli_report *report = user;
    if (level <= PS_LOG_INFO)
        cli_say(report, true, "%s%s", level == PS_LOG_WARNING ? "warning: " : "", line);
}

static enum ps_status measure(struct cli_report *report, const struct request *request, const char *device,
                              struct ps_error *error)
{
    struct cli_progress progress;
    struct ps_context *context = NULL;
    struct ps_model *model = NULL;
    struct ps_bench *bench = malloc(sizeof *bench);
    char *cache = cli_cache_folder();
    const struct ps_context_params params = {.device = device,
                                             .threads = request->threads,
                                             .log = on_log,
                                             .user = report,
                                             .cache = cache};
    const struct ps_render_events events = {.progress = cli_progress_tell, .user = &progress};
    cli_progress_begin(&progress, report);
    begin_peak();
    if (!bench)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (!ps_context_open(&context, &params, error) &&
             (!request->model || !ps_model_open(&model, context, request->model, NULL, error)) &&
             !ps_bench(bench, context, model, &request->params, &events, error))
        cli_tell_bench(report, ps_context_device(context), request->model, bench, resident_peak());
    ps_model_close(&model);
    ps_context_close(&context);
    free(bench);
    free(cache);
    return error->status;
}

/* Every device that is meant to be rendered on: no reference interpreter, no software Vulkan. */
static enum ps_status measure_all(struct cli_report *report, const struct request *request,
                                  struct ps_error *error)
{
    enum { CAPACITY = 16 };
    struct ps_device devices[CAPACITY];
    size_t count = 0;
    bool any = false;
    ps_devices(devices, CAPACITY, &count, NULL, 0);
    for (size_t i = 0; i < count && i < CAPACITY && !error->status; i++) {
        const struct ps_device *device = &devices[i];
        if (!device->usable || (device->software && strcmp(device->selector, "cpu")))
            continue;
        any = true;
        measure(report, request, device->selector, error);
    }
    if (!any)
        cli_fail(error, PS_ERR_DEVICE, "device.none", "no device to measure; see packshot devices");
    return error->status;
}

enum { NAME_SIZE = 128 };

/* The name at *at, after which *at is behind its comma or null; false where it is empty or too long. */
static bool next_name(const char **at, char name[NAME_SIZE])
{
    const size_t length = strcspn(*at, ",");
    if (!length || length >= NAME_SIZE)
        return false;
    snprintf(name, NAME_SIZE, "%.*s", (int)length, *at);
    *at = (*at)[length] ? *at + length + 1 : NULL;
    return true;
}

/* The whole list is read before the first device is measured. */
static enum ps_status measure_named(struct cli_report *report, const struct request *request,
                                    struct ps_error *error)
{
    char name[NAME_SIZE];
    for (const char *at = request->devices; at;)
        if (!next_name(&at, name))
            return cli_fail(error, PS_ERR_USAGE, "usage.value",
                            "--device: \"%.100s\" is not a list of names with commas between; see packshot "
                            "help bench",
                            request->devices);
    for (const char *at = request->devices; at && !error->status;)
        if (next_name(&at, name))
            measure(report, request, name, error);
    return error->status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (!cli_begin(command, argc, argv, &request, &report, &error))
        return cli_finish(&report, &error);
    report.quiet = request.quiet;
    request.params.part = (enum ps_bench_part)request.part;
    request.params.by = (enum ps_bench_by)request.table;
    request.params.dtype = (enum ps_dtype)request.dtype;
    request.params.weights = (enum ps_weights)request.weights;
    cli_stop_begin(request.quiet);
    (request.devices ? measure_named : measure_all)(&report, &request, &error);
    return cli_finish(&report, &error);
}
