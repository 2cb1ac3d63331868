#include "cli/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/report.h"
#include "cli/stop.h"

static const float default_seconds = 60;

/* Standard input is empty, standard output is standard error: packshot's own has results alone. Nothing else is
 * handed over. */
static int set_files(posix_spawn_file_actions_t *files)
{
    int code = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
    return code ? code : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

/* A process group of its own, so that all of it can be ended, and none of the signals that packshot ignores. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                                        POSIX_SPAWN_SETSIGMASK);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setsigmask(attributes, &none);
    return code ? code : posix_spawnattr_setpgroup(attributes, 0);
}

/* Returns 0 or an errno. */
static int start(pid_t *child, const struct cli_signer *signer, const char *path)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    /* posix_spawn takes the strings as they are and changes none. */
    char *const arguments[] = {(char *)(uintptr_t)signer->program, (char *)(uintptr_t)path,
                               (char *)(uintptr_t)signer->clip, NULL};
    int code = posix_spawn_file_actions_init(&files);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (!code) {
        code = set_files(&files);
        if (!code)
            code = set_attributes(&attributes);
        if (!code)
            code = posix_spawn(child, signer->program, &files, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return code;
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Waits for the end; ends the program where that takes too long or packshot was asked to stop. *result is the
 * status of waitpid. False where it was ended. */
static bool wait_for(pid_t child, double seconds, int *result)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const double end = now_seconds() + seconds;
    for (;;) {
        if (waitpid(child, result, WNOHANG) == child)
            return true;
        if (now_seconds() > end || cli_stop_signal())
            break;
        nanosleep(&pause, NULL);
    }
    kill(-child, SIGKILL);
    while (waitpid(child, result, 0) < 0 && errno == EINTR)
        ;
    return false;
}

enum ps_status cli_sign(void *user, const char *path, struct ps_error *error)
{
    static const char id[] = "output.sign-failed";
    const struct cli_signer *signer = user;
    const float seconds = signer->seconds > 0 ? signer->seconds : default_seconds;
    pid_t child;
    int result;
    const int code = start(&child, signer, path);
    if (code)
        return cli_fail(error, PS_ERR_OUTPUT, id, "%.300s: the signer cannot be started: %s", signer->program,
                        strerror(code));
    const bool ended = wait_for(child, (double)seconds, &result);
    if (!ended && cli_stop_signal())
        return cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked; nothing was written");
    if (!ended)
        return cli_fail(error, PS_ERR_OUTPUT, id, "%.300s: the signer took more than %g seconds",
                        signer->program, (double)seconds);
    if (WIFSIGNALED(result))
        return cli_fail(error, PS_ERR_OUTPUT, id, "%.300s: the signer was ended by signal %d",
                        signer->program, WTERMSIG(result));
    if (WEXITSTATUS(result))
        return cli_fail(error, PS_ERR_OUTPUT, id, "%.300s: the signer ended with exit status %d",
                        signer->program, WEXITSTATUS(result));
    return PS_OK;
}
