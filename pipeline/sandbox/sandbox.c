#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "sandbox/layers.h"

/* The child's account of itself, in a mapping of its own. */
struct account {
    volatile uint32_t layers;
    volatile uint32_t done;
};

/* What the child needs to know of its parent. */
struct origin {
    pid_t parent;
    uint64_t address_space; /* limit of the child, or 0 where it is not known what is mapped */
};

static void *map_shared(size_t size)
{
    void *mapped =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* What this process has mapped plus `more`; 0 where the kernel does not say. The limit on address space counts what a
 * child inherits, such as a driver's mappings. */
static uint64_t mapped_plus(uint64_t more)
{
    char text[32] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    uint64_t bytes = 0;
    if (got <= 0 || !ps_mul_u64(strtoull(text, NULL, 10), (uint64_t)sysconf(_SC_PAGESIZE), &bytes) ||
        !bytes || !ps_add_u64(bytes, more, &bytes))
        return 0;
    return bytes;
}

/* ---- in the child ---- */

/* The caller's handlers are not for this process. What a terminal or a service manager sends to the whole group is the
 * caller's to answer. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t all;
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &action, NULL);
    action.sa_handler = SIG_IGN;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        sigaction(ignored[i], &action, NULL);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static void close_descriptors(void)
{
    enum { COMMON = 65536 };
    /* Sanitizers report on standard error. */
    const unsigned first = PS_SANITIZED ? 3 : 0;
    if (!close_range(first, ~0U, 0))
        return;
    for (unsigned fd = first; fd < COMMON; fd++)
        close((int)fd);
}

/* False where the parent has died already. */
static bool enter(struct account *account, const struct ps_sandbox_job *job, const struct origin *origin)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != origin->parent)
        return false;
    prctl(PR_SET_NAME, "packshot-decode");
    reset_signals();
    alarm(job->seconds);
    close_descriptors();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* Landlock needs a descriptor, so it comes before the limits; the filter would refuse the others. */
    uint32_t layers = ps_sandbox_landlock() ? PS_LAYER_LANDLOCK : 0;
    layers |= ps_sandbox_limits(origin->address_space, job->seconds) ? PS_LAYER_LIMITS : 0;
    layers |= ps_sandbox_filter() ? PS_LAYER_FILTER : 0;
    account->layers = layers;
    return !job->strict || layers == PS_LAYERS_ALL;
}

/* Ends with a bare system call: no handler of the caller's is run and nothing of its buffers is written. */
static void run_child(struct account *account, void *shared, const struct ps_sandbox_job *job,
                      const struct origin *origin)
{
    if (enter(account, job, origin)) {
        job->body(shared, job->user);
        account->done = 1;
    }
    for (;;)
        syscall(SYS_exit_group, 0);
}

/* ---- in the parent ---- */

static enum ps_status fail_strict(struct ps_error *error, unsigned layers)
{
    ps_fail(error, PS_ERR_DEVICE, "sandbox.unavailable",
            "the decoder's process cannot be shut in as asked; this kernel lacks:%s%s%s",
            layers & PS_LAYER_LIMITS ? "" : " resource limits", layers & PS_LAYER_FILTER ? "" : " seccomp",
            layers & PS_LAYER_LANDLOCK ? "" : " Landlock");
    ps_hint(error, "use --sandbox auto, or a kernel and container that allow it");
    return PS_ERR_DEVICE;
}

static void wait_for(pid_t child, struct ps_sandbox_end *end)
{
    int state = 0;
    pid_t waited;
    do
        waited = waitpid(child, &state, 0);
    while (waited < 0 && errno == EINTR);
    if (waited != child || !WIFSIGNALED(state))
        return;
    const int signal = WTERMSIG(state);
    end->timed_out = signal == SIGALRM || signal == SIGXCPU;
    end->signal = end->timed_out ? 0 : signal;
}

static enum ps_status fail_memory(struct ps_error *error, const char *what)
{
    ps_fail(error, PS_ERR_MEMORY, "memory.host", "no %s for the decoder: %s", what, strerror(errno));
    ps_hint(error, "free some memory or processes; --sandbox off decodes without a process of its own");
    return PS_ERR_MEMORY;
}

enum ps_status ps_sandbox_run(struct ps_sandbox_end *end, const struct ps_sandbox_job *job,
                              struct ps_error *error)
{
    *end =
        (struct ps_sandbox_end){.shared = map_shared(job->shared_bytes), .shared_bytes = job->shared_bytes};
    struct account *account = map_shared(sizeof *account);
    enum ps_status status = PS_OK;
    if (!end->shared || !account) {
        status = fail_memory(error, "memory");
    } else {
        const struct origin origin = {getpid(), mapped_plus(job->memory_bytes)};
        const pid_t child = fork();
        if (child == 0)
            run_child(account, end->shared, job, &origin);
        if (child > 0)
            wait_for(child, end);
        else
            status = fail_memory(error, "process");
        end->done = account->done;
        end->layers = account->layers;
        if (!status && !end->done && job->strict && end->layers != PS_LAYERS_ALL && !end->signal &&
            !end->timed_out)
            status = fail_strict(error, end->layers);
    }
    if (account)
        munmap(account, sizeof *account);
    if (status)
        ps_sandbox_free(end);
    return status;
}

void ps_sandbox_free(struct ps_sandbox_end *end)
{
    if (end->shared)
        munmap(end->shared, end->shared_bytes);
    *end = (struct ps_sandbox_end){0};
}

static void do_nothing(void *shared, const void *user)
{
    (void)shared, (void)user;
}

enum ps_status ps_sandbox_check(struct ps_sandbox_info *info, struct ps_error *error)
{
    const struct ps_sandbox_job job = {
        .body = do_nothing, .shared_bytes = 1, .memory_bytes = UINT64_C(64) << 20, .seconds = 30};
    struct ps_sandbox_end end;
    *info = (struct ps_sandbox_info){0};
    const enum ps_status status = ps_sandbox_run(&end, &job, error);
    if (status)
        return status;
    *info = (struct ps_sandbox_info){.limits = end.layers & PS_LAYER_LIMITS,
                                     .seccomp = end.layers & PS_LAYER_FILTER,
                                     .landlock = end.layers & PS_LAYER_LANDLOCK};
    ps_sandbox_free(&end);
    return PS_OK;
}
