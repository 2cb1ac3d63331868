#include "cli/bases.h"

#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

struct cli_base {
    struct cli_base *next;
    char *preset; /* null for none */
    struct cli_layers layers;
    struct ps_error error; /* why they could not be read */
};

static bool is_of(const struct cli_base *base, const char *preset)
{
    return base->preset && preset ? !strcmp(base->preset, preset) : base->preset == preset;
}

static struct cli_base *add(struct cli_bases *bases, const struct cli_settings *shared, const char *preset)
{
    struct cli_base *base = calloc(1, sizeof *base);
    if (base && preset && !(base->preset = strdup(preset))) {
        free(base);
        base = NULL;
    }
    if (!base)
        return NULL;
    base->next = bases->list;
    bases->list = base;
    cli_layers_begin(&base->layers, &cli_render_command);
    cli_layers_lay(&base->layers, shared, preset, &base->error);
    return base;
}

const struct cli_layers *cli_bases_find(struct cli_bases *bases, const struct cli_settings *shared,
                                        const char *preset, struct ps_error *error)
{
    struct cli_base *base = bases->list;
    while (base && !is_of(base, preset))
        base = base->next;
    if (!base)
        base = add(bases, shared, preset);
    if (!base)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (base->error.status && !error->status)
        *error = base->error;
    return base && !base->error.status ? &base->layers : NULL;
}

void cli_bases_free(struct cli_bases *bases)
{
    while (bases->list) {
        struct cli_base *next = bases->list->next;
        cli_layers_end(&bases->list->layers);
        free(bases->list->preset);
        free(bases->list);
        bases->list = next;
    }
}
