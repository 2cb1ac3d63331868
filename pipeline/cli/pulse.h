/* Signs of life of a service, from a thread that does nothing else: to the service manager, and to the other watchers of a
 * folder. The thread takes no lock and no memory, so that whoever forks beside it (sandbox/sandbox.h) leaves nothing locked
 * in the child. */
#ifndef PS_CLI_PULSE_H
#define PS_CLI_PULSE_H

#include "cli/report.h"

struct cli_pulse;

/* Takes the manager's socket from the environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID as sd_notify and
 * sd_watchdog_enabled have them) and begins. Status: PS_ERR_MEMORY. */
enum ps_status cli_pulse_begin(struct cli_pulse **pulse, struct ps_error *error);

/* The file whose time is set every few seconds, null for none; it must stay valid until the next call or the end. */
void cli_pulse_beat(struct cli_pulse *pulse, const char *path);

/* Says that the work goes on. Where it has not for ten minutes the manager is told nothing more, so that it starts the
 * service again. */
void cli_pulse_alive(struct cli_pulse *pulse);

/* Sends lines such as "READY=1\nSTATUS=waiting" to the manager, if there is one. */
void cli_pulse_say(struct cli_pulse *pulse, const char *format, ...) CLI_PRINTF(2, 3);

void cli_pulse_end(struct cli_pulse **pulse);

#endif
