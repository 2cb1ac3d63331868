/* Whether one row of a manifest can be a job, and which. */
#ifndef PS_CLI_JUDGE_H
#define PS_CLI_JUDGE_H

#include "cli/bases.h"
#include "cli/delivery.h"
#include "cli/rows.h"
#include "jobs/naming.h"
#include "jobs/outputs.h"

/* What rows are judged by. Zeroed but for `rows`. */
struct cli_judge {
    struct cli_rows *rows;
    struct cli_bases bases;
    struct ps_naming *naming; /* null for the default names */
    struct ps_outputs *outputs;
    int version;                     /* above 1: of a name that is taken; marks the poster */
    struct ps_naming *poster;        /* of posters, as the command line says; null for none */
    struct ps_render_params planned; /* what `plan` is of, but for the seed */
    uint32_t candidates, draft;      /* likewise */
    struct ps_plan plan;
    char *logo, *end_card; /* pictures that could be loaded last; null for none */
};

/* Judges a row. What is wrong with it is complained of at the manifest; else *made is the job, to be freed with
 * cli_row_free, or has no photo where it is one of another shard. Status: PS_ERR_MEMORY, and what is wrong with every row
 * alike. */
enum ps_status cli_judge_row(struct cli_judge *judge, const struct ps_manifest_row *row, struct cli_row *made,
                             struct ps_error *error);

void cli_row_free(struct cli_row *row);
void cli_judge_end(struct cli_judge *judge);

#endif
