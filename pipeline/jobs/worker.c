#include "jobs/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The field of /proc/PID/stat that holds the start time, counted from the one behind the name, and its state. */
enum { FIELDS_TO_START = 20 };

/* Reads the state letter and the start time of a process; false where there is nothing to read. */
static bool read_process(int64_t pid, char *state, uint64_t *start)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    /* The name may hold anything, brackets too: what counts is behind the last one. */
    const char *at = strrchr(text, ')');
    if (!at || !at[1] || !at[2])
        return false;
    *state = at[2];
    at += 2;
    for (int field = 1; field < FIELDS_TO_START && at; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return false;
    *start = strtoull(at, NULL, 10);
    return true;
}

struct ps_worker ps_worker_self(void)
{
    struct ps_worker self = {.pid = getpid()};
    struct stat space;
    char state;
    if (gethostname(self.host, sizeof self.host - 1))
        snprintf(self.host, sizeof self.host, "localhost");
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file && fgets(self.boot, sizeof self.boot, file))
        self.boot[strcspn(self.boot, "\n")] = '\0';
    if (file)
        fclose(file);
    if (!stat("/proc/self/ns/pid", &space))
        self.space = space.st_ino;
    if (!read_process(self.pid, &state, &self.start))
        self.start = 0;
    return self;
}

bool ps_worker_is_gone(const struct ps_worker *worker, const struct ps_worker *self)
{
    char state;
    uint64_t start;
    if (strcmp(worker->boot, self->boot) != 0)
        return true;
    if (worker->space != self->space)
        return false;
    if (kill((pid_t)worker->pid, 0) && errno == ESRCH)
        return true;
    /* Where /proc hides the processes of others, the number alone has to do. */
    if (!read_process(worker->pid, &state, &start))
        return false;
    return state == 'Z' || state == 'X' || (worker->start && start != worker->start);
}
