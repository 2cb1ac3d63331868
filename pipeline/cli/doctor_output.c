#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_system.h"
#include "cli/doctor.h"
#include "cli/paths.h"
#include "cli/text.h"

/* What saving a clip of that codec would say, in a folder that can be written to. */
static enum ps_status try_save(const char *folder, const char *end, const struct ps_save_params *params,
                               struct ps_error *error)
{
    char path[CLI_PATH_SIZE], name[64];
    snprintf(name, sizeof name, ".packshot-doctor-%ld%s", (long)getpid(), end);
    *error = (struct ps_error){0};
    if (!cli_path_join(path, folder, name))
        return error->status = PS_ERR_OUTPUT;
    return ps_clip_plan_save(NULL, NULL, path, params, error);
}

static void examine_folder(struct cli_examination *exam)
{
    struct ps_error error;
    const bool closed = try_save(exam->folder, ".mp4", NULL, &error) == PS_ERR_OUTPUT;
    cli_examine(exam, closed ? CLI_FAIL : CLI_FINE, "folder",
                closed ? cli_either(error.message, "the folder's name is too long")
                       : "clips can be written here",
                closed ? cli_either(error.hint, "choose another folder") : "");
}

/* Encoders are found only on the way to a file that can be written. */
static const char *find_folder(const struct cli_examination *exam)
{
    const char *const folders[] = {exam->folder, getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct ps_error error;
        if (folders[i] && *folders[i] && try_save(folders[i], ".mp4", NULL, &error) != PS_ERR_OUTPUT)
            return folders[i];
    }
    return NULL;
}

static void examine_encoders(struct cli_examination *exam, const char *folder)
{
    static const struct {
        const char *name, *end;
        enum ps_codec codec;
    } others[] = {{"hevc", ".mp4", PS_CODEC_HEVC},
                  {"av1", ".mp4", PS_CODEC_AV1},
                  {"prores", ".mov", PS_CODEC_PRORES_422HQ},
                  {"vp9", ".webm", PS_CODEC_VP9},
                  {"gif", ".gif", PS_CODEC_GIF},
                  {"webp", ".webp", PS_CODEC_WEBP}};
    struct ps_error error;
    char missing[128] = "", found[128] = "", cure[256] = "";
    const bool none = try_save(folder, ".mp4", NULL, &error) != PS_OK;
    cli_examine(exam, none ? CLI_FAIL : CLI_FINE, "encoder",
                none ? error.message : "libavcodec has an H.264 encoder",
                none ? cli_either(error.hint, "install a libavcodec that was built with libx264") : "");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct ps_save_params params = {.codec = others[i].codec};
        const bool lacks = try_save(folder, others[i].end, &params, &error) != PS_OK;
        char *list = lacks ? missing : found;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof missing - used, "%s%s", used ? ", " : "", others[i].name);
        if (lacks)
            snprintf(cure, sizeof cure, "%s", error.hint);
    }
    char finding[320];
    snprintf(finding, sizeof finding, "it also has encoders for %s%s%s", cli_either(found, "nothing else"),
             *missing ? "; none for " : "", missing);
    cli_examine(exam, *missing ? CLI_WARN : CLI_FINE, "codecs", finding,
                *missing ? cli_either(cure, "install a libavcodec that was built with them") : "");
}

static void examine_font(struct cli_examination *exam, const char *folder)
{
    const struct ps_save_params params = {.finish.caption.text = "packshot"};
    struct ps_error error;
    const bool none = try_save(folder, ".mp4", &params, &error) == PS_ERR_INPUT;
    cli_examine(exam, none ? CLI_WARN : CLI_FINE, "font",
                none ? error.message : "there is DejaVu Sans for captions and contact sheets",
                none ? cli_either(error.hint, "install fonts-dejavu-core, or name a font with --caption-font")
                     : "");
}

static void examine_disk(struct cli_examination *exam)
{
    const uint64_t enough = UINT64_C(1) << 30;
    struct statvfs space;
    char finding[128], bytes[CLI_NUMBER_SIZE];
    if (statvfs(exam->folder, &space)) {
        snprintf(finding, sizeof finding, "the folder's room cannot be told: %s", strerror(errno));
        cli_examine(exam, CLI_WARN, "disk", finding, "create the folder first");
        return;
    }
    const uint64_t available = (uint64_t)space.f_bavail * space.f_frsize;
    const bool no_names = space.f_files && !space.f_favail;
    snprintf(finding, sizeof finding, "%s free in this folder%s", cli_bytes(bytes, available),
             no_names ? ", but room for no further file" : "");
    cli_examine(exam,
                !available || no_names ? CLI_FAIL
                : available < enough   ? CLI_WARN
                                       : CLI_FINE,
                "disk", finding, "free some space, or write clips to another disk");
}

/* File systems of this machine by what statfs calls them; those without a cure are as good as any. */
static const struct {
    uint64_t type;
    const char *name, *cure;
} file_systems[] = {
    {EXT4_SUPER_MAGIC, "ext4", ""},
    {XFS_SUPER_MAGIC, "xfs", ""},
    {BTRFS_SUPER_MAGIC, "btrfs", ""},
    {F2FS_SUPER_MAGIC, "f2fs", ""},
    {OVERLAYFS_SUPER_MAGIC, "overlay", ""},
    {0x2fc12fc1, "zfs", ""},
    {TMPFS_MAGIC, "tmpfs, which is memory: clips are gone after a restart", "write clips to a disk"},
    {MSDOS_SUPER_MAGIC, "FAT, whose files end at 4 GiB", "use a disk with ext4, xfs or btrfs"},
};

static void examine_file_system(struct cli_examination *exam)
{
    struct statfs about;
    char finding[128];
    if (statfs(exam->folder, &about))
        return;
    const uint64_t type = (uint64_t)about.f_type & UINT32_MAX;
    const char *cure = "";
    snprintf(finding, sizeof finding, "this folder is on a file system of type 0x%llx",
             (unsigned long long)type);
    for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++)
        if (file_systems[i].type == type) {
            snprintf(finding, sizeof finding, "this folder is on %s", file_systems[i].name);
            cure = file_systems[i].cure;
        }
    const char *unfit = ps_file_system_unfit(type);
    if (unfit) {
        snprintf(finding, sizeof finding, "this folder is on %s, where no journal of a batch can be kept",
                 unfit);
        cure = "clips may go here; name a journal on a disk of this machine with batch --journal";
    }
    cli_examine(exam, *cure ? CLI_WARN : CLI_FINE, "filesystem", finding, cure);
}

void cli_examine_output(struct cli_examination *exam)
{
    const char *folder = find_folder(exam);
    examine_folder(exam);
    examine_disk(exam);
    examine_file_system(exam);
    if (!folder) {
        cli_examine(exam, CLI_WARN, "encoder", "could not be looked for",
                    "try again where files can be written");
        return;
    }
    examine_encoders(exam, folder);
    examine_font(exam, folder);
}
