/* The seccomp filter: memory, locks, the clock and the end; every other call fails with EPERM. */
#include "sandbox/layers.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
/* Skips the next statement unless the loaded word is, is at least, or shares a bit with the value. */
#define WHERE_EQUAL(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define WHERE_AT_LEAST(value) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1)
#define ALLOW(number) WHERE_EQUAL(number), RETURN(SECCOMP_RET_ALLOW)

/* Over the next four statements, for any call but this one: memory that code could be run from is refused. The second
 * argument from the left but one is the protection, in its low word on these little-endian machines. */
#define ALLOW_DATA(number)                                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4), LOAD(args[2]),                                        \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), RETURN(SECCOMP_RET_ERRNO | EPERM),            \
        RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter program[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#ifdef __x86_64__
    /* The same calls under other numbers: the x32 interface. */
    WHERE_AT_LEAST(0x40000000),
    RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
    ALLOW(SYS_brk),
    ALLOW(SYS_munmap),
    ALLOW(SYS_mremap),
    ALLOW(SYS_madvise),
    ALLOW(SYS_futex),
    ALLOW(SYS_clock_gettime),
    ALLOW(SYS_getrandom),
    ALLOW(SYS_sched_yield),
    ALLOW(SYS_exit),
    ALLOW(SYS_exit_group),
#if PS_SANITIZED
    ALLOW(SYS_write),
    ALLOW(SYS_sigaltstack), /* asked before every longjmp */
#endif
    ALLOW_DATA(SYS_mmap),
    ALLOW_DATA(SYS_mprotect),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
};

bool ps_sandbox_filter(void)
{
    /* The kernel only reads it. */
    const struct sock_fprog loaded = {sizeof program / sizeof *program,
                                      (struct sock_filter *)(uintptr_t)program};
    return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded);
}

#else

bool ps_sandbox_filter(void)
{
    return false;
}

#endif
