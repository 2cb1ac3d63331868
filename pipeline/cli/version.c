#include <stdio.h>

#include "cli/commands.h"
#include "revision.inc"

struct request {
    bool verbose, json;
};

static const struct cli_option options[] = {
    {.name = "verbose",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, verbose),
     .help = "also how it was built, the libraries that are loaded, drivers, processor and sandbox"},
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "all of that as one JSON object"},
    {0},
};

static const char *const examples[] = {"version --verbose", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_version_command = {
    .name = "version",
    .summary = "the version, and what it was built from and runs with",
    .examples = examples,
    .options = options,
    .notes = "--version and -V stand for this command.",
    .run = run,
};

enum { COMPONENTS = 32, DEVICES = 16 };

/* All that there is to tell. */
struct facts {
    struct ps_component components[COMPONENTS];
    struct ps_device devices[DEVICES];
    size_t component_count, device_count; /* filled in */
    struct ps_sandbox_info sandbox;
};

static void gather(struct facts *facts)
{
    struct ps_error ignored = {0};
    ps_components(facts->components, COMPONENTS, &facts->component_count);
    if (facts->component_count > COMPONENTS)
        facts->component_count = COMPONENTS;
    ps_devices(facts->devices, DEVICES, &facts->device_count, NULL, 0);
    if (facts->device_count > DEVICES)
        facts->device_count = DEVICES;
    /* Where not even a process can be started nothing holds. */
    ps_sandbox_check(&facts->sandbox, &ignored);
}

static void print_fact(struct cli_report *report, const char *name, const char *value)
{
    cli_print(report, "%-16s  %s", name, value);
}

static void print_facts(struct cli_report *report, const struct facts *facts)
{
    char text[320];
    print_fact(report, "revision", revision ? revision : "not known");
    print_fact(report, "compiler", CLI_COMPILER);
    snprintf(text, sizeof text, "%s%s%s", CLI_BUILD_TYPE, *CLI_SANITIZERS ? ", sanitizers " : "",
             CLI_SANITIZERS);
    print_fact(report, "build", text);
    for (size_t i = 0; i < facts->component_count; i++)
        print_fact(report, facts->components[i].name, facts->components[i].version);
    for (size_t i = 0; i < facts->device_count; i++) {
        const struct ps_device *device = &facts->devices[i];
        snprintf(text, sizeof text, "%s: %s; %s", device->selector, device->name, device->driver);
        print_fact(report, "device", text);
    }
    const struct ps_sandbox_info *sandbox = &facts->sandbox;
    const bool any = sandbox->limits || sandbox->seccomp || sandbox->landlock;
    snprintf(text, sizeof text, "%s%s%s%s", sandbox->limits ? "limits " : "",
             sandbox->seccomp ? "seccomp " : "", sandbox->landlock ? "Landlock" : "", any ? "" : "none");
    print_fact(report, "sandbox", text);
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? cli_json_text(text) : json_null();
}

static json_t *facts_event(const struct facts *facts)
{
    json_t *components = json_array(), *devices = json_array();
    for (size_t i = 0; i < facts->component_count; i++)
        json_array_append_new(components, json_pack("{s:s, s:s}", "name", facts->components[i].name,
                                                    "version", facts->components[i].version));
    for (size_t i = 0; i < facts->device_count; i++) {
        const struct ps_device *device = &facts->devices[i];
        json_array_append_new(devices, json_pack("{s:s, s:o, s:o}", "selector", device->selector, "name",
                                                 cli_json_text(device->name), "driver",
                                                 cli_json_text(device->driver)));
    }
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:{s:b, s:b, s:b}}", "event", "version",
                     "version", ps_version(), "revision", text_or_null(revision), "compiler", CLI_COMPILER,
                     "build_type", CLI_BUILD_TYPE, "sanitizers", text_or_null(CLI_SANITIZERS), "components",
                     components, "devices", devices, "sandbox", "limits", facts->sandbox.limits, "seccomp",
                     facts->sandbox.seccomp, "landlock", facts->sandbox.landlock);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    struct facts facts = {0};
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        cli_print(&report, "packshot %s", ps_version());
        if (request.verbose || request.json) {
            gather(&facts);
            print_facts(&report, &facts);
            cli_emit(&report, facts_event(&facts));
        }
    }
    return cli_finish(&report, &error);
}
