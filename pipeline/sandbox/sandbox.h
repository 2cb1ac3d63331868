/* Runs work on untrusted bytes in a child process that can do nothing but compute: it holds no descriptor, sees no file
 * or host, and cannot start or signal a process. What it may damage is its own copy of the memory and the shared bytes.
 *
 * The child is forked and not executed, so the library needs no second program beside it. The caller may have threads:
 * glibc keeps malloc usable in a child of such a process, and what runs here uses no other lock that a thread of the
 * caller could have held. A copy of the caller's memory is in the child; it can be read there, but has no way out except
 * through the shared bytes, which the caller must therefore distrust. */
#ifndef PS_SANDBOX_SANDBOX_H
#define PS_SANDBOX_SANDBOX_H

#include <stddef.h>

#include "base/error.h"

/* What shuts the child in, beside being a process of its own. */
enum ps_sandbox_layer {
    PS_LAYER_LIMITS = 1,  /* limits on memory, time, files and processes */
    PS_LAYER_FILTER = 2,  /* seccomp: system calls other than a handful are refused */
    PS_LAYER_LANDLOCK = 4 /* the kernel refuses every file and TCP port */
};

enum { PS_LAYERS_ALL = PS_LAYER_LIMITS | PS_LAYER_FILTER | PS_LAYER_LANDLOCK };

struct ps_sandbox_job {
    /* Runs in the child. `shared` is zeroed and seen by both; all else that the body writes is lost. It must not
     * leave by a jump. */
    void (*body)(void *shared, const void *user);
    const void *user;
    size_t shared_bytes;   /* address space alone until it is written */
    uint64_t memory_bytes; /* that the child may map beyond what the caller has mapped */
    unsigned seconds;      /* of processor time, and of clock time, until it is killed */
    bool strict;           /* fail unless every layer holds */
};

/* How a child ended. */
struct ps_sandbox_end {
    bool done;       /* the body returned */
    bool timed_out;  /* it was killed for its time */
    int signal;      /* that killed it otherwise; 0 for none */
    unsigned layers; /* enum ps_sandbox_layer that held */
    void *shared;    /* what the body wrote, whether it is done or not; free with ps_sandbox_free */
    size_t shared_bytes;
};

/* Runs a body and waits for its end; no process is left behind, not even where the caller dies. A host that ignores
 * SIGCHLD or waits for any child may take the ending away: then only `done` is known. Status: PS_ERR_DEVICE
 * "sandbox.unavailable" where `strict` cannot be kept, PS_ERR_MEMORY where there can be no child; `end` is then empty. */
enum ps_status ps_sandbox_run(struct ps_sandbox_end *end, const struct ps_sandbox_job *job,
                              struct ps_error *error);

void ps_sandbox_free(struct ps_sandbox_end *end);

#endif
