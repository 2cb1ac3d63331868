#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void ps_log(const struct ps_log *log, enum ps_log_level level, const char *format, ...)
{
    if (!log->tell)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log->tell(log->user, level, line);
}
