/* Where packshot.ini and presets are looked for. */
#ifndef PS_CLI_PLACES_H
#define PS_CLI_PLACES_H

#include "cli/paths.h"

/* From strong to weak. */
enum cli_place_index { CLI_PROJECT, CLI_USER, CLI_SYSTEM, CLI_SHIPPED, CLI_PLACES };

/* A variable with the folder that is looked into instead of /etc/packshot. */
#define CLI_SYSTEM_VARIABLE "PACKSHOT_SYSTEM_CONFIG"

struct cli_place {
    const char *name;
    /* Others may have written the files: they name nothing outside their own folder. */
    bool confined;
    char config[CLI_PATH_SIZE];  /* a file; empty where the place has none */
    char presets[CLI_PATH_SIZE]; /* a folder; empty likewise */
};

/* Fills all places from the environment and the program's own path. */
void cli_places_find(struct cli_place places[CLI_PLACES]);

#endif
