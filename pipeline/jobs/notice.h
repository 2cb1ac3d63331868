/* Hints that something happened in folders, from the kernel (inotify). They come late, twice or not at all, and of network
 * file systems never: whoever waits for changes looks for himself now and then, and sooner where there is a hint. */
#ifndef PS_JOBS_NOTICE_H
#define PS_JOBS_NOTICE_H

#include "base/error.h"

struct ps_notice;

/* Null where the kernel gives no more of them (the limit is 128 a user), or memory is short; errno says which. */
struct ps_notice *ps_notice_new(void);

/* Watches a folder from now on, once however often it is asked for. Returns 0 or an errno: ENOSPC where the kernel watches
 * no more folders for this user. */
int ps_notice_watch(struct ps_notice *notice, const char *folder);

/* Waits until there is a hint, at most `seconds`, or a signal comes. Hints that follow within a moment are one. */
bool ps_notice_wait(struct ps_notice *notice, double seconds);

/* How often the queue of hints has run over. */
uint64_t ps_notice_overflows(const struct ps_notice *notice);

void ps_notice_free(struct ps_notice **notice);

#endif
