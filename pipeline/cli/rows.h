/* The rows of a manifest as jobs: every one judged before anything is rendered, and all that is wrong told at once. */
#ifndef PS_CLI_ROWS_H
#define PS_CLI_ROWS_H

#include "cli/batch.h"
#include "cli/engine.h"
#include "cli/settings.h"
#include "jobs/journal.h"
#include "jobs/manifest.h"

/* A row that can be a job. */
struct cli_row {
    uint64_t row;
    int32_t priority;
    char *photo, *output; /* absolute paths; no output where it is ignored */
    char *settings;       /* cli_snapshot_make; null where it is ignored */
    char *ignored;        /* why it is no job; null for a job */
    char key[65];
    bool anew;             /* its clip is gone though the journal has it as done */
    json_t *clips;         /* of a dry run: the paths of all clips; else null */
    uint64_t flops, bytes; /* of the render, and about so many of the files */
};

struct cli_rows {
    /* What is given. */
    const struct cli_batch_request *request;
    const struct cli_settings *shared; /* the command line, of cli_request_options */
    struct cli_engine *engine;         /* open, and its model identified */
    struct ps_journal *journal;        /* to look into; null where there is none yet */
    const char *out;                   /* absolute path of the folder of outputs */
    struct cli_report *report;
    /* What is made. */
    char *root; /* absolute path */
    struct ps_manifest *manifest;
    struct cli_row *list;    /* those of the shard */
    size_t count, elsewhere; /* in the list, and of other shards */
};

/* Reads and judges the whole manifest. Where something is wrong with it, tells all of it and fails. Status: PS_ERR_INPUT
 * "manifest.problems"; those of ps_manifest_open, ps_naming_new and cli_layers_lay; PS_ERR_CANCELLED. */
enum ps_status cli_rows_read(struct cli_rows *rows, struct ps_error *error);

void cli_rows_free(struct cli_rows *rows);

#endif
