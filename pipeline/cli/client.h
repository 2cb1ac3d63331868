/* What the folders within a watched one say about their photos: folders may belong to clients, or stand for presets.
 *
 * A file packshot.ini in a folder has options in [render], as a preset has, and in [folder] the name of a preset, and
 * min-size and hours as watch has them; inner folders are stronger than those around them. Where none names a preset, a
 * folder that is called like one does. */
#ifndef PS_CLI_CLIENT_H
#define PS_CLI_CLIENT_H

#include "cli/bases.h"
#include "jobs/manifest.h"
#include "jobs/walk.h"

struct cli_client {
    struct cli_client *next;
    char *folder;       /* seen from the watched one; empty for that itself */
    const char *preset; /* null for none */
    uint32_t min_size;  /* pixels; 0 for what the command line says */
    struct cli_hours hours;
    struct cli_settings settings;
    struct ps_ini *files[PS_WALK_DEPTH + 2];
    size_t file_count;
    struct ps_manifest_cell cells[CLI_MAX_OPTIONS]; /* what is set, as a row of a manifest has it */
    size_t cell_count;
    struct ps_error error; /* why its photos cannot be rendered */
};

/* Those of one time: files are read once. */
struct cli_clients {
    const char *root;                  /* the watched folder */
    const char *preset;                /* of folders that have none; null for none */
    const struct cli_settings *shared; /* the command line without a preset */
    struct cli_bases *bases;
    struct cli_client *list;
};

/* What applies to the photos of a folder; null where memory is short. Whether that can be used its error says. */
const struct cli_client *cli_clients_find(struct cli_clients *clients, const char *folder);

void cli_clients_free(struct cli_clients *clients);

#endif
