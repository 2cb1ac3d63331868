#include "cli/pulse.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "jobs/claims.h"

/* Seconds without a sign of the work after which it is taken for stuck: the longest single step of a render on a processor
 * is some minutes. */
#define STUCK_SECONDS 600.0

struct cli_pulse {
    pthread_t thread;
    int stop[2]; /* a pipe whose closed end wakes the thread */
    int socket;  /* -1 for no manager */
    struct sockaddr_un manager;
    socklen_t manager_size;
    double watchdog; /* seconds between two signs to the manager; 0 for none */
    _Atomic(const char *) beat;
    _Atomic double alive;
};

static void send_text(const struct cli_pulse *pulse, const char *text)
{
    if (pulse->socket >= 0)
        sendto(pulse->socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
               (const struct sockaddr *)&pulse->manager, pulse->manager_size);
}

/* Sleeps; true where the pulse ends. */
static bool wait_for_stop(const struct cli_pulse *pulse, double seconds)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pulse->stop[0], &set);
    const struct timespec time = {.tv_sec = (time_t)seconds,
                                  .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))};
    return pselect(pulse->stop[0] + 1, &set, NULL, NULL, &time, NULL) > 0;
}

static void *run(void *user)
{
    struct cli_pulse *pulse = user;
    double told = 0, beaten = 0;
    const double step = pulse->watchdog > 0 && pulse->watchdog < 1 ? pulse->watchdog : 1;
    do {
        const double now = ps_seconds();
        const char *path = atomic_load(&pulse->beat);
        if (path && now - beaten >= PS_CLAIMS_BEAT) {
            utimensat(AT_FDCWD, path, NULL, 0);
            beaten = now;
        }
        const bool stuck = now - atomic_load(&pulse->alive) > STUCK_SECONDS;
        if (pulse->watchdog > 0 && !stuck && now - told >= pulse->watchdog) {
            send_text(pulse, "WATCHDOG=1");
            told = now;
        }
    } while (!wait_for_stop(pulse, step));
    return NULL;
}

/* A path, or with @ a name without a file. */
static void find_manager(struct cli_pulse *pulse)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const size_t length = name ? strlen(name) : 0;
    pulse->socket = -1;
    if (length < 2 || length >= sizeof pulse->manager.sun_path || (*name != '/' && *name != '@'))
        return;
    pulse->manager.sun_family = AF_UNIX;
    memcpy(pulse->manager.sun_path, name, length);
    if (*name == '@')
        pulse->manager.sun_path[0] = '\0';
    pulse->manager_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    pulse->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void find_watchdog(struct cli_pulse *pulse)
{
    const char *microseconds = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    if (!microseconds || pulse->socket < 0 || (process && strtoll(process, NULL, 10) != getpid()))
        return;
    /* A third of the time, so that one that is late does no harm. */
    pulse->watchdog = strtod(microseconds, NULL) * 1e-6 / 3;
}

/* Signals are the business of the thread that waits. */
static bool start(struct cli_pulse *pulse)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pipe2(pulse->stop, O_CLOEXEC) || pthread_sigmask(SIG_SETMASK, &all, &before))
        return false;
    const bool started = !pthread_create(&pulse->thread, NULL, run, pulse);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum ps_status cli_pulse_begin(struct cli_pulse **out, struct ps_error *error)
{
    struct cli_pulse *pulse = calloc(1, sizeof *pulse);
    *out = NULL;
    if (pulse) {
        find_manager(pulse);
        find_watchdog(pulse);
        atomic_init(&pulse->beat, NULL);
        atomic_init(&pulse->alive, ps_seconds());
    }
    if (!pulse || !start(pulse)) {
        free(pulse);
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "no thread for signs of life");
    }
    *out = pulse;
    return PS_OK;
}

void cli_pulse_beat(struct cli_pulse *pulse, const char *path)
{
    atomic_store(&pulse->beat, path);
}

void cli_pulse_alive(struct cli_pulse *pulse)
{
    atomic_store(&pulse->alive, ps_seconds());
}

void cli_pulse_say(struct cli_pulse *pulse, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    send_text(pulse, text);
}

void cli_pulse_end(struct cli_pulse **pulse)
{
    struct cli_pulse *old = *pulse;
    *pulse = NULL;
    if (!old)
        return;
    close(old->stop[1]);
    pthread_join(old->thread, NULL);
    close(old->stop[0]);
    if (old->socket >= 0)
        close(old->socket);
    free(old);
}
