#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/text.h"

struct request {
    const char *folder;
    bool json;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a check"},
    {0},
};

static const char *const examples[] = {"doctor", "doctor /srv/clips", "doctor --json", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_doctor_command = {
    .name = "doctor",
    .summary = "whether this machine has what packshot needs",
    .operand = "FOLDER",
    .operand_offset = offsetof(struct request, folder),
    .operand_optional = true,
    .examples = examples,
    .options = options,
    .notes = "FOLDER is where clips are meant to go, the current folder by default. Each line is ok, warn or "
             "fail, and\n"
             "has a cure below it unless all is fine. The exit code is 0, or 6 where a check failed.",
    .run = run,
};

void cli_examine(struct cli_examination *exam, enum cli_verdict verdict, const char *check,
                 const char *finding, const char *cure)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    exam->failed = exam->failed || verdict == CLI_FAIL;
    cli_print(&exam->report, "%-4s  %-10s  %s", words[verdict], check, finding);
    if (verdict != CLI_FINE)
        cli_print(&exam->report, "%18s%s", "", cure);
    cli_emit(&exam->report, json_pack("{s:s, s:s, s:s, s:o, s:o}", "event", "check", "check", check,
                                      "verdict", words[verdict], "finding", cli_json_text(finding), "cure",
                                      cli_json_text(verdict == CLI_FINE ? "" : cure)));
}

const char *cli_either(const char *text, const char *otherwise)
{
    return *text ? text : otherwise;
}

static bool is_vulkan(const struct ps_device *device)
{
    return device->selector[0] >= '0' && device->selector[0] <= '9';
}

/* What --device auto takes: the first usable GPU, else the processor. Null where only software Vulkan devices
 * and the reference interpreter, the last and always there, are left. */
static const struct ps_device *automatic_device(const struct cli_examination *exam)
{
    for (int software = 0; software <= 1; software++)
        for (size_t i = 0; i + 1 < exam->count; i++)
            if (exam->devices[i].usable && exam->devices[i].software == software &&
                is_vulkan(&exam->devices[i]) == !software)
                return &exam->devices[i];
    return NULL;
}

static void check_vulkan(struct cli_examination *exam)
{
    if (exam->count && is_vulkan(&exam->devices[0]))
        cli_examine(exam, CLI_FINE, "vulkan", "the loader finds devices", "");
    else
        cli_examine(exam, automatic_device(exam) ? CLI_WARN : CLI_FAIL, "vulkan",
                    exam->note[0] ? exam->note : "the loader finds no device",
                    "install the GPU's Vulkan driver, and the loader (Debian: libvulkan1)");
}

static void check_features(struct cli_examination *exam)
{
    char finding[320];
    for (size_t i = 0; i + 1 < exam->count; i++) {
        const struct ps_device *device = &exam->devices[i];
        snprintf(finding, sizeof finding, "%s: %s%s%s", device->selector, device->name,
                 device->usable ? "" : ": ", device->reason);
        cli_examine(exam, device->usable ? CLI_FINE : CLI_WARN, "features", finding,
                    "update the driver, or use another device");
    }
}

static void check_device(struct cli_examination *exam)
{
    const struct ps_device *device = automatic_device(exam);
    char finding[320];
    if (!device) {
        cli_examine(exam, CLI_FAIL, "device", "--device auto finds none", "install a Vulkan 1.2 driver");
        return;
    }
    snprintf(finding, sizeof finding, "--device auto takes %s: %s", device->selector, device->name);
    cli_examine(exam, device->software ? CLI_WARN : CLI_FINE, "device", finding,
                "a clip takes long without a GPU; where there is one, install its driver");
}

static void check_memory(struct cli_examination *exam)
{
    const struct ps_device *best = automatic_device(exam);
    const uint64_t comfortable = UINT64_C(8) << 30;
    char finding[64], bytes[CLI_NUMBER_SIZE];
    if (!best)
        return;
    snprintf(finding, sizeof finding, "%s on device %s", cli_bytes(bytes, best->memory_bytes),
             best->selector);
    cli_examine(
        exam, best->memory_bytes < comfortable ? CLI_WARN : CLI_FINE, "memory", finding,
        "a full-size clip is planned into less by streaming weights; packshot render --dry-run shows how");
}

/* A GPU's render node is there but not open to this user: the loader then finds no device and cannot say why.
 */
static void check_nodes(struct cli_examination *exam)
{
    DIR *folder = opendir("/dev/dri");
    bool found = false, closed = false;
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, "renderD", 7) != 0)
            continue;
        found = true;
        closed = closed || faccessat(dirfd(folder), entry->d_name, R_OK | W_OK, AT_EACCESS) != 0;
    }
    closedir(folder);
    if (found)
        cli_examine(exam, closed ? CLI_FAIL : CLI_FINE, "access",
                    closed ? "/dev/dri has a GPU that this user may not open"
                           : "this user may open the GPU in /dev/dri",
                    "add the user to the group render and log in again");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_examination exam = {0};
    if (cli_begin(command, argc, argv, &request, &exam.report, &error) &&
        !ps_devices(exam.devices, CLI_DOCTOR_DEVICES, &exam.count, exam.note, sizeof exam.note)) {
        exam.folder = request.folder ? request.folder : ".";
        if (exam.count > CLI_DOCTOR_DEVICES)
            exam.count = CLI_DOCTOR_DEVICES;
        check_vulkan(&exam);
        check_nodes(&exam);
        check_features(&exam);
        check_device(&exam);
        check_memory(&exam);
        cli_examine_output(&exam);
        cli_examine_system(&exam);
    }
    const int code = cli_finish(&exam.report, &error);
    return !code && exam.failed ? PS_ERR_DEVICE : code;
}
