#include "cli/commands.h"
#include "cli/layers.h"
#include "cli/store.h"
#include "cli/watch.h"

const char *const cli_watch_keys[] = {"hours",   "min-size",    "quiet-time", "poll",
                                      "give-up", "retry-delay", NULL};

/* Stores what the strongest file has of an option that the command line does not set. */
static void take(struct cli_watch *watch, const struct cli_layers *layers, const struct cli_option *option)
{
    const struct ps_ini_entry *entry = NULL;
    for (size_t i = 0; i < CLI_PLACES && !entry; i++)
        entry = layers->configs[i] ? ps_ini_find(layers->configs[i], "watch", option->name) : NULL;
    if (entry && !cli_settings_of(&watch->arguments, option)->text)
        cli_store(option, entry->value, &watch->request);
}

enum ps_status cli_watch_configure(struct cli_watch *watch, struct ps_error *error)
{
    struct cli_layers layers;
    cli_layers_begin(&layers, &cli_render_command);
    if (!cli_layers_read_configs(&layers, error))
        for (size_t i = 0; i < CLI_PLACES && !error->status; i++)
            if (layers.configs[i])
                cli_fail_file(layers.configs[i], "packshot config", error);
    for (size_t i = 0; cli_watch_keys[i] && !error->status; i++)
        take(watch, &layers, cli_settings_find(&watch->arguments, cli_watch_keys[i]));
    cli_layers_end(&layers);
    return error->status;
}
