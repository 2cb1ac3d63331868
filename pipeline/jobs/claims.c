#include "jobs/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"
#include "jobs/beneath_folder.h"
#include "jobs/worker.h"

#define WORK PS_WATCH_OWN "/work"
#define BEAT_NAME ".worker"
#define NOTE_NAME ".note" /* being written; photos' names begin with no dot */

enum { OWN_BYTES = 128, PATH_BYTES = 4096, TWINS = 100 };

struct ps_claims {
    char *folder;
    char own[OWN_BYTES]; /* this watcher's folder, seen from that of all watchers */
    struct ps_worker self;
    char beat[PATH_BYTES];
};

static enum ps_status fail(const struct ps_claims *claims, int code, const char *doing, const char *what,
                           struct ps_error *error)
{
    const bool barred = code == EACCES || code == EPERM || code == EROFS,
               is_full = code == ENOSPC || code == EDQUOT;
    ps_fail(error, code == ENOMEM ? PS_ERR_MEMORY : PS_ERR_OUTPUT,
            barred           ? "watch.not-writable"
            : code == ENOENT ? "watch.no-folder"
            : is_full        ? "output.disk-full"
                             : "watch.write-failed",
            "%.200s: %s %.200s: %s", claims->folder, doing, what, strerror(code));
    ps_hint(error, barred           ? "let this user write to the folder and what is in it"
                   : code == ENOENT ? "make the folder again, or mount its disk or share"
                   : is_full        ? "free some space on its disk"
                                    : "see what the kernel says of its disk or share (dmesg)");
    return error->status;
}

static int open_root(const struct ps_claims *claims)
{
    return open(claims->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_all(int a, int b, int c)
{
    const int code = errno;
    if (a >= 0)
        close(a);
    if (b >= 0)
        close(b);
    if (c >= 0)
        close(c);
    errno = code;
}

/* ---- the watcher's own folder ---- */

/* The folder of all watchers, or -1 with errno. */
static int open_work(const struct ps_claims *claims)
{
    const int root = open_root(claims);
    const int work = root < 0 ? -1 : ps_folder_beneath(root, WORK, true);
    close_all(root, -1, -1);
    return work;
}

static int write_worker(const struct ps_claims *claims, int own)
{
    char text[512];
    const struct ps_worker *self = &claims->self;
    const int length = snprintf(text, sizeof text, "%s\n%s\n%" PRIu64 "\n%" PRId64 "\n%" PRIu64 "\n",
                                self->host, self->boot, self->space, self->pid, self->start);
    const int fd = openat(own, BEAT_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    const bool written = write(fd, text, (size_t)length) == length;
    const int code = written ? 0 : errno ? errno : EIO;
    return close(fd) && !code ? errno : code;
}

/* Makes the folder under a name that nobody has: another machine may have the same name and number. */
static int make_own(struct ps_claims *claims)
{
    const int work = open_work(claims);
    if (work < 0)
        return errno;
    int code = EEXIST;
    for (int twin = 1; code == EEXIST && twin < TWINS; twin++) {
        char number[16] = "";
        if (twin > 1)
            snprintf(number, sizeof number, "-%d", twin);
        snprintf(claims->own, sizeof claims->own, "%.64s-%" PRId64 "%s", claims->self.host, claims->self.pid,
                 number);
        code = mkdirat(work, claims->own, 0777) ? errno : 0;
    }
    const int own = code ? -1 : ps_folder_beneath(work, claims->own, false);
    if (!code && (code = own < 0 ? errno : write_worker(claims, own)) != 0) {
        if (own >= 0)
            unlinkat(own, BEAT_NAME, 0);
        unlinkat(work, claims->own, AT_REMOVEDIR);
    }
    close_all(work, own, -1);
    snprintf(claims->beat, sizeof claims->beat, "%s/" WORK "/%s/" BEAT_NAME, claims->folder, claims->own);
    return code;
}

/* The own folder, made again where somebody has removed it; -1 with errno. */
static int open_own(struct ps_claims *claims)
{
    for (int attempt = 0;; attempt++) {
        const int work = open_work(claims);
        const int own = work < 0 ? -1 : ps_folder_beneath(work, claims->own, false);
        close_all(work, -1, -1);
        if (own >= 0 || work < 0 || errno != ENOENT || attempt)
            return own;
        const int code = make_own(claims);
        if (code) {
            errno = code;
            return -1;
        }
    }
}

enum ps_status ps_claims_open(struct ps_claims **out, const char *folder, struct ps_error *error)
{
    struct ps_claims *claims = calloc(1, sizeof *claims);
    *out = NULL;
    if (claims)
        claims->folder = strdup(folder);
    if (!claims || !claims->folder) {
        free(claims);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a watched folder");
    }
    claims->self = ps_worker_self();
    for (char *at = claims->self.host; *at; at++)
        *at = *at == '/' ? '_' : *at;
    const int code = make_own(claims);
    if (!code) {
        *out = claims;
        return PS_OK;
    }
    fail(claims, code, "cannot make", WORK, error);
    free(claims->folder);
    free(claims);
    return error->status;
}

const char *ps_claims_beat_file(const struct ps_claims *claims)
{
    return claims->beat;
}

/* ---- one photo ---- */

static bool is_marked(int folder, const char *name, const struct ps_file_mark *mark)
{
    struct stat info;
    const bool known = !fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) && S_ISREG(info.st_mode);
    return known && info.st_ino == mark->inode && (uint64_t)info.st_size == mark->size &&
           (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec == mark->modified;
}

/* Renames the photo into the own folder. EAGAIN where this watcher still has an older one of that name. */
static int take(struct ps_claims *claims, const char *photo, const struct ps_file_mark *mark)
{
    const char *name;
    struct stat info;
    const int root = open_root(claims), own = root < 0 ? -1 : open_own(claims);
    const int from = own < 0 ? -1 : ps_folder_around(root, photo, false, &name);
    const int to = from < 0 ? -1 : ps_folder_around(own, photo, true, &name);
    int code = to < 0 ? errno : 0;
    if (!code && !is_marked(from, name, mark))
        code = ENOENT;
    if (!code && !fstatat(to, name, &info, AT_SYMLINK_NOFOLLOW))
        code = EAGAIN;
    if (!code && renameat(from, name, to, name))
        code = errno;
    /* Between the look and the rename another file may have taken its place. */
    if (!code && !is_marked(to, name, mark))
        code = ps_place_move_new(to, name, from, name) ? 0 : ENOENT;
    close_all(root, own, from);
    close_all(to, -1, -1);
    return code;
}

enum ps_status ps_claims_take(struct ps_claims *claims, const char *photo, const struct ps_file_mark *mark,
                              char **path, struct ps_error *error)
{
    char place[PATH_BYTES];
    *path = NULL;
    const int code = take(claims, photo, mark);
    if (code == ENOENT || code == EAGAIN || code == ENOTDIR)
        return PS_OK;
    if (code)
        return fail(claims, code, "cannot claim", photo, error);
    if (snprintf(place, sizeof place, "%s/" WORK "/%s/%s", claims->folder, claims->own, photo) >=
        (int)sizeof place)
        return fail(claims, ENAMETOOLONG, "cannot claim", photo, error);
    *path = strdup(place);
    return *path ? PS_OK : fail(claims, ENOMEM, "cannot claim", photo, error);
}

/* Moves the photo from beneath `from_root` to its path beneath `to_root`. `made` gets its name there. */
static int move(int from_root, const char *photo, int to_root, char made[256])
{
    const char *name;
    const int from = ps_folder_around(from_root, photo, false, &name);
    const int to = from < 0 ? -1 : ps_folder_around(to_root, photo, true, &name);
    int code = to < 0 ? errno : ps_move_beside(from, name, to, name, made);
    if (!code)
        code = ps_place_sync(to);
    if (!code)
        code = ps_place_sync(from);
    close_all(from, to, -1);
    return code;
}

enum ps_status ps_claims_put_back(struct ps_claims *claims, const char *photo, struct ps_error *error)
{
    char made[256];
    const int root = open_root(claims), own = root < 0 ? -1 : open_own(claims);
    const int code = own < 0 ? errno : move(own, photo, root, made);
    close_all(root, own, -1);
    return code ? fail(claims, code, "cannot put back", photo, error) : PS_OK;
}

/* Beside the photo's new name. Written in the own folder, where a kill leaves it to whoever takes that over: to look for
 * leftovers among all that was ever filed would take longer with every photo. Returns 0 or an errno. */
static int write_note(int own, int place, const char *photo, const char *made, const char *note)
{
    const char *name;
    char beside[272];
    const size_t size = strlen(note);
    const int around = ps_folder_around(place, photo, false, &name);
    const int fd =
        around < 0 ? -1 : openat(own, NOTE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    int code = fd < 0 ? errno : 0;
    if (!code) {
        const ssize_t put = write(fd, note, size);
        code = put < 0 ? errno : (size_t)put < size ? ENOSPC : 0;
    }
    if (!code && fsync(fd))
        code = errno;
    snprintf(beside, sizeof beside, "%s.txt", made);
    if (!code && renameat(own, NOTE_NAME, around, beside))
        code = errno;
    if (!code)
        code = ps_place_sync(around);
    else if (fd >= 0)
        unlinkat(own, NOTE_NAME, 0);
    close_all(around, fd, -1);
    return code;
}

/* The note on a photo that was moved out of failed/ to be tried again. */
static void forget_failure(const struct ps_claims *claims, const char *photo)
{
    const char *name;
    char note[256];
    struct stat info;
    const int root = open_root(claims),
              failed = root < 0 ? -1 : ps_folder_beneath(root, PS_WATCH_FAILED, false);
    const int around = failed < 0 ? -1 : ps_folder_around(failed, photo, false, &name);
    if (around >= 0 && fstatat(around, name, &info, AT_SYMLINK_NOFOLLOW) && errno == ENOENT &&
        snprintf(note, sizeof note, "%s.txt", name) < (int)sizeof note)
        unlinkat(around, note, 0);
    close_all(root, failed, around);
}

enum ps_status ps_claims_file(struct ps_claims *claims, const char *photo, const char *to, const char *note,
                              struct ps_error *error)
{
    char made[256];
    const int root = open_root(claims), own = root < 0 ? -1 : open_own(claims);
    const int place = own < 0 ? -1 : ps_folder_beneath(root, to, true);
    const int moved = place < 0 ? errno : move(own, photo, place, made);
    const int noted = !moved && note ? write_note(own, place, photo, made, note) : 0;
    close_all(root, own, place);
    if (moved)
        return fail(claims, moved, "cannot move away", photo, error);
    forget_failure(claims, photo);
    return noted ? fail(claims, noted, "cannot write a note to", photo, error) : PS_OK;
}

/* ---- what is left ---- */

struct putting {
    int from, to;
    uint64_t count;
    char (*folders)[PATH_BYTES]; /* entered, to be removed when they are empty */
    size_t folder_count, capacity;
    int code;
};

static void on_left(void *user, const struct ps_walk_entry *entry)
{
    struct putting *putting = user;
    char made[256];
    if (entry->folder) {
        if (putting->folder_count == putting->capacity) {
            const size_t more = 2 * putting->capacity + 8;
            char(*folders)[PATH_BYTES] = realloc(putting->folders, more * sizeof *folders);
            if (!folders)
                return;
            putting->folders = folders;
            putting->capacity = more;
        }
        snprintf(putting->folders[putting->folder_count++], PATH_BYTES, "%s", entry->path);
        return;
    }
    if (!strcmp(entry->path, BEAT_NAME))
        return;
    if (!strcmp(entry->path, NOTE_NAME)) {
        unlinkat(putting->from, NOTE_NAME, 0);
        return;
    }
    /* Another watcher may put the same back at this moment: who comes second finds nothing. */
    const int code = move(putting->from, entry->path, putting->to, made);
    putting->count += !code;
    if (code && code != ENOENT)
        putting->code = code;
}

/* Puts all photos back that lie in a watcher's folder, and removes what is empty then. Returns 0 or an errno. */
static int put_all_back(const struct ps_claims *claims, int root, int work, const char *worker,
                        uint64_t *count)
{
    char path[PATH_BYTES];
    struct ps_error walked = {0};
    struct putting putting = {.from = ps_folder_beneath(work, worker, false), .to = root};
    if (putting.from < 0)
        return errno == ENOENT ? 0 : errno;
    snprintf(path, sizeof path, "%s/" WORK "/%s", claims->folder, worker);
    if (ps_walk(path, on_left, &putting, &walked) && !putting.code)
        putting.code = EIO;
    /* The innermost are entered last. */
    while (putting.folder_count-- > 1)
        unlinkat(putting.from, putting.folders[putting.folder_count], AT_REMOVEDIR);
    free(putting.folders);
    close(putting.from);
    *count += putting.count;
    return putting.code;
}

static void remove_folder(int work, const char *worker)
{
    const int fd = ps_folder_beneath(work, worker, false);
    if (fd >= 0) {
        unlinkat(fd, BEAT_NAME, 0);
        close(fd);
    }
    unlinkat(work, worker, AT_REMOVEDIR);
}

/* Reads who a watcher's folder belongs to, and when it last said that it lives. */
static bool read_worker(int work, const char *name, struct ps_worker *worker, struct timespec *beat)
{
    char text[512] = "";
    struct stat info;
    const int folder = ps_folder_beneath(work, name, false);
    const int fd =
        folder < 0 ? -1 : openat(folder, BEAT_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const bool read_it = fd >= 0 && !fstat(fd, &info) && read(fd, text, sizeof text - 1) > 0;
    close_all(folder, fd, -1);
    if (!read_it)
        return false;
    *beat = info.st_mtim;
    *worker = (struct ps_worker){0};
    return sscanf(text, "%64[^\n]\n%39[^\n]\n%" SCNu64 "\n%" SCNd64 "\n%" SCNu64, worker->host, worker->boot,
                  &worker->space, &worker->pid, &worker->start) == 5;
}

/* The file system's time, as it has just set that of the own file. */
static bool tell_time(struct ps_claims *claims, int work, struct timespec *now)
{
    struct ps_worker self;
    utimensat(AT_FDCWD, claims->beat, NULL, 0);
    return read_worker(work, claims->own, &self, now);
}

static bool is_gone(const struct ps_claims *claims, int work, const char *name, const struct timespec *now)
{
    struct ps_worker worker;
    struct timespec beat;
    struct stat info;
    if (!read_worker(work, name, &worker, &beat)) {
        /* It dies, or begins, at this moment, or died between the two steps of beginning. */
        if (fstatat(work, name, &info, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(info.st_mode))
            return false;
        beat = info.st_mtim;
    } else if (!strcmp(worker.boot, claims->self.boot) && worker.space == claims->self.space) {
        return ps_worker_is_gone(&worker, &claims->self);
    }
    return now->tv_sec - beat.tv_sec > PS_CLAIMS_LEASE;
}

static void on_worker(struct ps_claims *claims, int root, int work, const char *name,
                      const struct timespec *now, uint64_t *count, int *code)
{
    const bool own = !strcmp(name, claims->own);
    if (!own && !is_gone(claims, work, name, now))
        return;
    const int failed = put_all_back(claims, root, work, name, count);
    if (failed)
        *code = failed;
    else if (!own)
        remove_folder(work, name);
}

/* Returns 0 or an errno. */
static int recover(struct ps_claims *claims, int root, int work, uint64_t *count)
{
    struct timespec now;
    const struct dirent *entry;
    int code = 0;
    if (!tell_time(claims, work, &now))
        return errno ? errno : EIO;
    const int fd = openat(work, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        code = errno;
        close_all(fd, -1, -1);
        return code;
    }
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            on_worker(claims, root, work, entry->d_name, &now, count, &code);
    closedir(folder);
    return code;
}

enum ps_status ps_claims_recover(struct ps_claims *claims, uint64_t *count, struct ps_error *error)
{
    uint64_t found = 0;
    const int root = open_root(claims), own = root < 0 ? -1 : open_own(claims);
    const int work = own < 0 ? -1 : open_work(claims);
    const int code = work < 0 ? errno : recover(claims, root, work, &found);
    close_all(root, own, work);
    if (count)
        *count = found;
    return code ? fail(claims, code, "cannot put back what is in", WORK, error) : PS_OK;
}

char *ps_claims_origin(const char *path)
{
    static const char mark[] = "/" WORK "/";
    char *origin = NULL;
    const char *at = strstr(path, mark), *rest = at ? strchr(at + sizeof mark - 1, '/') : NULL;
    if (!rest)
        return strdup(path);
    return asprintf(&origin, "%.*s%s", (int)(at - path), path, rest) < 0 ? NULL : origin;
}

void ps_claims_close(struct ps_claims **claims)
{
    struct ps_claims *old = *claims;
    uint64_t count = 0;
    *claims = NULL;
    if (!old)
        return;
    const int root = open_root(old), work = root < 0 ? -1 : ps_folder_beneath(root, WORK, false);
    if (work >= 0 && !put_all_back(old, root, work, old->own, &count))
        remove_folder(work, old->own);
    close_all(root, work, -1);
    free(old->folder);
    free(old);
}
