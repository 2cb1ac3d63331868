#include "cli/presence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TEXT = 16384 };

void cli_presence_begin(struct cli_presence *presence, const char *journal)
{
    const int length =
        snprintf(presence->path, sizeof presence->path, "%s.watch-%ld", journal, (long)getpid());
    cli_presence_each(journal, NULL, NULL);
    presence->fd = -1;
    if (length > 0 && (size_t)length < sizeof presence->path)
        presence->fd =
            open(presence->path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (presence->fd >= 0 && flock(presence->fd, LOCK_EX | LOCK_NB)) {
        close(presence->fd);
        presence->fd = -1;
    }
}

void cli_presence_write(struct cli_presence *presence, json_t *about)
{
    char *text = about ? json_dumps(about, JSON_COMPACT) : NULL;
    json_decref(about);
    const size_t size = text ? strlen(text) : 0;
    /* Cut first: whoever reads in between finds no JSON, rather than the end of the text of before. */
    if (presence->fd >= 0 && text && size < TEXT && !ftruncate(presence->fd, 0) &&
        pwrite(presence->fd, text, size, 0) != (ssize_t)size)
        cli_presence_end(presence);
    free(text);
}

void cli_presence_end(struct cli_presence *presence)
{
    if (presence->fd < 0)
        return;
    unlink(presence->path);
    close(presence->fd);
    presence->fd = -1;
}

/* What the file says; null where its watcher is gone. */
static json_t *read_one(int fd)
{
    char text[TEXT];
    /* A watcher that lives has the lock; it may be writing at this moment. */
    for (int attempt = 0; attempt < 5 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK; attempt++) {
        const ssize_t size = pread(fd, text, sizeof text, 0);
        json_t *about = size > 0 ? json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (about)
            return about;
        usleep(20000);
    }
    return NULL;
}

static void look_at(const char *path, void (*visit)(void *user, const json_t *about), void *user)
{
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!visit && !flock(fd, LOCK_EX | LOCK_NB))
        unlink(path);
    json_t *about = visit ? read_one(fd) : NULL;
    if (about)
        visit(user, about);
    json_decref(about);
    close(fd);
}

void cli_presence_each(const char *journal, void (*visit)(void *user, const json_t *about), void *user)
{
    char folder[CLI_PATH_SIZE], start[CLI_PATH_SIZE], path[CLI_PATH_SIZE];
    const char *slash = strrchr(journal, '/');
    const int length = snprintf(start, sizeof start, "%s.watch-", slash ? slash + 1 : journal);
    DIR *list = length > 0 && (size_t)length < sizeof start && cli_path_folder(folder, journal)
                    ? opendir(folder)
                    : NULL;
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (!strncmp(entry->d_name, start, (size_t)length) && cli_path_join(path, folder, entry->d_name))
            look_at(path, visit, user);
    if (list)
        closedir(list);
}
