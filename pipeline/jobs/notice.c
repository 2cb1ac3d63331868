#include "jobs/notice.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct ps_notice {
    int fd;
    uint64_t overflows;
};

struct ps_notice *ps_notice_new(void)
{
    struct ps_notice *notice = calloc(1, sizeof *notice);
    if (!notice)
        return NULL;
    notice->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (notice->fd >= 0)
        return notice;
    const int code = errno;
    free(notice);
    errno = code;
    return NULL;
}

int ps_notice_watch(struct ps_notice *notice, const char *folder)
{
    const uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                            IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_ONLYDIR | IN_DONT_FOLLOW;
    return inotify_add_watch(notice->fd, folder, events) < 0 ? errno : 0;
}

/* Takes all that is there; false for nothing. */
static bool drain(struct ps_notice *notice)
{
    _Alignas(struct inotify_event) char bytes[16384];
    bool any = false;
    for (;;) {
        const ssize_t size = read(notice->fd, bytes, sizeof bytes);
        if (size <= 0)
            return any;
        any = true;
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            notice->overflows += (event->mask & IN_Q_OVERFLOW) != 0;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
}

bool ps_notice_wait(struct ps_notice *notice, double seconds)
{
    struct pollfd wanted = {.fd = notice->fd, .events = POLLIN};
    const int milliseconds = seconds > 3600 ? 3600000 : seconds < 0 ? 0 : (int)(seconds * 1e3) + 1;
    return poll(&wanted, 1, milliseconds) > 0 && drain(notice);
}

uint64_t ps_notice_overflows(const struct ps_notice *notice)
{
    return notice->overflows;
}

void ps_notice_free(struct ps_notice **notice)
{
    struct ps_notice *old = *notice;
    *notice = NULL;
    if (!old)
        return;
    close(old->fd);
    free(old);
}
