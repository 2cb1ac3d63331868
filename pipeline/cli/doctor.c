#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/text.h"

struct request {
    bool json;
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, json),
     .help = "one JSON object a check"},
    {0},
};

static const char *const examples[] = {"doctor", "doctor --json", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_doctor_command = {
    .name = "doctor",
    .summary = "whether this machine has what packshot needs",
    .examples = examples,
    .options = options,
    .notes = "The exit code is 0, or 6 where a check failed.",
    .run = run,
};

enum { CAPACITY = 16 };

enum verdict { OK, WARN, FAIL };

struct examination {
    struct cli_report report;
    struct ps_device devices[CAPACITY];
    size_t count; /* of devices listed */
    char note[512];
    bool failed;
};

static void tell(struct examination *exam, enum verdict verdict, const char *check, const char *finding,
                 const char *cure)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    exam->failed = exam->failed || verdict == FAIL;
    cli_print(&exam->report, "%-4s  %-10s  %s", words[verdict], check, finding);
    if (verdict != OK && *cure)
        cli_print(&exam->report, "%18s%s", "", cure);
    cli_emit(&exam->report, json_pack("{s:s, s:s, s:s, s:o, s:o}", "event", "check", "check", check,
                                      "verdict", words[verdict], "finding", cli_json_text(finding), "cure",
                                      cli_json_text(verdict == OK ? "" : cure)));
}

static bool is_vulkan(const struct ps_device *device)
{
    return device->selector[0] >= '0' && device->selector[0] <= '9';
}

/* What --device auto takes: the first usable GPU, else the processor. Null where only software Vulkan devices
 * and the reference interpreter, the last and always there, are left. */
static const struct ps_device *automatic_device(const struct examination *exam)
{
    for (int software = 0; software <= 1; software++)
        for (size_t i = 0; i + 1 < exam->count; i++)
            if (exam->devices[i].usable && exam->devices[i].software == software &&
                is_vulkan(&exam->devices[i]) == !software)
                return &exam->devices[i];
    return NULL;
}

static void check_vulkan(struct examination *exam)
{
    if (exam->count && is_vulkan(&exam->devices[0]))
        tell(exam, OK, "vulkan", "the loader finds devices", "");
    else
        tell(exam, automatic_device(exam) ? WARN : FAIL, "vulkan",
             exam->note[0] ? exam->note : "the loader finds no device", "without it no GPU can be used");
}

static void check_features(struct examination *exam)
{
    char finding[320];
    for (size_t i = 0; i + 1 < exam->count; i++) {
        const struct ps_device *device = &exam->devices[i];
        snprintf(finding, sizeof finding, "%s: %s%s%s", device->selector, device->name,
                 device->usable ? "" : ": ", device->reason);
        tell(exam, device->usable ? OK : WARN, "features", finding,
             "update the driver, or use another device");
    }
}

static void check_device(struct examination *exam)
{
    const struct ps_device *device = automatic_device(exam);
    char finding[320];
    if (!device) {
        tell(exam, FAIL, "device", "--device auto finds none", "install a Vulkan 1.2 driver");
        return;
    }
    snprintf(finding, sizeof finding, "--device auto takes %s: %s", device->selector, device->name);
    tell(exam, device->software ? WARN : OK, "device", finding,
         "a clip takes long without a GPU; where there is one, install its driver");
}

static void check_memory(struct examination *exam)
{
    const struct ps_device *best = automatic_device(exam);
    const uint64_t comfortable = UINT64_C(8) << 30;
    char finding[64], bytes[CLI_NUMBER_SIZE];
    if (!best)
        return;
    snprintf(finding, sizeof finding, "%s on device %s", cli_bytes(bytes, best->memory_bytes),
             best->selector);
    tell(exam, best->memory_bytes < comfortable ? WARN : OK, "memory", finding,
         "a full-size clip is planned into less by streaming weights; packshot render --dry-run shows how");
}

/* The library has no function for the encoder alone; checking an output looks at the folder and then at the
 * encoder. */
static void check_output(struct examination *exam)
{
    const char *const folders[] = {".", getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[4096];
        struct ps_error error = {0};
        if (!folders[i] || snprintf(path, sizeof path, "%s/.packshot-doctor-%ld.mp4", folders[i],
                                    (long)getpid()) >= (int)sizeof path)
            continue;
        const enum ps_status status = ps_clip_plan_save(NULL, NULL, path, NULL, &error);
        if (i == 0)
            tell(exam, status == PS_ERR_OUTPUT ? FAIL : OK, "folder",
                 status == PS_ERR_OUTPUT ? error.message : "clips can be written here", error.hint);
        if (status == PS_ERR_OUTPUT)
            continue;
        tell(exam, status ? FAIL : OK, "encoder", status ? error.message : "libavcodec has an H.264 encoder",
             error.hint);
        return;
    }
    tell(exam, WARN, "encoder", "could not be looked for", "try again where files can be written");
}

static void check_disk(struct examination *exam)
{
    const uint64_t enough = UINT64_C(1) << 30;
    struct statvfs space;
    char finding[64], bytes[CLI_NUMBER_SIZE];
    if (statvfs(".", &space))
        return;
    const uint64_t available = (uint64_t)space.f_bavail * space.f_frsize;
    snprintf(finding, sizeof finding, "%s free in this folder", cli_bytes(bytes, available));
    tell(exam, !available ? FAIL : available < enough ? WARN : OK, "disk", finding, "free some space");
}

/* A GPU's render node is there but not open to this user: the loader then finds no device and cannot say why.
 */
static void check_nodes(struct examination *exam)
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
        tell(exam, closed ? FAIL : OK, "access",
             closed ? "/dev/dri has a GPU that this user may not open"
                    : "this user may open the GPU in /dev/dri",
             "add the user to the group render and log in again");
}

static void check_sandbox(struct examination *exam)
{
    struct ps_sandbox_info info;
    struct ps_error error = {0};
    char finding[160];
    if (ps_sandbox_check(&info, &error)) {
        tell(exam, WARN, "sandbox", error.message, error.hint);
        return;
    }
    const bool whole = info.limits && info.seccomp && info.landlock;
    snprintf(finding, sizeof finding, "photos are decoded in a process with: %s%s%s%s",
             info.limits ? "limits " : "", info.seccomp ? "seccomp " : "", info.landlock ? "Landlock" : "",
             info.limits || info.seccomp || info.landlock ? "" : "nothing that shuts it in");
    tell(exam, whole || info.seccomp ? OK : WARN, "sandbox", finding,
         "a container may forbid seccomp; decode only photos that you trust, or allow it");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct examination exam = {0};
    if (cli_begin(command, argc, argv, &request, &exam.report, &error) &&
        !ps_devices(exam.devices, CAPACITY, &exam.count, exam.note, sizeof exam.note)) {
        if (exam.count > CAPACITY)
            exam.count = CAPACITY;
        check_vulkan(&exam);
        check_nodes(&exam);
        check_features(&exam);
        check_device(&exam);
        check_memory(&exam);
        check_sandbox(&exam);
        check_output(&exam);
        check_disk(&exam);
    }
    const int code = cli_finish(&exam.report, &error);
    return !code && exam.failed ? PS_ERR_DEVICE : code;
}
