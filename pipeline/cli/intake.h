/* Some photos of a watched folder on their way to clips: tried, claimed, judged as rows of a batch, rendered, filed. */
#ifndef PS_CLI_INTAKE_H
#define PS_CLI_INTAKE_H

#include "cli/client.h"
#include "cli/judge.h"
#include "cli/watch.h"

enum {
    CLI_INTAKE = 32 /* photos at a time, so that folders, presets and signals are looked at in between */
};

/* A claimed photo. */
struct cli_taken {
    char *photo; /* seen from the watched folder */
    char *path;  /* where it is now, absolute */
    struct cli_row row;
    uint32_t side;      /* pixels of its shorter side; 0 where that is not known */
    bool judged, ended; /* the row is a job; and the photo is filed */
};

struct cli_intake {
    struct cli_watch *watch;
    struct cli_rows rows;
    struct cli_judge judge;
    struct cli_clients clients;
    struct cli_taken list[CLI_INTAKE];
    size_t count;
    uint64_t number; /* of the last row that was judged */
    uint32_t side;   /* pixels of the shorter side of the file that was tried last; 0 for not known */
};

/* Reads presets and folders' files anew. Status: PS_ERR_MEMORY. */
enum ps_status cli_intake_begin(struct cli_intake *intake, struct cli_watch *watch, struct ps_error *error);

/* Takes the file up if it is complete and its folder's settings can be used; else it is put into the state that it is in,
 * and that is told of. The inbox's in either case. Status: those of ps_claims_take. */
enum ps_status cli_intake_try(struct cli_intake *intake, const struct ps_inbox_file *file,
                              struct ps_error *error);

/* Renders what was taken and files it: in done/ and failed/, or put back where it is neither. Status: those of
 * cli_runner_run and of the journal. */
enum ps_status cli_intake_run(struct cli_intake *intake, struct ps_error *error);

void cli_intake_end(struct cli_intake *intake);

#endif
