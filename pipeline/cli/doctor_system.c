#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/doctor.h"
#include "cli/layers.h"

/* ---- settings ---- */

static void examine_checkpoint(struct cli_examination *exam, const char *path, const char *whose)
{
    struct ps_model_info info;
    struct ps_error error = {0};
    char finding[1024], cure[320];
    snprintf(cure, sizeof cure, "packshot inspect \"%.200s\" says more", path);
    if (ps_inspect(&info, path, &error)) {
        cli_examine(exam, CLI_FAIL, "model", error.message, cli_either(error.hint, cure));
        return;
    }
    snprintf(finding, sizeof finding, "%s: %.400s: %s%s%s", whose, path, info.family,
             info.problem_count ? "; " : "", info.problem_count ? info.problems[0] : "");
    cli_examine(exam, info.problem_count ? CLI_FAIL : CLI_FINE, "model", finding, cure);
}

static void examine_default_model(struct cli_examination *exam)
{
    char path[CLI_PATH_SIZE];
    struct ps_error error = {0};
    if (cli_default_model(path, &error))
        cli_examine(exam, CLI_WARN, "model", "the small model that comes with packshot is missing",
                    "install packshot again, or name a checkpoint with --model or in packshot.ini");
    else
        examine_checkpoint(exam, path, "without --model");
}

/* The first problem of a configuration file, if there is one. */
static void find_problem(const struct cli_layers *layers, struct ps_error *error)
{
    for (size_t i = 0; i < CLI_PLACES; i++) {
        const struct ps_ini *file = layers->configs[i];
        if (!file || !file->problem_count)
            continue;
        const struct ps_ini_problem *problem = &file->problems[0];
        cli_fail(error, PS_ERR_INPUT, problem->id, "%.300s:%u:%u: %.300s", file->name, problem->line,
                 problem->column, problem->message);
    }
}

static void examine_settings(struct cli_examination *exam)
{
    struct ps_error error = {0};
    struct cli_layers layers;
    cli_layers_begin(&layers, &cli_render_command);
    if (!cli_layers_read_configs(&layers, &error) && !cli_layers_read_environment(&layers, &error))
        find_problem(&layers, &error);
    cli_examine(exam, error.status ? CLI_FAIL : CLI_FINE, "settings",
                error.status ? error.message : "packshot.ini and variables can be used as they are",
                error.status ? "packshot config says everything that is wrong" : "");
    const struct cli_option *option = cli_settings_find(&layers.settings, "model");
    const char *model = option ? cli_settings_of(&layers.settings, option)->text : NULL;
    if (model)
        examine_checkpoint(exam, model, "packshot.ini or a variable sets it");
    else
        examine_default_model(exam);
    cli_layers_end(&layers);
}

/* ---- libraries ---- */

/* libpng16 with the fixes known when this was written: Debian 12's package by the number of its security update, others by
 * upstream's version. */
#define PNG_DEBIAN "1.6.39-2+deb12u"
enum { PNG_DEBIAN_UPDATE = 6 };
#define PNG_UPSTREAM "1.6.54"

/* The version of an installed Debian package; false where dpkg does not know of it. */
static bool find_package(char *version, size_t size, const char *name)
{
    FILE *file = fopen("/var/lib/dpkg/status", "re");
    char line[1024], wanted[128];
    bool here = false, installed = false;
    version[0] = '\0';
    snprintf(wanted, sizeof wanted, "Package: %s\n", name);
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, "Package: ", 9))
            here = !strcmp(line, wanted);
        else if (here && !strncmp(line, "Status: ", 8))
            installed = strstr(line, " installed") != NULL;
        else if (here && installed && !strncmp(line, "Version: ", 9)) {
            snprintf(version, size, "%.*s", (int)strcspn(line + 9, "\n"), line + 9);
            break;
        }
    }
    if (file)
        fclose(file);
    return *version;
}

static void find_library(char *version, size_t size, const char *name)
{
    enum { CAPACITY = 32 };
    struct ps_component all[CAPACITY];
    size_t count;
    ps_components(all, CAPACITY, &count);
    snprintf(version, size, "not known");
    for (size_t i = 0; i < count && i < CAPACITY; i++)
        if (!strcmp(all[i].name, name))
            snprintf(version, size, "%s", all[i].version);
}

static void examine_png(struct cli_examination *exam)
{
    char version[128], finding[256];
    const bool package = find_package(version, sizeof version, "libpng16-16");
    if (!package)
        find_library(version, sizeof version, "libpng");
    const size_t head = strlen(PNG_DEBIAN);
    unsigned update = 0;
    const bool debian = !strncmp(version, PNG_DEBIAN, head) && sscanf(version + head, "%u", &update) == 1;
    const bool old = debian ? update < PNG_DEBIAN_UPDATE : strverscmp(version, PNG_UPSTREAM) < 0;
    snprintf(finding, sizeof finding, "libpng %s%s", version,
             old ? ", which may lack security fixes" : ", with the fixes known to this packshot");
    cli_examine(exam, old ? CLI_WARN : CLI_FINE, "libpng", finding,
                debian ? "apt-get install --only-upgrade libpng16-16"
                       : "install this system's security updates");
}

/* ---- the kernel and the clock ---- */

static void examine_sandbox(struct cli_examination *exam)
{
    struct ps_sandbox_info info;
    struct ps_error error = {0};
    char finding[160];
    if (ps_sandbox_check(&info, &error)) {
        cli_examine(exam, CLI_WARN, "sandbox", error.message,
                    cli_either(error.hint, "free some memory or processes"));
        return;
    }
    snprintf(finding, sizeof finding, "photos are decoded in a process with: %s%s%s%s",
             info.limits ? "limits " : "", info.seccomp ? "seccomp " : "", info.landlock ? "Landlock" : "",
             info.limits || info.seccomp || info.landlock ? "" : "nothing that shuts it in");
    cli_examine(exam, info.seccomp ? CLI_FINE : CLI_WARN, "sandbox", finding,
                "a container may forbid seccomp; decode only photos that you trust, or allow it");
}

/* A clock that is behind the program's own file was never set. */
static void examine_clock(struct cli_examination *exam)
{
    const time_t day = 86400, now = time(NULL);
    struct stat program;
    struct tm date;
    char finding[128], text[32] = "";
    const bool behind = !stat("/proc/self/exe", &program) && now + day < program.st_mtime;
    if (gmtime_r(&now, &date))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &date);
    snprintf(finding, sizeof finding, "it is %s UTC%s", text,
             behind ? " by the clock, before packshot was installed" : "");
    cli_examine(exam, behind ? CLI_WARN : CLI_FINE, "clock", finding,
                "set the clock, such as with timedatectl set-ntp true; sidecars and reports have dates");
}

static long read_limit(const char *name)
{
    char path[128];
    long value = -1;
    snprintf(path, sizeof path, "/proc/sys/fs/inotify/%s", name);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%ld", &value) != 1)
        value = -1;
    if (file)
        fclose(file);
    return value;
}

static void examine_inotify(struct cli_examination *exam)
{
    enum { WATCHES = 8192, INSTANCES = 64 };
    const long watches = read_limit("max_user_watches"), instances = read_limit("max_user_instances");
    char finding[128];
    const bool few = watches < WATCHES || instances < INSTANCES;
    if (watches < 0 || instances < 0)
        snprintf(finding, sizeof finding, "this kernel does not tell of changes in folders");
    else
        snprintf(finding, sizeof finding, "a user may have %ld watches and %ld instances", watches,
                 instances);
    cli_examine(exam, few ? CLI_WARN : CLI_FINE, "inotify", finding,
                "folders are looked through again and again instead; to raise it: sysctl "
                "fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=128");
}

void cli_examine_system(struct cli_examination *exam)
{
    examine_settings(exam);
    examine_sandbox(exam);
    examine_png(exam);
    examine_clock(exam);
    examine_inotify(exam);
}
