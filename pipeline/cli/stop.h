/* Interrupts: the first asks the work to stop where it can leave nothing half done, the second ends the
 * program. */
#ifndef PS_CLI_STOP_H
#define PS_CLI_STOP_H

#include <stdbool.h>

/* Once, before the work: SIGINT, SIGTERM and SIGHUP ask to stop, unless the caller has them ignored. With
 * `quiet` nothing is said about it. */
void cli_stop_begin(bool quiet);

/* The signal that asked to stop, or 0. */
int cli_stop_signal(void);

#endif
