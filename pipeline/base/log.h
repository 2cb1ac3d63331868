/* Words for whoever uses the library; it prints none itself. */
#ifndef PS_BASE_LOG_H
#define PS_BASE_LOG_H

#include "base/error.h"

/* Where lines go. */
struct ps_log {
    void (*tell)(void *user, enum ps_log_level level, const char *line); /* null is silence */
    void *user;
};

/* Tells one line, without a line end; what is longer than 1023 bytes is cut. */
void ps_log(const struct ps_log *log, enum ps_log_level level, const char *format, ...) PS_PRINTF(3, 4);

#endif
