#include "cli/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* The signal comes to whichever thread, and others read it. */
static atomic_int stop_signal, stop_quiet;

static void on_signal(int number)
{
    static const char said[] = "\npackshot: stopping after this step; once more stops at once\n";
    const int code = errno;
    stop_signal = number;
    if (!stop_quiet && write(STDERR_FILENO, said, sizeof said - 1) < 0)
        stop_quiet = 1;
    errno = code;
}

void cli_stop_begin(bool quiet)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    stop_quiet = quiet;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) || action.sa_handler == SIG_IGN)
            continue;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        /* Back to the default at the first, so that the second ends the program. */
        action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}

int cli_stop_signal(void)
{
    return stop_signal;
}
