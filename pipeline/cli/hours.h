/* A time of day in which something may be done, by the clock of this machine. */
#ifndef PS_CLI_HOURS_H
#define PS_CLI_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* From the first minute, the last not included; over midnight where the first is the larger. Both 0: at any time. */
struct cli_hours {
    uint16_t from, to; /* minutes since midnight */
};

/* "19:00-07:00": two different times of day. */
bool cli_hours_read(const char *text, struct cli_hours *hours);

/* Whether the moment is within. */
bool cli_hours_have(const struct cli_hours *hours, time_t now);

/* "outside of its hours 19:00-07:00; goes on at 19:00". */
void cli_hours_say(char *to, size_t size, const struct cli_hours *hours);

/* When that changes the next time. */
time_t cli_hours_turn(const struct cli_hours *hours, time_t now);

#endif
