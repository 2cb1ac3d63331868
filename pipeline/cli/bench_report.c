#include "cli/bench_report.h"

#include "cli/plan.h"
#include "cli/text.h"

static const char *const parts[] = {"unet", "decoder", "encoder", "vision"};
static const char *const tables[] = {"scope", "kernel", "shape"};

static double rate(uint64_t work, double seconds)
{
    return seconds > 0 ? (double)work / seconds : 0;
}

/* Of the ceiling, as a text; "-" where there is none. */
static const char *percent(char to[CLI_NUMBER_SIZE], double value, double of)
{
    if (of > 0)
        snprintf(to, CLI_NUMBER_SIZE, "%.0f %%", 100 * value / of);
    else
        snprintf(to, CLI_NUMBER_SIZE, "-");
    return to;
}

static void print_head(struct cli_report *report, const struct ps_device *device, const char *model,
                       const struct ps_bench *bench)
{
    const struct ps_bench_params *params = &bench->resolved;
    const char *weights = params->weights == PS_WEIGHTS_Q8 ? " with weights in q8" : "";
    char threads[32] = "", size[64] = "";
    if (bench->threads)
        snprintf(threads, sizeof threads, ", %u threads", bench->threads);
    if (params->part != PS_BENCH_VISION)
        snprintf(size, sizeof size, ", %ux%u", params->width, params->height);
    cli_print(report, "%s: %s%s", device->selector, device->name, threads);
    if (params->part == PS_BENCH_UNET || params->part == PS_BENCH_DECODER)
        cli_print(report, "%s of %s%s, %u frames, %s%s", parts[params->part],
                  model ? model : "SVD-XT with random weights", size, params->frames,
                  cli_dtype_name(params->dtype), weights);
    else
        cli_print(report, "%s of %s%s, %s%s", parts[params->part],
                  model ? model : "SVD-XT with random weights", size, cli_dtype_name(params->dtype), weights);
}

static void print_figures(struct cli_report *report, const struct ps_bench *bench, uint64_t resident)
{
    const double flops = rate(bench->flops, bench->seconds);
    char work[CLI_NUMBER_SIZE], share[CLI_NUMBER_SIZE], a[CLI_NUMBER_SIZE], b[CLI_NUMBER_SIZE],
        c[CLI_NUMBER_SIZE], d[CLI_NUMBER_SIZE], e[CLI_NUMBER_SIZE];
    cli_print(report, "  one forward  %.3f s, median of %u from %.3f to %.3f", bench->seconds,
              bench->resolved.rounds, bench->least, bench->most);
    cli_print(report, "  rate         %.3f TFLOP/s of %s", flops * 1e-12, cli_flops(work, bench->flops));
    if (bench->ceiling_flops > 0)
        cli_print(report,
                  "  ceiling      %.3f TFLOP/s in registers, of which it reaches %s; copies %.1f GB/s",
                  bench->ceiling_flops * 1e-12, percent(share, flops, bench->ceiling_flops),
                  bench->copy_bytes * 1e-9);
    cli_print(report, "  memory       planned %s (weights %s, scratch %s, staging %s), allocated %s%s",
              cli_bytes(a, bench->planned_bytes), cli_bytes(b, bench->weights_bytes),
              cli_bytes(c, bench->scratch_bytes), cli_bytes(d, bench->staging_bytes),
              cli_bytes(e, bench->peak_bytes), bench->streamed ? ", weights streamed" : "");
    if (resident)
        cli_print(report, "  process      %s at its peak", cli_bytes(a, resident));
}

static void print_table(struct cli_report *report, const struct ps_bench *bench)
{
    char of_flops[CLI_NUMBER_SIZE], of_bytes[CLI_NUMBER_SIZE];
    cli_print(report, "\n%10s %7s %8s %9s %7s %7s %7s  %s", "ms", "share", "launches", "GFLOP/s", "of max",
              "GB/s", "of max", tables[bench->resolved.by]);
    for (uint32_t i = 0; i < bench->row_count; i++) {
        const struct ps_bench_row *row = &bench->rows[i];
        const double flops = rate(row->flops, row->seconds), bytes = rate(row->bytes, row->seconds);
        cli_print(report, "%10.2f %5.1f %% %8llu %9.1f %7s %7.1f %7s  %s", row->seconds * 1e3,
                  100 * row->seconds / bench->table_seconds, (unsigned long long)row->launches, flops * 1e-9,
                  percent(of_flops, flops, bench->ceiling_flops), bytes * 1e-9,
                  percent(of_bytes, bytes, bench->copy_bytes), row->what);
    }
    cli_print(report, "%10.2f         in all, the launches waited for one by one",
              bench->table_seconds * 1e3);
}

static json_t *rows_event(const struct ps_bench *bench)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < bench->row_count; i++) {
        const struct ps_bench_row *row = &bench->rows[i];
        json_array_append_new(rows, json_pack("{s:s, s:I, s:I, s:I, s:f}", "what", row->what, "launches",
                                              (json_int_t)row->launches, "flops", (json_int_t)row->flops,
                                              "bytes", (json_int_t)row->bytes, "seconds", row->seconds));
    }
    return rows;
}

static json_t *figures_event(const struct ps_bench *bench, uint64_t resident)
{
    const double flops = rate(bench->flops, bench->seconds);
    const bool ceiling = bench->ceiling_flops > 0;
    return json_pack("{s:f, s:f, s:f, s:I, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:b}", "seconds",
                     bench->seconds, "seconds_least", bench->least, "seconds_most", bench->most, "flops",
                     (json_int_t)bench->flops, "flops_per_second", flops, "ceiling_flops_per_second",
                     ceiling ? json_real(bench->ceiling_flops) : json_null(), "ceiling_fraction",
                     ceiling ? json_real(flops / bench->ceiling_flops) : json_null(), "copy_bytes_per_second",
                     ceiling ? json_real(bench->copy_bytes) : json_null(), "planned_bytes",
                     (json_int_t)bench->planned_bytes, "weights_bytes", (json_int_t)bench->weights_bytes,
                     "scratch_bytes", (json_int_t)bench->scratch_bytes, "staging_bytes",
                     (json_int_t)bench->staging_bytes, "peak_bytes", (json_int_t)bench->peak_bytes,
                     "resident_bytes", resident ? json_integer((json_int_t)resident) : json_null(),
                     "streamed", bench->streamed);
}

void cli_tell_bench(struct cli_report *report, const struct ps_device *device, const char *model,
                    const struct ps_bench *bench, uint64_t resident)
{
    const struct ps_bench_params *params = &bench->resolved;
    json_t *event = json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:i, s:i, s:i, s:s, s:s, s:i, s:i, s:s, s:f}", "event", "bench", "device",
        device->selector, "device_name", cli_json_text(device->name), "model",
        model ? cli_json_text(model) : json_null(), "part", parts[params->part], "width", (int)params->width,
        "height", (int)params->height, "frames", (int)params->frames, "dtype", cli_dtype_name(params->dtype),
        "weights", cli_weights_name(params->weights), "threads", (int)bench->threads, "rounds",
        (int)params->rounds, "table", tables[params->by], "table_seconds", bench->table_seconds);
    json_t *figures = figures_event(bench, resident);
    if (event && figures)
        json_object_update(event, figures);
    json_decref(figures);
    if (event)
        json_object_set_new(event, "rows", rows_event(bench));
    cli_emit(report, event);
    print_head(report, device, model, bench);
    print_figures(report, bench, resident);
    print_table(report, bench);
}
