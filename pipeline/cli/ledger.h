/* What the commands about a journal have in common: finding it, and going on with it. */
#ifndef PS_CLI_LEDGER_H
#define PS_CLI_LEDGER_H

#include "cli/paths.h"
#include "cli/runner.h"

/* "FOLDER/.packshot/journal.sqlite". False where it does not fit. */
bool cli_ledger_place(char to[CLI_PATH_SIZE], const char *folder);

/* Opens the journal that PATH names: itself, or in a folder that clips went to. `path` gets its path. Status: those of
 * ps_journal_open. */
enum ps_status cli_ledger_open(struct ps_journal **journal, char path[CLI_PATH_SIZE], const char *named,
                               bool read_only, struct ps_error *error);

/* Seconds that a job rests after its first transient failure: `asked`, or where that is 0 the default. */
double cli_ledger_backoff(float asked);

/* What is to be run. */
struct cli_ledger_run {
    struct ps_journal *journal;
    const char *path; /* of the journal, for messages */
    struct ps_claim_params claim;
    float retry_delay; /* seconds, 0 for the default */
    const char *out;   /* folder of the clips; null for that of the latest batch */
    const char
        *states; /* folder for the states of renders; null for that of the latest batch, or the journal's */
    struct cli_engine *engine; /* opened if it has to be */
    struct cli_report *report;
    bool fail_if_empty;
    bool sole; /* see cli_runner.sole */
};

/* What a batch keeps in the journal for whoever goes on with it: the folders of its clips and of the states of its renders,
 * which may be null. Null when out of memory; to be freed. */
char *cli_ledger_settings(const char *out, const char *states);

/* Gives back what dead workers held, tells what is there, renders what waits, and tells what there is then. Status: those of
 * cli_runner_run, where one that was stopped says how to go on; CLI_SOME_FAILED, CLI_NOTHING_TO_DO. */
enum ps_status cli_ledger_run(const struct cli_ledger_run *run, struct ps_error *error);

/* Makes of a stop by a signal what schedulers start again for, PS_ERR_TRY_AGAIN; leaves every other error as it is. */
void cli_ledger_requeue(struct ps_error *error);

#endif
