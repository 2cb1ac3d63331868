/* Who holds a claim: a process that can be told from every other, also from a later one with its number. */
#ifndef PS_JOBS_WORKER_H
#define PS_JOBS_WORKER_H

#include "base/error.h"

struct ps_worker {
    char host[65];  /* for people */
    char boot[40];  /* the kernel's boot id: another one means that the machine was started again */
    uint64_t space; /* inode of the namespace that `pid` counts in */
    int64_t pid;
    uint64_t start; /* of the process, in clock ticks after the boot; 0 where the system does not tell */
};

/* The calling process. */
struct ps_worker ps_worker_self(void);

/* Whether the process certainly does not run any more. A journal lies on a disk of one machine, so a worker of another boot
 * is gone; one in another namespace of processes cannot be judged and counts as there. */
bool ps_worker_is_gone(const struct ps_worker *worker, const struct ps_worker *self);

#endif
