/* What a shut-in child can and cannot do, how it ends, and that nothing of it is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/layers.h"
#include "sandbox/sandbox.h"

#define MEGABYTE (UINT64_C(1) << 20)

static struct ps_sandbox_end run(void (*body)(void *, const void *), const void *user, unsigned seconds)
{
    const struct ps_sandbox_job job = {
        .body = body, .user = user, .shared_bytes = 4096, .memory_bytes = 64 * MEGABYTE, .seconds = seconds};
    struct ps_sandbox_end end;
    struct ps_error error = {0};
    if (ps_sandbox_run(&end, &job, &error))
        fail_msg("%s: %s", error.id, error.message);
    return end;
}

static void expect_layer(unsigned layers, unsigned layer, const char *name)
{
    if (layers & layer)
        return;
    print_message("this kernel or container has no %s\n", name);
    skip();
}

/* ---- ends ---- */

static void answer(void *shared, const void *user)
{
    int *number = malloc(sizeof *number);
    *number = *(const int *)user + 1;
    memcpy(shared, number, sizeof *number);
    free(number);
}

static void test_done(void **state)
{
    (void)state;
    const int question = 41;
    struct ps_sandbox_end end = run(answer, &question, 30);
    assert_true(end.done);
    assert_false(end.timed_out);
    assert_int_equal(end.signal, 0);
    assert_int_equal(*(int *)end.shared, 42);
    ps_sandbox_free(&end);
    assert_null(end.shared);
    ps_sandbox_free(&end);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
    assert_int_equal(errno, ECHILD);
}

static void crash(void *shared, const void *user)
{
    (void)user;
    *(int *)shared = 1;
    __builtin_trap();
}

static void test_crash(void **state)
{
    (void)state;
    struct ps_sandbox_end end = run(crash, NULL, 30);
    assert_false(end.done);
    assert_false(end.timed_out);
    assert_true(PS_SANITIZED || end.signal == SIGILL || end.signal == SIGTRAP);
    assert_int_equal(*(int *)end.shared, 1);
    ps_sandbox_free(&end);
}

static void spin(void *shared, const void *user)
{
    (void)user;
    for (volatile uint32_t *counter = shared;;)
        ++*counter;
}

static void sleep_forever(void *shared, const void *user)
{
    (void)user;
    for (;;)
        syscall(SYS_futex, shared, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void test_hang(void **state)
{
    (void)state;
    void (*const bodies[])(void *, const void *) = {spin, sleep_forever};
    for (size_t i = 0; i < 2; i++) {
        const time_t begun = time(NULL);
        struct ps_sandbox_end end = run(bodies[i], NULL, 1);
        assert_false(end.done);
        assert_true(end.timed_out);
        assert_true(time(NULL) - begun < 20);
        ps_sandbox_free(&end);
    }
}

/* ---- what the child may do ---- */

enum { CALLS = 20 };

/* shared[i] = the error of call i, or -1 where it succeeded. */
static void try_calls(void *shared, const void *user)
{
    const pid_t parent = *(const pid_t *)user;
    const struct itimerval never = {0};
    sigset_t all = {{0}};
    const long results[] = {
        syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0),
        syscall(SYS_openat, AT_FDCWD, "/tmp/packshot-sandbox", O_WRONLY | O_CREAT, 0600),
        syscall(SYS_socket, AF_INET, SOCK_STREAM, 0),
        syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0),
        syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0),
        syscall(SYS_execve, "/bin/true", NULL, NULL),
        syscall(SYS_kill, parent, 0),
        syscall(SYS_ptrace, PTRACE_ATTACH, parent, NULL, NULL),
        syscall(SYS_memfd_create, "x", 0),
        syscall(SYS_read, 0, shared, 0),
        syscall(SYS_setitimer, ITIMER_REAL, &never, NULL),
        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8),
        syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0),
        syscall(SYS_mprotect, (uintptr_t)shared & ~(uintptr_t)4095, 4096, PROT_READ | PROT_EXEC),
        (long)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0),
        syscall(SYS_setrlimit, 0, NULL),
        syscall(SYS_io_uring_setup, 1, NULL),
        syscall(SYS_getppid),
        syscall(SYS_ioctl, 0, 0, 0),
    };
    _Static_assert(sizeof results / sizeof *results == CALLS, "one a call");
    for (int i = 0; i < CALLS; i++)
        ((int *)shared)[i] = (int)results[i];
    errno = 0;
    syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    ((int *)shared)[CALLS] = errno;
}

static void test_calls_refused(void **state)
{
    (void)state;
    const pid_t self = getpid();
    struct ps_sandbox_end end = run(try_calls, &self, 30);
    expect_layer(end.layers, PS_LAYER_FILTER, "seccomp");
    assert_true(end.done);
    const int *results = end.shared;
    for (int i = 0; i < CALLS; i++)
        if (results[i] != -1)
            fail_msg("call %d gave %d", i, results[i]);
    assert_int_equal(results[CALLS], EPERM);
    ps_sandbox_free(&end);
}

static void take_memory(void *shared, const void *user)
{
    const size_t *sizes = user;
    for (int i = 0; i < 2; i++) {
        volatile char *memory = malloc(sizes[i]);
        ((int *)shared)[i] = memory != NULL;
        if (memory)
            memory[sizes[i] - 1] = 1;
        free((void *)(uintptr_t)memory);
    }
}

/* The limit counts from what this process has mapped already, which here is more than it. */
static void test_memory(void **state)
{
    (void)state;
    if (PS_SANITIZED)
        skip();
    const size_t sizes[2] = {32 * MEGABYTE, 128 * MEGABYTE}, inherited = 256 * MEGABYTE;
    void *mapped =
        mmap(NULL, inherited, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(mapped != MAP_FAILED);
    struct ps_sandbox_end end = run(take_memory, sizes, 30);
    assert_true(end.done);
    assert_true(end.layers & PS_LAYER_LIMITS);
    assert_int_equal(((int *)end.shared)[0], 1);
    assert_int_equal(((int *)end.shared)[1], 0);
    ps_sandbox_free(&end);
    munmap(mapped, inherited);
}

/* ---- descriptors ---- */

struct meeting {
    volatile int entered, released;
};

static void meet(void *shared, const void *user)
{
    struct meeting *meeting = *(struct meeting *const *)user;
    (void)shared;
    meeting->entered = 1;
    while (!meeting->released)
        sched_yield();
}

struct watcher {
    struct meeting *meeting;
    int reading, writing;
    int hung_up;
};

/* A pipe whose writing end the child still held would not be closed yet. */
static void *watch(void *user)
{
    struct watcher *watcher = user;
    while (!watcher->meeting->entered)
        sched_yield();
    close(watcher->writing);
    struct pollfd poll_for = {.fd = watcher->reading, .events = POLLIN};
    watcher->hung_up = poll(&poll_for, 1, 2000) == 1 && (poll_for.revents & POLLHUP);
    watcher->meeting->released = 1;
    return NULL;
}

static struct meeting *new_meeting(void)
{
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(mapped != MAP_FAILED);
    return mapped;
}

static void test_no_descriptors(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct watcher watcher = {.meeting = new_meeting(), .reading = ends[0], .writing = ends[1]};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    struct ps_sandbox_end end = run(meet, &watcher.meeting, 30);
    pthread_join(thread, NULL);
    assert_true(end.done);
    assert_true(watcher.hung_up);
    ps_sandbox_free(&end);
    close(ends[0]);
    munmap(watcher.meeting, 4096);
}

/* ---- each layer alone ---- */

/* Exit status of `step` in a child: 0 as expected, 1 not, 77 not on this kernel. */
static void expect_child(int (*step)(void))
{
    int result = 0;
    const pid_t child = fork();
    if (!child)
        _exit(step());
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    if (WEXITSTATUS(result) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(result), 0);
}

static int landlock_alone(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!ps_sandbox_landlock())
        return 77;
    const bool shut = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES && open("/tmp", O_RDONLY) < 0 &&
                      open("/tmp/packshot-sandbox", O_WRONLY | O_CREAT, 0600) < 0;
    return !shut;
}

static int limits_alone(void)
{
    if (!ps_sandbox_limits(UINT64_C(1) << 40, 30))
        return 1;
    return !(open("/etc/passwd", O_RDONLY) < 0 && errno == EMFILE);
}

static void test_landlock(void **state)
{
    (void)state;
    expect_child(landlock_alone);
}

static void test_limits(void **state)
{
    (void)state;
    expect_child(limits_alone);
}

static void test_strict(void **state)
{
    (void)state;
    const int question = 1;
    struct ps_sandbox_end end = run(answer, &question, 30);
    const bool whole = end.layers == PS_LAYERS_ALL;
    ps_sandbox_free(&end);
    const struct ps_sandbox_job job = {.body = answer,
                                       .user = &question,
                                       .shared_bytes = 4096,
                                       .memory_bytes = 64 * MEGABYTE,
                                       .seconds = 30,
                                       .strict = true};
    struct ps_error error = {0};
    const enum ps_status status = ps_sandbox_run(&end, &job, &error);
    assert_int_equal(status, whole ? PS_OK : PS_ERR_DEVICE);
    if (!whole)
        assert_string_equal(error.id, "sandbox.unavailable");
    assert_int_equal(end.done, whole);
    ps_sandbox_free(&end);
}

/* ---- callers of all kinds ---- */

enum { THREADS = 4, ROUNDS = 50 };

static void *churn(void *user)
{
    const volatile int *stop = user;
    while (!*stop)
        free(malloc(1000 + (size_t)rand() % 100000));
    return NULL;
}

static void *run_many(void *user)
{
    size_t *wrong = user;
    for (int i = 0; i < ROUNDS; i++) {
        struct ps_sandbox_end end = run(answer, &i, 30);
        *wrong += !end.done || *(int *)end.shared != i + 1;
        ps_sandbox_free(&end);
    }
    return NULL;
}

/* Children of a process whose other threads allocate and run children themselves. */
static void test_threads(void **state)
{
    (void)state;
    volatile int stop = 0;
    size_t wrong[THREADS] = {0};
    pthread_t allocating[THREADS], running[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&allocating[i], NULL, churn, (void *)(uintptr_t)&stop), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&running[i], NULL, run_many, &wrong[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(running[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(allocating[i], NULL);
}

static void test_host_ignores_children(void **state)
{
    (void)state;
    const int question = 41;
    signal(SIGCHLD, SIG_IGN);
    struct ps_sandbox_end end = run(answer, &question, 30);
    signal(SIGCHLD, SIG_DFL);
    assert_true(end.done);
    assert_int_equal(*(int *)end.shared, 42);
    ps_sandbox_free(&end);
}

static void count_up(void *shared, const void *user)
{
    spin(*(void *const *)user, shared);
}

/* A caller that is killed takes its child along. */
static void test_death_of_the_caller(void **state)
{
    (void)state;
    struct meeting *meeting = new_meeting();
    volatile uint32_t *counter = (volatile uint32_t *)&meeting->entered;
    const pid_t caller = fork();
    if (!caller) {
        struct ps_sandbox_end end = run(count_up, &meeting, 30);
        _exit(end.done);
    }
    while (!*counter)
        sched_yield();
    kill(caller, SIGKILL);
    assert_int_equal(waitpid(caller, NULL, 0), caller);
    const struct timespec pause = {.tv_nsec = 300 * 1000 * 1000};
    nanosleep(&pause, NULL);
    const uint32_t seen = *counter;
    nanosleep(&pause, NULL);
    assert_int_equal(*counter, seen);
    munmap(meeting, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_calls_refused),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_host_ignores_children),
        cmocka_unit_test(test_death_of_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
