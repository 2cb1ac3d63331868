/* What renders that nobody goes on with have left beside a journal. */
#ifndef PS_CLI_LEFTOVERS_H
#define PS_CLI_LEFTOVERS_H

#include "jobs/journal.h"

/* The path of the file that a job's render keeps its state in, to be freed; null when out of memory. */
char *cli_state_path(const char *folder, const char *key);

/* Removes states and their temporaries that are of no waiting or running job: those of jobs that were cancelled while no
 * worker had them, or have another key since. Only in a folder ".packshot", which is one journal's alone. */
void cli_states_sweep(struct ps_journal *journal, const char *folder);

#endif
