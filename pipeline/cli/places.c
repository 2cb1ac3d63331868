#include "cli/places.h"

#include <stdlib.h>

/* The folder packshot of the XDG base directory for configuration. The specification has relative paths
 * ignored. */
static bool find_user_folder(char to[CLI_PATH_SIZE])
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (base && *base == '/')
        return cli_path_join(to, base, "packshot");
    return home && *home == '/' && cli_path_join(to, home, ".config/packshot");
}

/* In the source tree where the program lies in its build folder, else in the share folder; as the default model
 * is. */
static void find_shipped(char to[CLI_PATH_SIZE])
{
    char program[CLI_PATH_SIZE], cache[CLI_PATH_SIZE];
    if (cli_path_program(program)) {
        if (cli_path_resolve(cache, program, "CMakeCache.txt") &&
            cli_path_resolve(to, program, CLI_SOURCE "/presets"))
            return;
        if (cli_path_resolve(to, program, CLI_SHARE "/presets"))
            return;
    }
    to[0] = '\0';
}

void cli_places_find(struct cli_place places[CLI_PLACES])
{
    static const char *const names[] = {"project", "user", "system", "shipped"};
    for (size_t i = 0; i < CLI_PLACES; i++) {
        places[i].name = names[i];
        places[i].confined = i == CLI_PROJECT;
        places[i].config[0] = '\0';
        places[i].presets[0] = '\0';
    }
    cli_path_join(places[CLI_PROJECT].config, "", "packshot.ini");
    cli_path_join(places[CLI_PROJECT].presets, "", "packshot-presets");
    char folder[CLI_PATH_SIZE];
    if (find_user_folder(folder)) {
        cli_path_join(places[CLI_USER].config, folder, "packshot.ini");
        cli_path_join(places[CLI_USER].presets, folder, "presets");
    }
    const char *instead = getenv(CLI_SYSTEM_VARIABLE);
    const char *system = instead && *instead ? instead : "/etc/packshot";
    cli_path_join(places[CLI_SYSTEM].config, system, "packshot.ini");
    cli_path_join(places[CLI_SYSTEM].presets, system, "presets");
    find_shipped(places[CLI_SHIPPED].presets);
}
