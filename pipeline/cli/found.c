#include "cli/found.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"

json_t *cli_found_section(const char *key)
{
    return json_pack("{s:s}", "key", key);
}

static bool is_there(const char *path)
{
    struct stat about;
    return path && !lstat(path, &about);
}

static bool is_folder(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

/* A member of an object that a sidecar has as text. */
static bool has_text(struct ps_sidecar *sidecar, const char *section, const char *member,
                     const char *expected)
{
    const char *text = ps_sidecar_section(sidecar, section);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    const char *found = json_string_value(json_object_get(object, member));
    const bool same = found && (!expected || !strcmp(found, expected));
    json_decref(object);
    return same;
}

/* A folder has its name before its sidecar has, as a file does, but no hash of one file. */
static bool is_of_sidecar(const char *clip, struct ps_sidecar *sidecar)
{
    char hash[65];
    if (is_folder(clip))
        return true;
    return !ps_file_hash(hash, clip, NULL) && has_text(sidecar, "output", "sha256", hash);
}

static enum cli_found find_recorded(const struct cli_target *target, const char *key)
{
    struct ps_sidecar *sidecar = NULL;
    enum cli_found found = CLI_FOUND_FOREIGN;
    if (!ps_sidecar_open(&sidecar, target->sidecar, NULL) && is_of_sidecar(target->clip, sidecar)) {
        if (has_text(sidecar, "job", "key", key))
            found = target->poster && !is_there(target->poster) ? CLI_FOUND_PART : CLI_FOUND_WHOLE;
        else if (has_text(sidecar, "job", "key", NULL))
            found = CLI_FOUND_OTHER;
    }
    ps_sidecar_close(&sidecar);
    return found;
}

/* A sidecar whose clip was removed. */
static enum cli_found find_widow(const struct cli_target *target, const char *key)
{
    struct ps_sidecar *sidecar = NULL;
    const bool ours =
        !ps_sidecar_open(&sidecar, target->sidecar, NULL) && has_text(sidecar, "job", "key", key);
    ps_sidecar_close(&sidecar);
    return ours ? CLI_FOUND_PART : CLI_FOUND_FOREIGN;
}

static enum cli_found find_bare(const struct cli_target *target)
{
    struct ps_clip_report report;
    if (ps_verify_clip(&report, target->clip, NULL, NULL) || !report.labelled ||
        strncmp(report.creator, "packshot ", strlen("packshot ")) != 0)
        return CLI_FOUND_FOREIGN;
    return CLI_FOUND_BARE;
}

static enum cli_found find_target(const struct cli_target *target, const char *key)
{
    const bool clip = is_there(target->clip), sidecar = is_there(target->sidecar);
    if (clip && sidecar)
        return find_recorded(target, key);
    if (clip)
        return find_bare(target);
    return sidecar ? find_widow(target, key) : CLI_FOUND_NOTHING;
}

/* Sheet and page are written last, so a kill may leave every clip and not them. */
static bool has_overview(const struct cli_delivery *delivery)
{
    return (!delivery->sheet || is_there(delivery->sheet)) && (!delivery->page || is_there(delivery->page));
}

enum cli_found cli_find(const struct cli_delivery *delivery, const char *key)
{
    enum cli_found worst = CLI_FOUND_NOTHING;
    uint32_t whole = 0;
    for (uint32_t i = 0; i < delivery->count; i++) {
        const enum cli_found found = find_target(&delivery->targets[i], key);
        whole += found == CLI_FOUND_WHOLE;
        worst = found > worst ? found : worst;
    }
    return worst == CLI_FOUND_WHOLE && (whole < delivery->count || !has_overview(delivery)) ? CLI_FOUND_PART
                                                                                            : worst;
}

bool cli_may_replace(enum cli_found found, bool overwrite, bool forced, bool cut_off)
{
    switch (found) {
    case CLI_FOUND_NOTHING:
    case CLI_FOUND_WHOLE:
    case CLI_FOUND_PART:
        return true;
    case CLI_FOUND_BARE:
        return overwrite || forced || cut_off;
    case CLI_FOUND_OTHER:
        return overwrite || forced;
    case CLI_FOUND_FOREIGN:
        return overwrite;
    }
    return false;
}

unsigned cli_found_sweep(const struct cli_delivery *delivery, bool certain)
{
    unsigned removed = 0;
    for (uint32_t i = 0; i < delivery->count; i++) {
        const struct cli_target *target = &delivery->targets[i];
        const char *const paths[] = {target->clip, target->poster, target->sidecar};
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++)
            removed += paths[k] ? ps_output_sweep(paths[k], certain) : 0;
    }
    removed += delivery->sheet ? ps_output_sweep(delivery->sheet, certain) : 0;
    removed += delivery->page ? ps_output_sweep(delivery->page, certain) : 0;
    return removed;
}
