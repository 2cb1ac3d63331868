#include <stdio.h>

#include "cli/commands.h"
#include "cli/text.h"

struct request {
    bool json;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a device"},
    {0},
};

static const char *const examples[] = {"devices", "render shoe.png -o shoe.mp4 --model svd-xt --device 0",
                                       NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_devices_command = {
    .name = "devices",
    .summary = "what a clip can be rendered on here",
    .examples = examples,
    .options = options,
    .notes = "Each line begins with what --device takes.",
    .run = run,
};

static void tell_device(struct cli_report *report, const struct ps_device *device)
{
    char memory[CLI_NUMBER_SIZE];
    cli_print(report, "%-4s %s; %s; %s; %s%s%s", device->selector, device->name, device->driver,
              cli_bytes(memory, device->memory_bytes), device->software ? "software" : "hardware",
              device->usable ? "" : "; not usable: ", device->reason);
    cli_emit(report, json_pack("{s:s, s:s, s:o, s:o, s:I, s:b, s:b, s:o}", "event", "device", "selector",
                               device->selector, "name", cli_json_text(device->name), "driver",
                               cli_json_text(device->driver), "memory_bytes",
                               (json_int_t)device->memory_bytes, "software", device->software, "usable",
                               device->usable, "reason", cli_json_text(device->reason)));
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    enum { CAPACITY = 16 };
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct ps_device devices[CAPACITY];
    char note[512];
    size_t count = 0;
    if (cli_begin(command, argc, argv, &request, &report, &error) &&
        !ps_devices(devices, CAPACITY, &count, note, sizeof note)) {
        for (size_t i = 0; i < count && i < CAPACITY; i++)
            tell_device(&report, &devices[i]);
        if (note[0])
            cli_say(&report, true, "%s", note);
    }
    return cli_finish(&report, &error);
}
