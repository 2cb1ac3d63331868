/* Preloaded into the program, makes a call on a file fail, kills the program before it, or cuts the power there; it is never
 * installed. A call has a name: open (without O_CREAT), create, mkdir, read, write, sync, truncate, rename, link, unlink,
 * close (of what was written to). What a forked child does, such as the decoder of photos, does not count.
 *
 * FAULT_ROOT  only calls on paths below this folder count; paths are told relative to it
 * FAULT_LOG   file to which each of them adds a line "CALL PATH"; the one that is met begins with "! "
 * FAULT_AT    "CALLS:PATTERN:N": the Nth call of these names ("write|sync") on a path as the pattern has it; "N+" also all
 *             later ones. A renamed file counts by its new name.
 * FAULT_CLOCK seconds by which the wall clock jumps at each look, forth, back and back to where it was
 * FAULT_DO    an error such as ENOSPC; "kill"; "half", which writes half of what is to be written and kills; or "cut", which
 *             shuts the root's file system down without a last word, and kills */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

enum { PATH_BYTES = 4096 };

static const struct failure {
    const char *name;
    int code;
} failures[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EROFS", EROFS},
                {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ESTALE", ESTALE}};

static struct {
    char root[PATH_BYTES], calls[256], pattern[256], action[16];
    unsigned long at;
    bool onward;
    int log, code;
    long jump;
    atomic_ulong count, looks;
    atomic_bool on;
} fault = {.log = -1};

/* ---- the program's calls, as they would be without this ---- */

#define NEXT(name)                                                                                           \
    static __typeof__(&(name)) next;                                                                         \
    if (!next)                                                                                               \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

static void rest(void)
{
    atomic_store(&fault.on, false);
}

static void read_place(const char *text)
{
    const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    char *end;
    if (!second)
        return;
    snprintf(fault.calls, sizeof fault.calls, "|%.*s|", (int)(first - text), text);
    snprintf(fault.pattern, sizeof fault.pattern, "%.*s", (int)(second - first - 1), first + 1);
    fault.at = strtoul(second + 1, &end, 10);
    fault.onward = *end == '+';
}

__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("FAULT_ROOT"), *log = getenv("FAULT_LOG"), *at = getenv("FAULT_AT"),
               *action = getenv("FAULT_DO"), *clock = getenv("FAULT_CLOCK");
    unsetenv("LD_PRELOAD");
    fault.jump = clock ? strtol(clock, NULL, 10) : 0;
    if (!root)
        return;
    snprintf(fault.root, sizeof fault.root, "%s/", root);
    if (at)
        read_place(at);
    snprintf(fault.action, sizeof fault.action, "%s", action ? action : "");
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (!strcmp(failures[i].name, fault.action))
            fault.code = failures[i].code;
    if (log)
        fault.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pthread_atfork(NULL, NULL, rest);
    atomic_store(&fault.on, true);
}

/* ---- the call that is met ---- */

static _Noreturn void end(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void cut(void)
{
    const uint32_t no_last_word = 2;
    const unsigned long shut_down = _IOR('X', 125, uint32_t);
    const int root = (int)syscall(SYS_openat, AT_FDCWD, fault.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || ioctl(root, shut_down, &no_last_word))
        abort();
    end();
}

static void tell(const char *mark, const char *call, const char *path)
{
    char line[PATH_BYTES + 64];
    const int length = snprintf(line, sizeof line, "%s%s %s\n", mark, call, path);
    if (fault.log >= 0)
        syscall(SYS_write, fault.log, line, (size_t)length);
}

/* Whether this call is the one, or one after it. */
static bool is_met(const char *call, const char *path)
{
    char word[32];
    snprintf(word, sizeof word, "|%s|", call);
    if (!fault.at || (strcmp(fault.calls, "|*|") && !strstr(fault.calls, word)) ||
        fnmatch(fault.pattern, path, 0))
        return false;
    const unsigned long number = atomic_fetch_add(&fault.count, 1) + 1;
    return number == fault.at || (fault.onward && number > fault.at);
}

/* Returns 0 where the call is to be made, -1 with errno where it has failed, 1 where half of it is to be made. */
static int meet(const char *call, const char *path)
{
    const size_t length = strlen(fault.root);
    const int before = errno;
    if (strncmp(path, fault.root, length))
        return 0;
    const bool met = is_met(call, path + length);
    tell(met ? "! " : "", call, path + length);
    errno = before;
    if (!met)
        return 0;
    if (!strcmp(fault.action, "cut"))
        cut();
    if (!strcmp(fault.action, "half") && !strcmp(call, "write"))
        return 1;
    if (!fault.code)
        end();
    errno = fault.code;
    return -1;
}

/* The path of a descriptor; empty where it has none. */
static void path_of(char path[PATH_BYTES], int fd)
{
    char link[64];
    const int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, (size_t)PATH_BYTES - 1);
    path[length > 0 ? length : 0] = '\0';
    errno = before;
}

static int meet_fd(const char *call, int fd)
{
    char path[PATH_BYTES];
    if (!atomic_load(&fault.on))
        return 0;
    path_of(path, fd);
    return meet(call, path);
}

static int meet_at(const char *call, int folder, const char *name)
{
    char around[PATH_BYTES], path[2 * PATH_BYTES];
    if (!atomic_load(&fault.on) || !name)
        return 0;
    while (!strncmp(name, "./", 2))
        name += 2;
    if (*name == '/' || (folder == AT_FDCWD && !syscall(SYS_getcwd, around, sizeof around)))
        return meet(call, name);
    if (folder == AT_FDCWD)
        syscall(SYS_getcwd, around, sizeof around);
    else
        path_of(around, folder);
    snprintf(path, sizeof path, "%s/%s", around, name);
    return meet(call, path);
}

/* ---- what stands in their place ---- */

static int mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
}

#define OPEN(name, folder, path, flags)                                                                      \
    NEXT(name);                                                                                              \
    va_list arguments;                                                                                       \
    va_start(arguments, flags);                                                                              \
    const int mode = mode_of(flags, arguments);                                                              \
    va_end(arguments);                                                                                       \
    if (meet_at(flags & O_CREAT ? "create" : "open", folder, path))                                          \
    return -1

PUBLIC int open(const char *path, int flags, ...)
{
    OPEN(open, AT_FDCWD, path, flags);
    return next(path, flags, mode);
}

PUBLIC int open64(const char *path, int flags, ...)
{
    OPEN(open64, AT_FDCWD, path, flags);
    return next(path, flags, mode);
}

PUBLIC int openat(int folder, const char *path, int flags, ...)
{
    OPEN(openat, folder, path, flags);
    return next(folder, path, flags, mode);
}

#define INSTEAD(result, name, arguments, values, met)                                                        \
    PUBLIC result name arguments                                                                             \
    {                                                                                                        \
        NEXT(name);                                                                                          \
        return met ? -1 : next values;                                                                       \
    }

INSTEAD(int, mkdir, (const char *path, mode_t mode), (path, mode), meet_at("mkdir", AT_FDCWD, path))
INSTEAD(int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode),
        meet_at("mkdir", folder, path))
INSTEAD(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), meet_fd("read", fd))
INSTEAD(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), meet_fd("read", fd))
INSTEAD(ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at),
        meet_fd("read", fd))
INSTEAD(int, fsync, (int fd), (fd), meet_fd("sync", fd))
INSTEAD(int, fdatasync, (int fd), (fd), meet_fd("sync", fd))
INSTEAD(int, ftruncate, (int fd, off_t size), (fd, size), meet_fd("truncate", fd))
INSTEAD(int, ftruncate64, (int fd, off64_t size), (fd, size), meet_fd("truncate", fd))
INSTEAD(int, renameat, (int from_folder, const char *from, int to_folder, const char *to),
        (from_folder, from, to_folder, to), meet_at("rename", to_folder, to))
INSTEAD(int, renameat2, (int from_folder, const char *from, int to_folder, const char *to, unsigned flags),
        (from_folder, from, to_folder, to, flags), meet_at("rename", to_folder, to))
INSTEAD(int, linkat, (int from_folder, const char *from, int to_folder, const char *to, int flags),
        (from_folder, from, to_folder, to, flags), meet_at("link", to_folder, to))
INSTEAD(int, unlink, (const char *path), (path), meet_at("unlink", AT_FDCWD, path))
INSTEAD(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags),
        meet_at("unlink", folder, path))

#define WRITE(name, arguments, whole, half)                                                                  \
    PUBLIC ssize_t name arguments                                                                            \
    {                                                                                                        \
        NEXT(name);                                                                                          \
        const int met = meet_fd("write", fd);                                                                \
        const ssize_t done = met > 0 ? next half : met ? -1 : next whole;                                    \
        if (met > 0)                                                                                         \
            end();                                                                                           \
        return done;                                                                                         \
    }

WRITE(write, (int fd, const void *from, size_t size), (fd, from, size), (fd, from, size / 2))
WRITE(pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at),
      (fd, from, size / 2, at))
WRITE(pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at),
      (fd, from, size / 2, at))

/* A close that fails has closed all the same. */
PUBLIC int close(int fd)
{
    NEXT(close);
    const bool written = atomic_load(&fault.on) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY &&
                         !(fcntl(fd, F_GETFL) & O_PATH);
    if (written && meet_fd("close", fd)) {
        const int code = errno;
        next(fd);
        errno = code;
        return -1;
    }
    return next(fd);
}

/* ---- the clock ---- */

static long jump(void)
{
    return fault.jump ? fault.jump * ((long)(atomic_fetch_add(&fault.looks, 1) % 3) - 1) : 0;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *now)
{
    NEXT(clock_gettime);
    const int result = next(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += jump();
    return result;
}

PUBLIC int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    NEXT(gettimeofday);
    const int result = next(now, zone);
    now->tv_sec += jump();
    return result;
}

PUBLIC time_t time(time_t *to)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}
