#include "cli/repeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/record.h"

/* Sections of a sidecar that a repeated render takes into account, or may leave aside: the quality of the clip of
 * then is measured again, and the job of a batch has been done. One that is not known may change the clip. */
static const char *const known_sections[] = {"options", "quality", "latents", "job"};

static enum ps_status check_sections(const struct ps_sidecar *sidecar, const char *path,
                                     struct ps_error *error)
{
    const char *name;
    for (size_t i = 0; (name = ps_sidecar_section_name(sidecar, i)); i++) {
        bool known = false;
        for (size_t j = 0; j < sizeof known_sections / sizeof *known_sections; j++)
            known = known || !strcmp(known_sections[j], name);
        if (!known)
            return cli_fail(error, PS_ERR_INPUT, "sidecar.value", "%.300s: %.100s: is unknown to packshot %s",
                            path, name, ps_version());
    }
    return PS_OK;
}

enum ps_status cli_repeat_lay(struct ps_sidecar **sidecar, const char *path, struct cli_settings *settings,
                              struct ps_error *error)
{
    if (ps_sidecar_open(sidecar, path, error) || check_sections(*sidecar, path, error))
        return error->status;
    return cli_record_lay(settings, *sidecar, path, error);
}

/* A file of that name beside the sidecar if it is there, else in the current folder. A name from a sidecar has
 * no folders. Null when out of memory. */
static char *place(const char *sidecar, const char *name, bool must_exist)
{
    const char *slash = strrchr(sidecar, '/');
    char *path = NULL;
    if (slash && asprintf(&path, "%.*s%s", (int)(slash + 1 - sidecar), sidecar, name) < 0)
        return NULL;
    if (path && (!must_exist || !access(path, F_OK)))
        return path;
    free(path);
    return strdup(name);
}

static bool is_component(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

/* Sets *to where it is null. */
static enum ps_status complete(const char **to, char **owned, const char *sidecar, const char *name,
                               const char *what, struct ps_error *error)
{
    if (*to)
        return PS_OK;
    if (!is_component(name))
        return cli_fail(error, PS_ERR_USAGE, "usage.argument",
                        "%.300s names no %s, so the command line must; see packshot help render", sidecar,
                        what);
    *owned = place(sidecar, name, strcmp(what, "clip") != 0);
    *to = *owned;
    return *owned ? PS_OK : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

enum ps_status cli_repeat_names(struct cli_names *names, struct cli_request *request,
                                const struct ps_sidecar *sidecar, struct ps_error *error)
{
    const char *from = request->from;
    if (!sidecar)
        return PS_OK;
    if (complete(&request->photo, &names->photo, from, ps_sidecar_photo(sidecar), "photo", error) ||
        complete(&request->model, &names->model, from, ps_sidecar_model(sidecar), "checkpoint", error))
        return error->status;
    /* The model that comes with packshot is neither here nor there; its hash tells whether it is the one. */
    if (names->model && access(names->model, F_OK))
        request->model = NULL;
    return complete(&request->output, &names->output, from, ps_sidecar_output(sidecar), "clip", error);
}

enum ps_status cli_repeat_latents(struct cli_names *names, const struct cli_request *request,
                                  const struct cli_settings *settings, struct ps_sidecar *sidecar,
                                  struct cli_report *report, struct ps_error *error)
{
    const char *text = sidecar ? ps_sidecar_section(sidecar, "latents") : NULL;
    const char *changed = text ? cli_record_changed(settings, request->from) : NULL;
    json_t *section = text ? json_loads(text, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(section, "name"));
    const char *expected = json_string_value(json_object_get(section, "sha256"));
    char found[65];
    if (text && (!name || !expected || !is_component(name)))
        cli_fail(error, PS_ERR_INPUT, "sidecar.value",
                 "%.300s: latents: expected an object of name, sha256 and steps", request->from);
    else if (changed)
        cli_say(report, true, "--%s is not as it was, so this render begins at its beginning", changed);
    else if (text && !(names->latents = place(request->from, name, true)))
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (text && access(names->latents, F_OK)) {
        cli_say(report, true, "%s is gone, so this render begins at its beginning", name);
        free(names->latents);
        names->latents = NULL;
    } else if (text && !ps_file_hash(found, names->latents, error) && strcmp(found, expected) != 0)
        cli_fail(error, PS_ERR_INPUT, "sidecar.differs",
                 "%.300s: %.200s are not the latents of then: SHA-256 %s; expected %.64s", request->from,
                 name, found, expected);
    json_decref(section);
    return error->status;
}

void cli_names_free(struct cli_names *names)
{
    free(names->photo);
    free(names->model);
    free(names->output);
    free(names->latents);
}
