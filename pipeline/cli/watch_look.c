#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/output.h"
#include "cli/watch.h"

/* Seconds that a file is left alone, and between looks, where nothing else is asked for. */
#define QUIET_LOCAL 5.0
#define QUIET_REMOTE 30.0
#define POLL 10.0
#define GIVE_UP 86400.0

struct cli_watch_news {
    struct cli_watch_news *next;
    char *folder, *words;
};

void cli_watch_tell(struct cli_watch *watch, const char *photo, const char *state, const char *words,
                    const char *id)
{
    json_t *event = json_pack("{s:s, s:o, s:s, s:o}", "event", "watch_photo", "photo", cli_json_text(photo),
                              "state", state, "message", cli_json_text(words));
    if (event && id)
        json_object_set_new(event, "id", json_string(id));
    cli_emit(&watch->report, event);
    cli_say(&watch->report, true, "%s: %s: %s", photo, state, words);
}

bool cli_watch_is_news(struct cli_watch *watch, const char *folder, const char *words)
{
    struct cli_watch_news *news = watch->news;
    while (news && strcmp(news->folder, folder) != 0)
        news = news->next;
    if (!strcmp(news ? news->words : "", words))
        return false;
    if (!news && (news = calloc(1, sizeof *news))) {
        news->folder = strdup(folder);
        news->next = watch->news;
        if (!news->folder) {
            free(news);
            return true;
        }
        watch->news = news;
    }
    char *copy = strdup(words);
    if (news && copy) {
        free(news->words);
        news->words = copy;
    }
    return true;
}

/* ---- hints ---- */

static void stop_hints(struct cli_watch *watch, int code)
{
    ps_notice_free(&watch->notice);
    cli_say(&watch->report, true,
            "warning: the kernel tells of no more folders (%s): looking every %g s; more would come with a "
            "larger "
            "fs.inotify.max_user_%s",
            strerror(code), watch->poll, code == ENOSPC ? "watches" : "instances");
}

static void on_folder(void *user, const char *path)
{
    struct cli_watch *watch = user;
    char whole[CLI_PATH_SIZE];
    if (!watch->notice || !cli_path_join(whole, watch->folder, path))
        return;
    const int code = ps_notice_watch(watch->notice, *path ? whole : watch->folder);
    if (code == ENOSPC || code == ENOMEM)
        stop_hints(watch, code);
}

static void on_no_photo(void *user, const char *path, const char *problem)
{
    struct cli_watch *watch = user;
    const char *slash = strrchr(path, '/');
    /* A folder's own settings. */
    if (strcmp(slash ? slash + 1 : path, "packshot.ini") != 0)
        cli_watch_tell(watch, path, "ignored", problem, NULL);
}

/* What the folder lies on decides how much is believed. */
static void look_at_ground(struct cli_watch *watch)
{
    struct statfs about;
    if (statfs(watch->folder, &about))
        return;
    const char *remote = ps_file_system_unfit((uint64_t)about.f_type);
    if (remote && !watch->remote)
        cli_say(&watch->report, true, "%s is on %s, which tells nothing of changes: looking every %g s",
                watch->folder, remote, watch->poll);
    watch->remote = remote;
    if (remote) {
        ps_notice_free(&watch->notice);
    } else if (!watch->notice && !watch->was_up && !watch->once) {
        watch->notice = ps_notice_new();
        if (!watch->notice)
            stop_hints(watch, errno);
    }
}

/* ---- beginning and end ---- */

enum ps_status cli_watch_begin(struct cli_watch *watch, struct ps_error *error)
{
    const struct cli_watch_request *request = &watch->request;
    watch->poll = request->poll > 0 ? (double)request->poll : POLL;
    look_at_ground(watch);
    /* The option is a float. */
    watch->quiet_time = request->quiet_time > 0 ? round((double)request->quiet_time * 1e3) / 1e3
                        : watch->remote         ? QUIET_REMOTE
                                                : QUIET_LOCAL;
    const struct ps_inbox_params params = {.quiet = watch->quiet_time,
                                           .give_up =
                                               request->give_up > 0 ? (double)request->give_up : GIVE_UP,
                                           .folder = on_folder,
                                           .no_photo = on_no_photo,
                                           .user = watch};
    if (request->metrics)
        ps_output_sweep(request->metrics, false);
    watch->inbox = ps_inbox_new(&params);
    return watch->inbox ? PS_OK : cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

void cli_watch_end(struct cli_watch *watch)
{
    if (watch->pulse)
        cli_pulse_beat(watch->pulse, NULL);
    ps_claims_close(&watch->claims);
    ps_notice_free(&watch->notice);
    ps_inbox_free(&watch->inbox);
    while (watch->news) {
        struct cli_watch_news *next = watch->news->next;
        free(watch->news->folder);
        free(watch->news->words);
        free(watch->news);
        watch->news = next;
    }
}

/* ---- looking ---- */

static void set_up(struct cli_watch *watch, bool up, const char *why)
{
    if (watch->is_up == up && (up || watch->looked > 0))
        return;
    watch->is_up = up;
    watch->recovered = 0;
    cli_emit(&watch->report, json_pack("{s:s, s:b, s:o, s:o}", "event", "watch_folder", "there", up, "folder",
                                       cli_json_text(watch->folder), "message", cli_json_text(why)));
    if (up)
        cli_say(&watch->report, true, "%s %s", watch->folder, watch->was_up ? "is back" : "is watched");
    else
        cli_say(&watch->report, true, "waiting for the folder: %s", why);
    cli_pulse_say(watch->pulse, "STATUS=%s %.300s", up ? "watching" : "waiting for", watch->folder);
}

/* Where a disk or a share was taken away its bare place is an empty folder, of another file system: nothing is to be made of
 * that. A new folder in the place of an old one is taken as it is. */
static bool is_bare_place(struct cli_watch *watch, char why[256])
{
    struct stat about, own;
    char path[CLI_PATH_SIZE];
    if (stat(watch->folder, &about))
        return false;
    const bool marked = cli_path_join(path, watch->folder, PS_WATCH_OWN) && !lstat(path, &own);
    if (watch->was_up && !watch->leave && about.st_dev != watch->device && !marked) {
        snprintf(why, 256, "another file system lies at %.180s", watch->folder);
        return true;
    }
    watch->device = about.st_dev;
    return false;
}

enum ps_status cli_watch_look(struct cli_watch *watch, struct ps_error *error)
{
    struct ps_error cause = {0};
    char why[256];
    const double now = ps_seconds();
    if (is_bare_place(watch, why)) {
        set_up(watch, false, why);
    } else if (ps_inbox_look(watch->inbox, watch->folder, now, &cause)) {
        if (cause.status == PS_ERR_MEMORY)
            *error = cause;
        set_up(watch, false, cause.message);
    } else {
        if (!watch->is_up)
            look_at_ground(watch);
        set_up(watch, true, "");
        watch->was_up = true;
        watch->tally.looks++;
        watch->tally.looked = (int64_t)time(NULL);
    }
    watch->looked = now;
    return error->status;
}

static void stay_in_place(struct cli_watch *watch, const char *why)
{
    watch->leave = true;
    cli_say(&watch->report, true,
            "warning: %s: photos stay where they are, and what is done is known by the journal alone", why);
}

static enum ps_status open_claims(struct cli_watch *watch, struct ps_error *error)
{
    struct ps_error cause = {0};
    if (watch->claims || watch->leave)
        return PS_OK;
    if (!ps_claims_open(&watch->claims, watch->folder, &cause))
        cli_pulse_beat(watch->pulse, ps_claims_beat_file(watch->claims));
    else if (!strcmp(cause.id, "watch.not-writable"))
        stay_in_place(watch, cause.message);
    else if (strcmp(cause.id, "watch.no-folder") != 0)
        *error = cause;
    return error->status;
}

enum ps_status cli_watch_recover(struct cli_watch *watch, struct ps_error *error)
{
    struct ps_error cause = {0};
    uint64_t count = 0;
    const double now = ps_seconds();
    if (!watch->is_up || (watch->recovered > 0 && now - watch->recovered < PS_CLAIMS_LEASE / 2.0))
        return PS_OK;
    if (open_claims(watch, error) || !watch->claims)
        return error->status;
    watch->recovered = now;
    if (ps_claims_recover(watch->claims, &count, &cause))
        cli_say(&watch->report, true, "warning: %s", cause.message);
    if (!count)
        return PS_OK;
    cli_say(&watch->report, true, "%llu photos were left by a watcher that is gone",
            (unsigned long long)count);
    return cli_watch_look(watch, error);
}

bool cli_watch_wait(struct cli_watch *watch)
{
    const double now = ps_seconds(), until_look = watch->looked + watch->poll - now;
    const double until_try = watch->is_up ? ps_inbox_wait(watch->inbox, now) : -1;
    double wait = until_look < 1 ? until_look : 1;
    wait = until_try >= 0 && until_try < wait ? until_try : wait;
    wait = wait < 0 ? 0 : wait;
    if (watch->notice && ps_notice_wait(watch->notice, wait)) {
        /* Changes come in swarms. */
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        return true;
    }
    if (!watch->notice)
        nanosleep(&(struct timespec){.tv_sec = (time_t)wait,
                                     .tv_nsec = (long)(1e9 * (wait - (double)(time_t)wait))},
                  NULL);
    return false;
}
