#include "cli/plan.h"

#include <stdio.h>

#include "cli/text.h"

const char *cli_dtype_name(enum ps_dtype dtype)
{
    return dtype == PS_DTYPE_F16 ? "f16" : dtype == PS_DTYPE_BF16 ? "bf16" : "f32";
}

const char *cli_weights_name(enum ps_weights weights)
{
    return weights == PS_WEIGHTS_Q8 ? "q8" : "full";
}

static json_t *phase_event(const struct ps_phase_plan *phase)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "name", phase->name, "weights_bytes",
                     (json_int_t)phase->weights_bytes, "scratch_bytes", (json_int_t)phase->scratch_bytes,
                     "staging_bytes", (json_int_t)phase->staging_bytes, "flops", (json_int_t)phase->flops,
                     "streamed", phase->streamed);
}

json_t *cli_params_event(const struct ps_render_params *params)
{
    json_t *event = json_pack("{s:i, s:i, s:i, s:i, s:f, s:f, s:i, s:f, s:f}", "width", (int)params->width,
                              "height", (int)params->height, "frames", (int)params->frames, "fps",
                              (int)params->fps, "motion", (double)params->motion, "noise_aug",
                              (double)params->noise_augmentation, "steps", (int)params->steps, "guidance_min",
                              (double)params->guidance_min, "guidance_max", (double)params->guidance_max);
    /* Not every reader of JSON keeps 64 bits of a number. */
    char seed[CLI_NUMBER_SIZE];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)params->seed);
    if (event) {
        json_object_set_new(event, "seed", json_string(seed));
        json_object_set_new(event, "dtype", json_string(cli_dtype_name(params->dtype)));
        json_object_set_new(event, "weights", json_string(cli_weights_name(params->weights)));
    }
    return event;
}

static void emit_plan(struct cli_report *report, const struct ps_plan *plan)
{
    json_t *phases = json_array();
    for (uint32_t i = 0; i < plan->phase_count; i++)
        json_array_append_new(phases, phase_event(&plan->phases[i]));
    cli_emit(report, json_pack("{s:s, s:I, s:I, s:o, s:o}", "event", "plan", "budget_bytes",
                               (json_int_t)plan->budget_bytes, "peak_bytes", (json_int_t)plan->peak_bytes,
                               "params", cli_params_event(&plan->resolved), "phases", phases));
}

static void say_plan(struct cli_report *report, const struct ps_plan *plan)
{
    const struct ps_render_params *params = &plan->resolved;
    char a[CLI_NUMBER_SIZE], b[CLI_NUMBER_SIZE], c[CLI_NUMBER_SIZE], d[CLI_NUMBER_SIZE];
    cli_say(report, false, "plan: %ux%u, %u frames, %u steps, guidance %g to %g, %s%s, seed %llu",
            params->width, params->height, params->frames, params->steps, (double)params->guidance_min,
            (double)params->guidance_max, cli_dtype_name(params->dtype),
            params->weights == PS_WEIGHTS_Q8 ? " with weights in q8" : "", (unsigned long long)params->seed);
    cli_say(report, false, "  %-8s %12s %12s %12s %14s", "phase", "weights", "scratch", "staging", "work");
    for (uint32_t i = 0; i < plan->phase_count; i++) {
        const struct ps_phase_plan *phase = &plan->phases[i];
        cli_say(report, false, "  %-8s %12s %12s %12s %14s%s", phase->name,
                cli_bytes(a, phase->weights_bytes), cli_bytes(b, phase->scratch_bytes),
                cli_bytes(c, phase->staging_bytes), cli_flops(d, phase->flops),
                phase->streamed ? "  weights streamed from the file" : "");
    }
    cli_say(report, false, "  peak %s of %s", cli_bytes(a, plan->peak_bytes),
            cli_bytes(b, plan->budget_bytes));
}

void cli_tell_plan(struct cli_report *report, const struct ps_plan *plan)
{
    emit_plan(report, plan);
    say_plan(report, plan);
}
