/* In what order clip and sidecar get their names, and what is there when that is cut short. */
#include "provenance/origins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provenance/deliver.h"

int __real_renameat2(int from, const char *old, int to, const char *new, unsigned flags);
int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

/* The process ends before the call of this number, counted from 1, that changes a name; 0: never. */
static int end_before, calls;

static void count_call(void)
{
    if (++calls == end_before)
        _exit(9);
}

int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    count_call();
    return __real_renameat2(from, old, to, new, flags);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
    count_call();
    return __real_renameat(from, old, to, new);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    count_call();
    return __real_unlinkat(folder, name, flags);
}

/* A file of one box, whose content says which delivery made it. */
static enum ps_status write_body(void *user, struct ps_output *output, struct ps_error *error)
{
    char box[9] = "\0\0\0\x09"
                  "mdat";
    box[8] = *(const char *)user;
    return ps_output_write(output, box, sizeof box, 0, error);
}

static enum ps_status refuse(void *user, int fd, struct ps_error *error)
{
    (void)user, (void)fd;
    return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "no");
}

/* A delivery to FOLDER/clip.mp4 with its sidecar. */
struct job {
    char clip[512], sidecar[512], mark;
    struct ps_origin *origin;
    struct ps_provenance provenance;
    struct ps_delivery delivery;
};

static void job_begin(struct job *job, const char *folder, char mark, bool overwrite)
{
    *job = (struct job){.mark = mark, .origin = origin_new(0)};
    join(job->clip, folder, "clip.mp4");
    join(job->sidecar, folder, "clip.mp4.json");
    job->provenance.sidecar = job->sidecar;
    job->delivery = (struct ps_delivery){.path = job->clip,
                                         .overwrite = overwrite,
                                         .carrier = PS_CARRIER_ISO,
                                         .origin = job->origin,
                                         .provenance = &job->provenance,
                                         .write = write_body,
                                         .user = &job->mark};
}

static void job_end(struct job *job)
{
    ps_origin_free(&job->origin);
}

static void deliver(const char *folder, char mark, bool overwrite)
{
    struct job job;
    struct ps_error error = {0};
    job_begin(&job, folder, mark, overwrite);
    assert_ok(ps_deliver(&job.delivery, &error), error);
    job_end(&job);
}

/* The mark of the clip, or ' ' where there is none; fails unless it is whole and labelled. */
static char clip_mark(const char *folder)
{
    char path[512], *packet;
    size_t size;
    struct ps_error error = {0};
    if (access(join(path, folder, "clip.mp4"), F_OK))
        return ' ';
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_ok(ps_label_read(fd, &packet, &size, &error), error);
    close(fd);
    assert_non_null(packet);
    free(packet);
    struct ps_file clip = read_file(path);
    const char mark = (char)clip.bytes[8];
    free(clip.bytes);
    return mark;
}

/* Whether there is a sidecar; fails if it is not the clip's. */
static bool has_sidecar(const char *folder)
{
    char path[512], hash[PS_SHA256_TEXT];
    struct ps_error error = {0};
    struct ps_sidecar *sidecar;
    if (access(join(path, folder, "clip.mp4.json"), F_OK))
        return false;
    assert_ok(ps_sidecar_open(&sidecar, path, &error), error);
    assert_ok(ps_file_hash(hash, join(path, folder, "clip.mp4"), &error), error);
    assert_string_equal(sidecar->clip.sha256, hash);
    ps_sidecar_close(&sidecar);
    return true;
}

static void test_both_appear_and_agree(void **state)
{
    (void)state;
    char *folder = folder_new();
    deliver(folder, '1', false);
    assert_int_equal(clip_mark(folder), '1');
    assert_true(has_sidecar(folder));
    deliver(folder, '2', true);
    assert_int_equal(clip_mark(folder), '2');
    assert_true(has_sidecar(folder));
    assert_int_equal(folder_count(folder), 2);
    folder_remove(folder);
}

/* Ends the process before each change of a name in turn. */
static void test_no_end_leaves_a_sidecar_of_another_clip(void **state)
{
    (void)state;
    static const struct {
        bool overwrite;
        int changes;          /* of names, in a delivery that is not cut short */
        const char *marks;    /* of the clip found, by the number of changes made */
        const char *sidecars; /* y or n */
    } cases[] = {{false, 2, " 22", "nny"}, {true, 3, "1122", "ynny"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int end = 1; end <= cases[i].changes + 1; end++) {
            char *folder = folder_new();
            if (cases[i].overwrite)
                deliver(folder, '1', false);
            const pid_t child = fork();
            assert_true(child >= 0);
            if (!child) {
                struct job job;
                struct ps_error error = {0};
                job_begin(&job, folder, '2', cases[i].overwrite);
                calls = 0;
                end_before = end;
                _exit(ps_deliver(&job.delivery, &error) ? 1 : 0);
            }
            int result;
            assert_int_equal(waitpid(child, &result, 0), child);
            assert_int_equal(WEXITSTATUS(result), end <= cases[i].changes ? 9 : 0);
            assert_int_equal(clip_mark(folder), cases[i].marks[end - 1]);
            assert_int_equal(has_sidecar(folder), cases[i].sidecars[end - 1] == 'y');
            folder_remove(folder);
        }
}

static void test_a_clip_that_fails_leaves_nothing(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct job job;
    struct ps_error error = {0};
    job_begin(&job, folder, '1', false);
    job.delivery.verify = refuse;
    assert_int_equal(ps_deliver(&job.delivery, &error), PS_ERR_OUTPUT);
    assert_int_equal(folder_count(folder), 0);
    job_end(&job);
    folder_remove(folder);
}

/* One rule for both files. */
static void test_what_exists_stays(void **state)
{
    (void)state;
    for (const char *const *name = (const char *const[]){"clip.mp4", "clip.mp4.json", NULL}; *name; name++) {
        char path[512];
        char *folder = folder_new();
        struct job job;
        struct ps_error check = {0}, error = {0};
        write_file(join(path, folder, *name), "older", 5);
        job_begin(&job, folder, '1', false);
        assert_int_equal(ps_deliver_check(job.clip, false, NULL, &job.provenance, &check), PS_ERR_OUTPUT);
        assert_error(&check, PS_ERR_OUTPUT, "output.exists");
        assert_non_null(strstr(check.message, *name));
        assert_int_equal(ps_deliver(&job.delivery, &error), PS_ERR_OUTPUT);
        assert_error(&error, PS_ERR_OUTPUT, "output.exists");
        assert_int_equal(folder_count(folder), 1);
        struct ps_file file = read_file(path);
        assert_memory_equal(file.bytes, "older", 5);
        free(file.bytes);
        job_end(&job);
        folder_remove(folder);
    }
}

static void test_what_no_sidecar_can_be_made_of(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct job job;
    struct ps_error unknown = {0}, same = {0}, sections = {0};
    job_begin(&job, folder, '1', false);
    job.origin->files[0].sha256[0] = '\0';
    assert_int_equal(ps_deliver(&job.delivery, &unknown), PS_ERR_USAGE);
    assert_error(&unknown, PS_ERR_USAGE, "usage.sidecar");
    job.provenance.sidecar = job.clip;
    assert_int_equal(ps_deliver_check(job.clip, false, NULL, &job.provenance, &same), PS_ERR_USAGE);
    job.provenance.sidecar = job.sidecar;
    job.provenance.sections = "[]";
    assert_int_equal(ps_deliver_check(job.clip, false, NULL, &job.provenance, &sections), PS_ERR_USAGE);
    assert_int_equal(folder_count(folder), 0);
    job_end(&job);
    folder_remove(folder);
}

static void test_reproducible_has_no_time(void **state)
{
    (void)state;
    struct ps_file files[2];
    for (int i = 0; i < 2; i++) {
        char path[512];
        char *folder = folder_new();
        struct job job;
        struct ps_error error = {0};
        job_begin(&job, folder, '1', false);
        job.delivery.reproducible = i == 0;
        assert_ok(ps_deliver(&job.delivery, &error), error);
        files[i] = read_file(join(path, folder, "clip.mp4.json"));
        job_end(&job);
        folder_remove(folder);
    }
    assert_non_null(memmem(files[0].bytes, files[0].size, "\"created\": null", 15));
    assert_null(memmem(files[1].bytes, files[1].size, "\"created\": null", 15));
    free(files[0].bytes);
    free(files[1].bytes);
}

static bool owns_all(const char *name)
{
    (void)name;
    return true;
}

static enum ps_status write_files(void *user, struct ps_output_folder *folder, struct ps_error *error)
{
    (void)user;
    return ps_output_folder_file(folder, "b", "two", 3, error)
               ? error->status
               : ps_output_folder_file(folder, "a", "one", 3, error);
}

static enum ps_status sign_nothing(void *user, const char *path, struct ps_error *error)
{
    (void)user, (void)path, (void)error;
    return PS_OK;
}

/* The hash is that of sha256sum's text: echo of "one" and "two" without line ends, and of their two lines. */
static void test_folder(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct job job;
    struct ps_error error = {0};
    job_begin(&job, folder, 'a', false);
    job.delivery.write_folder = write_files;
    job.delivery.owns = owns_all;
    job.delivery.carrier = PS_CARRIER_NONE;
    assert_ok(ps_deliver_folder(&job.delivery, &error), error);
    assert_int_equal(folder_count(folder), 2);
    assert_int_equal(folder_count(job.clip), 2);
    struct ps_sidecar *sidecar = NULL;
    assert_ok(ps_sidecar_open(&sidecar, job.sidecar, &error), error);
    assert_string_equal(sidecar->clip.name, "clip.mp4");
    assert_int_equal(sidecar->clip.bytes, 6);
    assert_false(sidecar->labelled);
    char lines[256], expected[PS_SHA256_TEXT], one[PS_SHA256_TEXT], two[PS_SHA256_TEXT];
    assert_int_equal(ps_sha256(one, "one", 3), 0);
    assert_int_equal(ps_sha256(two, "two", 3), 0);
    const int size = snprintf(lines, sizeof lines, "%s  a\n%s  b\n", one, two);
    assert_int_equal(ps_sha256(expected, lines, (size_t)size), 0);
    assert_string_equal(sidecar->clip.sha256, expected);
    ps_sidecar_close(&sidecar);
    /* Refused as a whole while either name is taken. */
    assert_int_equal(remove(join(path, job.clip, "a")), 0);
    ps_deliver_folder(&job.delivery, &error);
    assert_error(&error, PS_ERR_OUTPUT, "output.exists");
    assert_int_equal(folder_count(job.clip), 1);
    error = (struct ps_error){0};
    job.delivery.overwrite = true;
    assert_ok(ps_deliver_folder(&job.delivery, &error), error);
    assert_int_equal(folder_count(job.clip), 2);
    assert_int_equal(folder_count(folder), 2);
    job.provenance.sign = sign_nothing;
    ps_deliver_folder(&job.delivery, &error);
    assert_error(&error, PS_ERR_USAGE, "usage.signer");
    job_end(&job);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_both_appear_and_agree),
        silent_unit_test(test_no_end_leaves_a_sidecar_of_another_clip),
        silent_unit_test(test_a_clip_that_fails_leaves_nothing),
        silent_unit_test(test_what_exists_stays),
        silent_unit_test(test_what_no_sidecar_can_be_made_of),
        silent_unit_test(test_reproducible_has_no_time),
        silent_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
