/* When a watcher takes no photo although there may be some: it was paused, it is not the time of day, or the folder of the
 * clips is away. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/watch.h"

#define PAUSE PS_WATCH_OWN "/pause"

/* Seconds between two looks while a clip is rendered. */
#define REST_SECONDS 0.5

static const char *const names[] = {"on", "paused", "outside-hours", "away"};

/* ---- what it is ---- */

/* Looked up at each turn alone: this is asked while another thread forks, and the C library keeps a lock around time zones
 * (see cli/side.h). */
static bool is_within_hours(struct cli_watch *watch, time_t now)
{
    const struct cli_hours *hours = &watch->request.hours;
    if (now < watch->hours_from || now >= watch->hours_turn) {
        watch->within = cli_hours_have(hours, now);
        watch->hours_from = now;
        watch->hours_turn = cli_hours_turn(hours, now);
    }
    return watch->within;
}

static enum cli_watch_rest find_rest(struct cli_watch *watch, char words[256], time_t *until)
{
    char path[CLI_PATH_SIZE];
    struct stat about;
    struct ps_error cause = {0};
    const struct cli_hours *hours = &watch->request.hours;
    *until = 0;
    words[0] = '\0';
    if (cli_path_join(path, watch->folder, PAUSE) && !lstat(path, &about)) {
        snprintf(words, 256, "paused; packshot watch %.150s --continue goes on", watch->folder);
        return CLI_WATCH_PAUSED;
    }
    if (hours->from != hours->to && !is_within_hours(watch, time(NULL))) {
        *until = watch->hours_turn;
        cli_hours_say(words, 256, hours);
        return CLI_WATCH_OUTSIDE_HOURS;
    }
    if (cli_grounds_check(&watch->grounds, watch->out, &cause)) {
        snprintf(words, 256, "waiting: %.240s", cause.message);
        return CLI_WATCH_AWAY;
    }
    return CLI_WATCH_ON;
}

static void write_presence(struct cli_watch *watch, const char *words, time_t until)
{
    char host[96] = "";
    gethostname(host, sizeof host - 1);
    cli_presence_write(&watch->presence,
                       json_pack("{s:o, s:o, s:i, s:s, s:o, s:o}", "folder", cli_json_text(watch->folder),
                                 "host", cli_json_text(host), "pid", (int)getpid(), "state",
                                 names[watch->rest], "message", cli_json_text(words), "until",
                                 until ? json_integer((json_int_t)until) : json_null()));
}

bool cli_watch_may_work(struct cli_watch *watch)
{
    char words[256];
    time_t until;
    const enum cli_watch_rest rest = find_rest(watch, words, &until);
    watch->rest_at = ps_seconds();
    if (watch->rest_known && rest == watch->rest)
        return rest == CLI_WATCH_ON;
    const bool first = !watch->rest_known;
    watch->rest = rest;
    watch->rest_known = true;
    write_presence(watch, words, until);
    if (first && rest == CLI_WATCH_ON)
        return true;
    cli_emit(&watch->report,
             json_pack("{s:s, s:s, s:o, s:o}", "event", "watch_rest", "state", names[rest], "message",
                       cli_json_text(words), "until", until ? json_integer((json_int_t)until) : json_null()));
    cli_say(&watch->report, true, "%s", rest == CLI_WATCH_ON ? "goes on" : words);
    cli_pulse_say(watch->pulse, "STATUS=%s %.300s", rest == CLI_WATCH_ON ? "watching" : words, watch->folder);
    return rest == CLI_WATCH_ON;
}

bool cli_watch_goes_on(struct cli_watch *watch)
{
    return ps_seconds() - watch->rest_at < REST_SECONDS ? watch->rest == CLI_WATCH_ON
                                                        : cli_watch_may_work(watch);
}

/* ---- --pause and --continue ---- */

static enum ps_status fail(struct ps_error *error, const char *path)
{
    return cli_fail(error, errno == ENOENT || errno == ENOTDIR ? PS_ERR_INPUT : PS_ERR_OUTPUT,
                    errno == ENOENT || errno == ENOTDIR ? "watch.no-folder" : "watch.not-writable",
                    "%.300s: %s", path, strerror(errno));
}

enum ps_status cli_watch_set_pause(struct cli_watch *watch, bool pause, struct ps_error *error)
{
    char own[CLI_PATH_SIZE], path[CLI_PATH_SIZE];
    const char *folder = watch->request.folder;
    struct stat about;
    if (!cli_path_join(own, folder, PS_WATCH_OWN) || !cli_path_join(path, folder, PAUSE))
        return cli_fail(error, PS_ERR_USAGE, "usage.value", "the folder's path is too long");
    if (stat(folder, &about))
        return fail(error, folder);
    if (pause) {
        if (mkdir(own, 0777) && errno != EEXIST)
            return fail(error, own);
        const int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
        if (fd < 0 || close(fd))
            return fail(error, path);
    } else if (unlink(path) && errno != ENOENT && errno != ENOTDIR) {
        return fail(error, path);
    }
    cli_emit(&watch->report, json_pack("{s:s, s:s, s:o, s:o}", "event", "watch_rest", "state",
                                       names[pause ? CLI_WATCH_PAUSED : CLI_WATCH_ON], "message",
                                       cli_json_text(folder), "until", json_null()));
    cli_say(&watch->report, true, pause ? "%s: watchers take no photo after the clip at hand" : "%s: goes on",
            folder);
    return PS_OK;
}
