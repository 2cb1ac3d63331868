/* What a watched folder is looked at with: the walk, the time that files are left alone, and claims. */
#include "media/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jobs/claims.h"
#include "jobs/inbox.h"
#include "jobs/notice.h"
#include "jobs/photo_name.h"
#include "jobs/writer.h"

/* Makes FOLDER/PATH with its folders. */
static void put(const char *folder, const char *path, const char *text)
{
    char whole[512];
    join(whole, folder, path);
    for (char *at = whole + strlen(folder) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(whole, 0777);
        *at = '/';
    }
    write_file(whole, text, strlen(text));
}

static bool is_there(const char *folder, const char *path)
{
    char whole[512];
    struct stat info;
    return !lstat(join(whole, folder, path), &info);
}

static void assert_text(const char *folder, const char *path, const char *expected)
{
    char whole[512];
    struct ps_file file = read_file(join(whole, folder, path));
    assert_int_equal(file.size, strlen(expected));
    assert_memory_equal(file.bytes, expected, file.size);
    free((void *)(uintptr_t)file.bytes);
}

/* ---- names and the walk ---- */

static void names_that_are_no_photos(void **state)
{
    (void)state;
    static const char *const junk[] = {
        ".DS_Store",     "._shoe.png",          "Thumbs.db",    "desktop.ini", "~$shoe.png", "shoe.png.part",
        "shoe.filepart", "shoe.png.crdownload", "shoe.png.tmp", "notes.txt",   "shoe"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        if (!ps_photo_problem(junk[i], S_IFREG | 0644))
            fail_msg("%s is taken for a photo", junk[i]);
    assert_null(ps_photo_problem("shoe.png", S_IFREG | 0644));
    assert_null(ps_photo_problem("SHOE.JPEG", S_IFREG | 0644));
    assert_non_null(ps_photo_problem("shoe.png", S_IFIFO | 0644));
    assert_non_null(ps_photo_problem("shoe.png", S_IFDIR | 0755));
    assert_non_null(strstr(ps_photo_problem("shoe.png", S_IFLNK | 0777), "link"));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct met {
    char *list[64];
    size_t count;
};

static void on_met(void *user, const struct ps_walk_entry *entry)
{
    struct met *met = user;
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", entry->path, entry->folder ? "/" : "", entry->problem ? "?" : "");
    met->list[met->count++] = strdup(text);
}

static void the_walk_meets_all_but_what_is_packshots_own(void **state)
{
    (void)state;
    char text[1024] = "", whole[512];
    struct met met = {.count = 0};
    struct ps_error error = {0};
    char *folder = folder_new();
    put(folder, "a.png", "a");
    put(folder, "client/b.jpg", "b");
    put(folder, "client/done/c.png", "c");
    put(folder, "done/2031-01-01/d.png", "d");
    put(folder, "failed/e.png", "e");
    put(folder, ".packshot/work/x-1/f.png", "f");
    put(folder, "Thumbs.db", "g");
    assert_int_equal(symlink("/etc", join(whole, folder, "out")), 0);
    assert_int_equal(symlink("a.png", join(whole, folder, "z.png")), 0);
    assert_int_equal(mkfifo(join(whole, folder, "pipe.png"), 0600), 0);
    assert_ok(ps_walk(folder, on_met, &met, &error), error);
    qsort(met.list, met.count, sizeof *met.list, compare);
    for (size_t i = 0; i < met.count; i++) {
        strcat(strcat(text, met.list[i]), " ");
        free(met.list[i]);
    }
    assert_string_equal(text, "/ Thumbs.db? a.png client/ client/b.jpg client/done/ client/done/c.png out? "
                              "pipe.png? z.png? ");
    folder_remove(folder);
}

static void folders_that_are_too_deep_are_told_of(void **state)
{
    (void)state;
    char path[512] = "";
    struct met met = {.count = 0};
    struct ps_error error = {0};
    char *folder = folder_new();
    for (int i = 0; i < PS_WALK_DEPTH + 2; i++)
        strcat(path, "d/");
    put(folder, strcat(path, "x.png"), "x");
    assert_ok(ps_walk(folder, on_met, &met, &error), error);
    assert_int_equal(met.count, 1 + PS_WALK_DEPTH - 1 + 1);
    assert_int_equal(met.list[met.count - 1][strlen(met.list[met.count - 1]) - 1], '?');
    for (size_t i = 0; i < met.count; i++)
        free(met.list[i]);
    folder_remove(folder);
}

/* ---- settling ---- */

struct seen {
    int folders, others;
};

static void on_folder(void *user, const char *path)
{
    (void)path;
    ((struct seen *)user)->folders++;
}

static void on_other(void *user, const char *path, const char *problem)
{
    assert_non_null(problem);
    assert_non_null(path);
    ((struct seen *)user)->others++;
}

static struct ps_inbox *inbox_new(struct seen *seen)
{
    const struct ps_inbox_params params = {
        .quiet = 5, .give_up = 100, .folder = on_folder, .no_photo = on_other, .user = seen};
    return ps_inbox_new(&params);
}

static void look(struct ps_inbox *inbox, const char *folder, double now)
{
    struct ps_error error = {0};
    assert_ok(ps_inbox_look(inbox, folder, now, &error), error);
}

static const char *next(struct ps_inbox *inbox, double now)
{
    const struct ps_inbox_file *file = ps_inbox_next(inbox, now);
    return file ? file->path : "none";
}

static void a_file_is_tried_when_it_was_left_alone(void **state)
{
    (void)state;
    char path[512];
    struct seen seen = {0};
    char *folder = folder_new();
    struct ps_inbox *inbox = inbox_new(&seen);
    put(folder, "a.png", "half");
    /* An old time of the file, as copying programs keep it, and one to come, do not count. */
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, join(path, folder, "a.png"), times, 0), 0);
    look(inbox, folder, 10);
    assert_string_equal(next(inbox, 14.9), "none");
    assert_float_equal(ps_inbox_wait(inbox, 11), 4, 1e-9);
    assert_true(ps_inbox_is_settling(inbox, 14.9, 20));
    assert_false(ps_inbox_is_settling(inbox, 31, 20));
    put(folder, "a.png", "all of it");
    look(inbox, folder, 14);
    assert_string_equal(next(inbox, 18.9), "none");
    /* It may have changed since the last look. */
    assert_string_equal(next(inbox, 19), "none");
    assert_float_equal(ps_inbox_wait(inbox, 19.5), 0, 1e-9);
    look(inbox, folder, 19);
    assert_string_equal(next(inbox, 19), "a.png");
    /* It does not decode: not tried again before it changes, whatever the time is. */
    ps_inbox_put(inbox, ps_inbox_next(inbox, 19), PS_INBOX_INCOMPLETE, 19);
    look(inbox, folder, 60);
    assert_string_equal(next(inbox, 60), "none");
    put(folder, "a.png", "all of it, and more");
    look(inbox, folder, 61);
    look(inbox, folder, 66);
    assert_string_equal(next(inbox, 66), "a.png");
    ps_inbox_put(inbox, ps_inbox_next(inbox, 66), PS_INBOX_INCOMPLETE, 66);
    assert_false(ps_inbox_is_overdue(inbox, &(struct ps_inbox_file){.changed = 61}, 160));
    assert_string_equal(next(inbox, 160), "none");
    assert_string_equal(next(inbox, 161), "a.png");
    assert_true(ps_inbox_is_overdue(inbox, ps_inbox_next(inbox, 161), 161));
    ps_inbox_take(inbox, ps_inbox_next(inbox, 161));
    assert_string_equal(next(inbox, 999), "none");
    ps_inbox_free(&inbox);
    folder_remove(folder);
}

static void files_are_handed_out_in_the_order_they_came(void **state)
{
    (void)state;
    uint64_t counts[PS_INBOX_STATES];
    struct seen seen = {0};
    char *folder = folder_new();
    struct ps_inbox *inbox = inbox_new(&seen);
    put(folder, "z.png", "1");
    put(folder, "empty.png", "");
    put(folder, ".DS_Store", "1");
    look(inbox, folder, 0);
    put(folder, "a.png", "1");
    look(inbox, folder, 1);
    assert_int_equal(seen.folders, 2);
    assert_int_equal(seen.others, 1);
    look(inbox, folder, 6);
    assert_string_equal(next(inbox, 6), "z.png");
    ps_inbox_put(inbox, ps_inbox_next(inbox, 6), PS_INBOX_HELD, 6);
    assert_string_equal(next(inbox, 6), "a.png");
    ps_inbox_put(inbox, ps_inbox_next(inbox, 6), PS_INBOX_KEPT, 6);
    assert_string_equal(next(inbox, 10.9), "none");
    assert_string_equal(next(inbox, 11), "z.png");
    /* Empty files are waited for; what is gone is forgotten. */
    assert_string_equal(next(inbox, 99), "z.png");
    ps_inbox_count(inbox, counts);
    assert_int_equal(counts[PS_INBOX_SETTLING], 1);
    assert_int_equal(counts[PS_INBOX_KEPT], 1);
    assert_int_equal(counts[PS_INBOX_NO_PHOTO], 1);
    char path[512];
    unlink(join(path, folder, "z.png"));
    unlink(join(path, folder, "a.png"));
    look(inbox, folder, 12);
    ps_inbox_count(inbox, counts);
    assert_int_equal(counts[PS_INBOX_HELD] + counts[PS_INBOX_KEPT], 0);
    /* A folder that is gone changes nothing. */
    struct ps_error error = {0};
    ps_inbox_look(inbox, "/nonexistent/folder", 13, &error);
    assert_error(&error, PS_ERR_INPUT, "watch.no-folder");
    ps_inbox_count(inbox, counts);
    assert_int_equal(counts[PS_INBOX_SETTLING], 1);
    ps_inbox_free(&inbox);
    folder_remove(folder);
}

static void many_files_are_each_handed_out_once(void **state)
{
    (void)state;
    enum { FILES = 5000 };
    struct seen seen = {0};
    char *folder = folder_new();
    struct ps_inbox *inbox = inbox_new(&seen);
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d.png", i);
        put(folder, name, "x");
    }
    look(inbox, folder, 0);
    look(inbox, folder, 5);
    int count = 0;
    for (const struct ps_inbox_file *file; (file = ps_inbox_next(inbox, 5)); count++)
        ps_inbox_take(inbox, file);
    assert_int_equal(count, FILES);
    ps_inbox_free(&inbox);
    folder_remove(folder);
}

static void a_writer_is_noticed(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    put(folder, "a.png", "x");
    const int reader = open(join(path, folder, "a.png"), O_RDONLY | O_CLOEXEC);
    assert_false(ps_has_writer(reader));
    const int writer = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(ps_has_writer(reader));
    close(writer);
    assert_false(ps_has_writer(reader));
    close(reader);
    folder_remove(folder);
}

static void changes_are_hinted_at(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct ps_notice *notice = ps_notice_new();
    assert_non_null(notice);
    assert_int_equal(ps_notice_watch(notice, folder), 0);
    assert_int_equal(ps_notice_watch(notice, folder), 0);
    assert_false(ps_notice_wait(notice, 0));
    put(folder, "a.png", "x");
    assert_true(ps_notice_wait(notice, 5));
    assert_false(ps_notice_wait(notice, 0));
    assert_int_equal(ps_notice_watch(notice, "/dev/null/nothing"), ENOTDIR);
    assert_int_equal(ps_notice_overflows(notice), 0);
    ps_notice_free(&notice);
    folder_remove(folder);
}

/* ---- claims ---- */

static struct ps_file_mark mark_of(const char *folder, const char *path)
{
    char whole[512];
    struct stat info;
    assert_int_equal(lstat(join(whole, folder, path), &info), 0);
    return (struct ps_file_mark){.inode = info.st_ino,
                                 .size = (uint64_t)info.st_size,
                                 .modified =
                                     (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
}

static struct ps_claims *claims_open(const char *folder)
{
    struct ps_error error = {0};
    struct ps_claims *claims = NULL;
    assert_ok(ps_claims_open(&claims, folder, &error), error);
    return claims;
}

/* The path of the claimed photo, or null. */
static char *take(struct ps_claims *claims, const char *photo, const struct ps_file_mark *mark)
{
    struct ps_error error = {0};
    char *path = NULL;
    assert_ok(ps_claims_take(claims, photo, mark, &path, &error), error);
    return path;
}

static void one_of_two_watchers_gets_a_photo(void **state)
{
    (void)state;
    struct ps_error error = {0};
    char *folder = folder_new();
    put(folder, "client/a.png", "photo");
    struct ps_claims *one = claims_open(folder), *two = claims_open(folder);
    assert_string_not_equal(ps_claims_beat_file(one), ps_claims_beat_file(two));
    const struct ps_file_mark mark = mark_of(folder, "client/a.png");
    char *first = take(one, "client/a.png", &mark), *second = take(two, "client/a.png", &mark);
    assert_non_null(first);
    assert_null(second);
    assert_text("", first, "photo");
    assert_false(is_there(folder, "client/a.png"));
    /* A new one of the same name waits until the first is through, and takes nobody's name. */
    put(folder, "client/a.png", "another");
    const struct ps_file_mark other = mark_of(folder, "client/a.png");
    assert_null(take(one, "client/a.png", &other));
    assert_ok(ps_claims_put_back(one, "client/a.png", &error), error);
    assert_text(folder, "client/a.png", "another");
    assert_text(folder, "client/a_2.png", "photo");
    /* One that has changed since it was looked at is not taken. */
    struct ps_file_mark stale = other;
    stale.size++;
    assert_null(take(one, "client/a.png", &stale));
    assert_true(is_there(folder, "client/a.png"));
    ps_claims_close(&one);
    ps_claims_close(&two);
    assert_int_equal(folder_count(join((char[512]){0}, folder, ".packshot/work")), 0);
    free(first);
    folder_remove(folder);
}

static void photos_are_filed_with_a_note(void **state)
{
    (void)state;
    struct ps_error error = {0};
    char *folder = folder_new();
    struct ps_claims *claims = claims_open(folder);
    for (int i = 0; i < 2; i++) {
        put(folder, "client/a.png", i ? "two" : "one");
        const struct ps_file_mark mark = mark_of(folder, "client/a.png");
        free(take(claims, "client/a.png", &mark));
        assert_ok(ps_claims_file(claims, "client/a.png", "failed", i ? "second" : "first", &error), error);
    }
    assert_text(folder, "failed/client/a.png", "one");
    assert_text(folder, "failed/client/a.png.txt", "first");
    assert_text(folder, "failed/client/a_2.png", "two");
    assert_text(folder, "failed/client/a_2.png.txt", "second");
    /* Tried again, and well: the note has had its time. */
    char from[512], to[512];
    assert_int_equal(rename(join(from, folder, "failed/client/a.png"), join(to, folder, "client/a.png")), 0);
    const struct ps_file_mark mark = mark_of(folder, "client/a.png");
    free(take(claims, "client/a.png", &mark));
    assert_ok(ps_claims_file(claims, "client/a.png", "done/2031-05-08", NULL, &error), error);
    assert_text(folder, "done/2031-05-08/client/a.png", "one");
    assert_false(is_there(folder, "done/2031-05-08/client/a.png.txt"));
    assert_false(is_there(folder, "failed/client/a.png.txt"));
    assert_true(is_there(folder, "failed/client/a_2.png.txt"));
    ps_claims_close(&claims);
    folder_remove(folder);
}

static void no_link_leads_a_photo_out(void **state)
{
    (void)state;
    char path[512];
    struct ps_error error = {0};
    char *folder = folder_new(), *outside = folder_new();
    struct ps_claims *claims = claims_open(folder);
    put(folder, "a.png", "photo");
    assert_int_equal(symlink(outside, join(path, folder, "failed")), 0);
    const struct ps_file_mark mark = mark_of(folder, "a.png");
    free(take(claims, "a.png", &mark));
    assert_true(ps_claims_file(claims, "a.png", "failed", "note", &error) != PS_OK);
    assert_int_equal(folder_count(outside), 0);
    ps_claims_close(&claims);
    assert_text(folder, "a.png", "photo");
    folder_remove(folder);
    folder_remove(outside);
}

static void what_a_dead_watcher_held_comes_back(void **state)
{
    (void)state;
    uint64_t count = 99;
    int done[2];
    char note[512];
    struct ps_error error = {0};
    char *folder = folder_new();
    put(folder, "client/a.png", "a");
    put(folder, "b.png", "b");
    const struct ps_file_mark a = mark_of(folder, "client/a.png"), b = mark_of(folder, "b.png");
    assert_int_equal(pipe(done), 0);
    const pid_t child = fork();
    if (!child) {
        struct ps_claims *claims = claims_open(folder);
        free(take(claims, "client/a.png", &a));
        free(take(claims, "b.png", &b));
        /* Killed as it wrote the note on a photo. */
        snprintf(note, sizeof note, "%s", ps_claims_beat_file(claims) + strlen(folder) + 1);
        strcpy(strrchr(note, '/'), "/.note");
        put(folder, note, "half a no");
        if (write(done[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(done[0], &byte, 1), 1);
    struct ps_claims *claims = claims_open(folder);
    assert_false(is_there(folder, "b.png"));
    /* It lives. */
    assert_ok(ps_claims_recover(claims, &count, &error), error);
    assert_int_equal(count, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(ps_claims_recover(claims, &count, &error), error);
    assert_int_equal(count, 2);
    assert_text(folder, "client/a.png", "a");
    assert_text(folder, "b.png", "b");
    assert_false(is_there(folder, ".note"));
    assert_int_equal(folder_count(join((char[512]){0}, folder, ".packshot/work")), 1);
    ps_claims_close(&claims);
    close(done[0]);
    close(done[1]);
    folder_remove(folder);
}

/* Puts a photo into the folder of a watcher that `worker` describes, and expects it back once that is silent. */
static void expect_back_after_silence(const char *worker)
{
    uint64_t count = 99;
    struct ps_error error = {0};
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    char path[512];
    char *folder = folder_new();
    put(folder, ".packshot/work/elsewhere-7/.worker", worker);
    put(folder, ".packshot/work/elsewhere-7/a.png", "a");
    struct ps_claims *claims = claims_open(folder);
    assert_ok(ps_claims_recover(claims, &count, &error), error);
    assert_int_equal(count, 0);
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec -= PS_CLAIMS_LEASE + 2;
    assert_int_equal(utimensat(AT_FDCWD, join(path, folder, ".packshot/work/elsewhere-7/.worker"), times, 0),
                     0);
    assert_ok(ps_claims_recover(claims, &count, &error), error);
    assert_int_equal(count, 1);
    assert_text(folder, "a.png", "a");
    assert_false(is_there(folder, ".packshot/work/elsewhere-7"));
    ps_claims_close(&claims);
    folder_remove(folder);
}

static void a_watcher_of_another_machine_is_gone_when_it_is_silent(void **state)
{
    (void)state;
    expect_back_after_silence("elsewhere\n0-0\n1\n7\n5\n");
}

static void a_watcher_of_another_container_is_gone_when_it_is_silent(void **state)
{
    (void)state;
    char boot[64] = "", text[256];
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    assert_non_null(file);
    assert_non_null(fgets(boot, sizeof boot, file));
    fclose(file);
    snprintf(text, sizeof text, "container\n%s1\n%ld\n5\n", boot, (long)getpid());
    expect_back_after_silence(text);
}

static void a_folder_that_is_gone_and_comes_back(void **state)
{
    (void)state;
    struct ps_error error = {0};
    char *folder = folder_new(), path[512], *none = NULL;
    const struct ps_file_mark nothing = {0};
    join(path, folder, "in");
    assert_int_equal(mkdir(path, 0777), 0);
    struct ps_claims *claims = claims_open(path);
    put(path, "a.png", "a");
    struct ps_file_mark mark = mark_of(path, "a.png");
    free(take(claims, "a.png", &mark));
    assert_int_equal(rename(path, join((char[512]){0}, folder, "away")), 0);
    assert_ok(ps_claims_take(claims, "a.png", &nothing, &none, &error), error);
    assert_null(none);
    ps_claims_recover(claims, NULL, &error);
    assert_error(&error, PS_ERR_OUTPUT, "watch.no-folder");
    /* Back with all that was in it: what was held before is put back. */
    error = (struct ps_error){0};
    assert_int_equal(rename(join((char[512]){0}, folder, "away"), path), 0);
    assert_ok(ps_claims_recover(claims, NULL, &error), error);
    assert_text(path, "a.png", "a");
    /* A new one in its place. */
    assert_int_equal(rename(path, join((char[512]){0}, folder, "away")), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    put(path, "b.png", "b");
    mark = mark_of(path, "b.png");
    char *taken = take(claims, "b.png", &mark);
    assert_non_null(taken);
    free(taken);
    ps_claims_close(&claims);
    assert_text(path, "b.png", "b");
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(names_that_are_no_photos),
        silent_unit_test(the_walk_meets_all_but_what_is_packshots_own),
        silent_unit_test(folders_that_are_too_deep_are_told_of),
        silent_unit_test(a_file_is_tried_when_it_was_left_alone),
        silent_unit_test(files_are_handed_out_in_the_order_they_came),
        silent_unit_test(many_files_are_each_handed_out_once),
        silent_unit_test(a_writer_is_noticed),
        silent_unit_test(changes_are_hinted_at),
        silent_unit_test(one_of_two_watchers_gets_a_photo),
        silent_unit_test(photos_are_filed_with_a_note),
        silent_unit_test(no_link_leads_a_photo_out),
        silent_unit_test(what_a_dead_watcher_held_comes_back),
        silent_unit_test(a_watcher_of_another_machine_is_gone_when_it_is_silent),
        silent_unit_test(a_watcher_of_another_container_is_gone_when_it_is_silent),
        silent_unit_test(a_folder_that_is_gone_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
