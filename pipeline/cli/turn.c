#include "cli/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/stop.h"

struct cli_turn {
    int fd; /* of the locked file, which has the process' number */
};

/* The device's file in the user's runtime folder, or -1: where there is none nobody can be waited for. */
static int open_file(const struct ps_device *device)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *folder = NULL, *path = NULL;
    int fd = -1;
    /* The base directory specification has relative paths ignored. */
    if (!device->uuid[0] || !runtime || runtime[0] != '/')
        return -1;
    if (asprintf(&folder, "%s/packshot", runtime) < 0)
        return -1;
    mkdir(folder, 0700);
    if (asprintf(&path, "%s/%s.lock", folder, device->uuid) >= 0)
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    free(folder);
    return fd;
}

static void tell_holder(int fd, const struct ps_device *device, struct cli_report *report)
{
    char text[24] = "";
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    const long process = got > 0 ? strtol(text, NULL, 10) : 0;
    if (process > 0)
        cli_say(report, true, "process %ld has device %s, %s; waiting for it", process, device->selector,
                device->name);
    else
        cli_say(report, true, "another process has device %s, %s; waiting for it", device->selector,
                device->name);
}

/* False where the wait was stopped. A file system without locks holds nobody up. */
static bool wait_for(int fd, const struct ps_device *device, struct cli_report *report)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    bool told = false;
    while (flock(fd, LOCK_EX | LOCK_NB) && (errno == EWOULDBLOCK || errno == EINTR)) {
        if (cli_stop_signal())
            return false;
        if (!told)
            tell_holder(fd, device, report);
        told = true;
        nanosleep(&pause, NULL);
    }
    return true;
}

static void leave_number(int fd)
{
    char text[24];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* Without it the next one says less. */
    if (!ftruncate(fd, 0))
        (void)!pwrite(fd, text, (size_t)length, 0);
}

enum ps_status cli_turn_take(struct cli_turn **turn, const struct ps_device *device,
                             struct cli_report *report, struct ps_error *error)
{
    const int fd = open_file(device);
    *turn = NULL;
    if (fd < 0)
        return PS_OK;
    struct cli_turn *taken = malloc(sizeof *taken);
    if (!taken)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (!wait_for(fd, device, report))
        cli_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked, while another had the device");
    if (error->status) {
        free(taken);
        close(fd);
        return error->status;
    }
    leave_number(fd);
    taken->fd = fd;
    *turn = taken;
    return PS_OK;
}

void cli_turn_end(struct cli_turn **turn)
{
    if (!*turn)
        return;
    close((*turn)->fd);
    free(*turn);
    *turn = NULL;
}
