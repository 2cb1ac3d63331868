/* One packshot at a time on a GPU: two that plan for the same memory would both fail, or crawl. */
#ifndef PS_CLI_TURN_H
#define PS_CLI_TURN_H

#include "cli/report.h"

/* A turn, held until cli_turn_end or the process' end; null for none. */
struct cli_turn;

/* Waits until no other process of this user has the device, says so if that takes any time, and holds the turn from then
 * on. There is none to wait for without a device of that kind (no UUID) or without $XDG_RUNTIME_DIR. Status:
 * PS_ERR_CANCELLED for a signal that asks to stop, PS_ERR_MEMORY. */
enum ps_status cli_turn_take(struct cli_turn **turn, const struct ps_device *device,
                             struct cli_report *report, struct ps_error *error);
void cli_turn_end(struct cli_turn **turn);

#endif
