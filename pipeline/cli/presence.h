/* What a watcher lets `packshot status` know while it lives: a small file beside its journal, JOURNAL.watch-PID, that it keeps
 * locked. One that is not locked was left by a watcher that is gone. */
#ifndef PS_CLI_PRESENCE_H
#define PS_CLI_PRESENCE_H

#include "cli/paths.h"
#include "cli/report.h"

struct cli_presence {
    int fd; /* -1 for none */
    char path[CLI_PATH_SIZE];
};

/* Makes the file, and removes those of watchers that are gone. Without one nothing is told. */
void cli_presence_begin(struct cli_presence *presence, const char *journal);

/* Replaces what the file says; takes the reference over. */
void cli_presence_write(struct cli_presence *presence, json_t *about);

void cli_presence_end(struct cli_presence *presence);

/* Calls `visit` with what each living watcher of the journal says. */
void cli_presence_each(const char *journal, void (*visit)(void *user, const json_t *about), void *user);

#endif
