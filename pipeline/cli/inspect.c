#include <stdio.h>

#include "cli/commands.h"
#include "cli/text.h"

struct request {
    const char *path;
    bool json;
};

static const struct cli_option options[] = {
    {.name = "json", .kind = CLI_FLAG, .offset = offsetof(struct request, json), .help = "one JSON object"},
    {0},
};

static const char *const examples[] = {"inspect svd-xt", "inspect svd_xt.safetensors --json", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_inspect_command = {
    .name = "inspect",
    .summary = "what a checkpoint is, and what it lacks",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = examples,
    .options = options,
    .notes = "PATH is a diffusers folder or a .safetensors file. Only headers are read. The exit code is 0 "
             "for what could be\n"
             "read, complete or not.",
    .run = run,
};

static void print_info(struct cli_report *report, const char *path, const struct ps_model_info *info)
{
    char parameters[CLI_NUMBER_SIZE], bytes[CLI_NUMBER_SIZE];
    cli_print(report, "%s: %s, %s", path, info->family, info->layout);
    if (info->frames)
        cli_print(report, "trained for %u frames", info->frames);
    if (info->width && info->height)
        cli_print(report, "made for %ux%u", info->width, info->height);
    if (info->steps)
        cli_print(report, "made for %u sampling step%s", info->steps, info->steps == 1 ? "" : "s");
    if (info->latent_scale)
        cli_print(report, "%u latent channels, %u pixels a cell, %s decoder", info->latent_channels,
                  info->latent_scale, info->temporal_decoder ? "temporal" : "per-frame");
    cli_print(report, "%-14s %-8s %8s %11s %11s %8s %8s %9s", "part", "storage", "tensors", "parameters",
              "size", "missing", "surplus", "misshapen");
    for (uint32_t i = 0; i < info->part_count; i++) {
        const struct ps_part_info *part = &info->parts[i];
        cli_print(report, "%-14s %-8s %8llu %11s %11s %8u %8u %9u", part->name,
                  part->storage[0] ? part->storage : "-", (unsigned long long)part->tensors,
                  cli_count(parameters, part->parameters), cli_bytes(bytes, part->bytes), part->missing,
                  part->surplus, part->misshapen);
    }
    for (uint32_t i = 0; i < info->problem_count; i++)
        cli_print(report, "problem: %s", info->problems[i]);
}

static json_t *part_event(const struct ps_part_info *part)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:i, s:i, s:i}", "name", cli_json_text(part->name), "storage",
                     cli_json_text(part->storage), "tensors", (json_int_t)part->tensors, "parameters",
                     (json_int_t)part->parameters, "bytes", (json_int_t)part->bytes, "missing",
                     (int)part->missing, "surplus", (int)part->surplus, "misshapen", (int)part->misshapen);
}

static json_t *info_event(const char *path, const struct ps_model_info *info)
{
    json_t *parts = json_array(), *problems = json_array();
    for (uint32_t i = 0; i < info->part_count; i++)
        json_array_append_new(parts, part_event(&info->parts[i]));
    for (uint32_t i = 0; i < info->problem_count; i++)
        json_array_append_new(problems, cli_json_text(info->problems[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o, s:o}", "event",
                     "checkpoint", "path", cli_json_text(path), "layout", cli_json_text(info->layout),
                     "family", cli_json_text(info->family), "frames", (int)info->frames, "width",
                     (int)info->width, "height", (int)info->height, "steps", (int)info->steps,
                     "latent_channels", (int)info->latent_channels, "latent_scale", (int)info->latent_scale,
                     "temporal_decoder", info->temporal_decoder, "parts", parts, "problems", problems);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct ps_model_info info;
    if (cli_begin(command, argc, argv, &request, &report, &error) &&
        !ps_inspect(&info, request.path, &error)) {
        print_info(&report, request.path, &info);
        cli_emit(&report, info_event(request.path, &info));
    }
    return cli_finish(&report, &error);
}
