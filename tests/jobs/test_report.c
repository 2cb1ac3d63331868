/* Reports of a journal: every input once, counts that add up, and nothing in a text that acts on whoever opens it. */
#include "jobs/journals.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/report.h"

#define HOSTILE "<script>alert(1)</script>&\"quoted\"\x1b[2J"

/* A journal with one job of each state, in a folder with out/ and reports/. */
struct fixture {
    char *folder;
    struct ps_journal *journal;
};

static void add(struct fixture *fixture, uint64_t row, const char *photo, const char *output)
{
    char path[512], key[PS_JOB_KEY];
    snprintf(key, sizeof key, "%064d", (int)row);
    struct ps_new_job job =
        new_job(row, output ? join(path, fixture->folder, output) : NULL, output ? key : NULL);
    job.photo = photo;
    job.settings = "{\"preset\":\"hero\"}";
    job.ignored = output ? NULL : "no photo, by its name";
    job.priority = row == 5 ? -5 : 0;
    add_one(fixture->journal, &job);
}

static int make_journal(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct ps_error error = {0};
    char path[512];
    fixture->folder = folder_new();
    fixture->journal = open_journal(fixture->folder);
    assert_int_equal(mkdir(join(path, fixture->folder, "reports"), 0700), 0);
    add(fixture, 1, "/photos/.packshot/work/HOST-17/client/a.png", "out/a b:1.mp4");
    add(fixture, 2, "/photos/" HOSTILE ".png", "out/second.gif");
    add(fixture, 3, "=HYPERLINK(1)", "out/third.mov");
    add(fixture, 4, "/photos/notes \xff.txt", NULL);
    add(fixture, 5, "/photos/last.png", "out/" HOSTILE ".mp4");
    struct ps_journal_job *job = claim_one(fixture->journal);
    assert_ok(ps_journal_done(fixture->journal, job,
                              "{\"seconds\":12.5,\"findings\":[\"flicker 3.1\",\""
                              "<b>bold</b>"
                              "\"],\"clips\":[\"out/one.mp4\",\"/photos/two <b>.webm\"]}",
                              &error),
              error);
    assert_ok(ps_journal_log(fixture->journal, job->id, "== one\n\n", &error), error);
    ps_journal_job_free(&job);
    job = claim_one(fixture->journal);
    assert_ok(ps_journal_fail(fixture->journal, job, "image.truncated", "@cut " HOSTILE, false, NULL, &error),
              error);
    ps_journal_job_free(&job);
    *state = fixture;
    return silence_begin(state);
}

static int drop_journal(void **state)
{
    struct fixture *fixture = *state;
    ps_journal_close(&fixture->journal);
    folder_remove(fixture->folder);
    free(fixture);
    return silence_end(state);
}

/* Writes a report and returns its text, to be freed. */
static char *write_report(struct fixture *fixture, const char *name, enum ps_report_format format,
                          const char *title)
{
    const struct ps_report_params params = {.format = format, .title = title};
    struct ps_error error = {0};
    char path[512];
    assert_ok(ps_report_write(fixture->journal, join(path, fixture->folder, name), &params, &error), error);
    struct ps_file file = read_file(path);
    char *text = malloc(file.size + 1);
    memcpy(text, file.bytes, file.size);
    text[file.size] = '\0';
    assert_int_equal(strlen(text), file.size);
    free(file.bytes);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in:\n%s", part, text);
}

static void json_has_every_input_once(void **state)
{
    static const char *const states[] = {"done", "failed", "waiting", "ignored", "waiting"};
    static const char *const outputs[] = {"../out/a b:1.mp4", "../out/second.gif", "../out/third.mov", NULL,
                                          "../out/" HOSTILE ".mp4"};
    char *text = write_report(*state, "reports/report.json", PS_REPORT_JSON, HOSTILE);
    json_error_t where;
    json_t *report = json_loads(text, JSON_REJECT_DUPLICATES, &where), *job;
    if (!report)
        fail_msg("%s: %s", where.text, text);
    json_int_t sum = 0;
    size_t i;
    const char *key;
    json_t *value, *counts = json_object_get(report, "counts");
    json_object_foreach(counts, key, value) sum += strcmp(key, "total") != 0 ? json_integer_value(value) : 0;
    assert_int_equal(sum, 5);
    assert_int_equal(json_integer_value(json_object_get(counts, "total")), 5);
    assert_int_equal(json_integer_value(json_object_get(counts, "waiting")), 2);
    assert_string_equal(json_string_value(json_object_get(report, "title")), HOSTILE);
    assert_int_equal(json_array_size(json_object_get(report, "jobs")), 5);
    json_array_foreach(json_object_get(report, "jobs"), i, job)
    {
        assert_int_equal(json_integer_value(json_object_get(job, "row")), i + 1);
        assert_string_equal(json_string_value(json_object_get(job, "state")), states[i]);
        const char *output = json_string_value(json_object_get(job, "output"));
        if (outputs[i])
            assert_string_equal(output, outputs[i]);
        else
            assert_null(output);
    }
    const json_t *first = json_array_get(json_object_get(report, "jobs"), 0),
                 *second = json_array_get(json_object_get(report, "jobs"), 1);
    const json_t *clips = json_object_get(first, "clips");
    assert_int_equal(json_array_size(clips), 2);
    assert_string_equal(json_string_value(json_array_get(clips, 0)), "out/one.mp4");
    assert_string_equal(json_string_value(json_object_get(first, "log")), "../journal.logs/1.log");
    assert_string_equal(json_string_value(json_object_get(first, "photo")), "/photos/client/a.png");
    assert_true(json_is_null(json_object_get(second, "log")));
    assert_int_equal(json_array_size(json_object_get(second, "clips")), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(first, "settings"), "preset")),
                        "hero");
    assert_true(json_real_value(json_object_get(json_object_get(first, "result"), "seconds")) == 12.5);
    assert_int_equal(strlen(json_string_value(json_object_get(first, "ended"))),
                     strlen("2026-11-23T13:00:00Z"));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(report, "jobs"), 3), "photo")),
        "/photos/notes \\xff.txt");
    json_decref(report);
    free(text);
}

static void csv_opens_as_a_table_without_formulas(void **state)
{
    char *text = write_report(*state, "report.csv", PS_REPORT_CSV, NULL), *rest = text, *line;
    unsigned lines = 0;
    assert_has(text, "\xef\xbb\xbf"
                     "batch,row,state,photo,output,");
    assert_has(text, ",\"'=HYPERLINK(1)\",");
    assert_has(text, ",\"'@cut <script>");
    assert_has(text, "&\"\"quoted\"\"");
    assert_has(text, ",\"flicker 3.1; <b>bold</b>\",");
    assert_has(text, "1,1,\"done\",\"/photos/client/a.png\",\"out/a b:1.mp4\",0,12.500,\"\",\"\",");
    assert_has(text, ",-5,");
    while ((line = strsep(&rest, "\n"))) {
        lines += *line != '\0';
        if (*line)
            assert_int_equal(line[strlen(line) - 1], '\r');
        for (const char *cell = line; (cell = strstr(cell, ",\"")); cell += 2)
            assert_false(cell[2] && strchr("=+-@", cell[2]));
    }
    assert_int_equal(lines, 6);
    free(text);
}

static void the_page_plays_clips_and_runs_nothing(void **state)
{
    char *text = write_report(*state, "reports/index.html", PS_REPORT_HTML, HOSTILE);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<b>"));
    assert_null(strchr(text, '\x1b'));
    assert_has(text, "<title>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;quoted&quot;\\x1b[2J</title>");
    assert_has(text, "<video controls loop muted preload=\"metadata\" src=\"./out/one.mp4\"></video>");
    assert_has(text, "two%20%3Cb%3E.webm\"></video>");
    assert_null(strstr(text, "a%20b%3A1.mp4"));
    assert_has(text, "<p><a href=\"./../journal.logs/1.log\">log</a>");
    assert_has(text, "<p>12.5 s");
    assert_has(text, "<li>&lt;b&gt;bold&lt;/b&gt;");
    assert_has(text, "<td>total<td>5\n");
    assert_has(text, "<p class=\"reason\">@cut &lt;script&gt;");
    assert_has(text, "no photo, by its name");
    unsigned sections = 0;
    for (const char *at = text; (at = strstr(at, "<section")); at++)
        sections++;
    assert_int_equal(sections, 5);
    free(text);
}

static void a_report_appears_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    const struct ps_report_params params = {.format = PS_REPORT_HTML};
    struct ps_error exists = {0}, missing = {0}, error = {0};
    char path[512];
    write_file(join(path, fixture->folder, "there.html"), "mine", 4);
    assert_int_equal(ps_report_write(fixture->journal, path, &params, &exists), PS_ERR_OUTPUT);
    assert_error(&exists, PS_ERR_OUTPUT, "output.exists");
    struct ps_file file = read_file(path);
    assert_int_equal(file.size, 4);
    free(file.bytes);
    const struct ps_report_params over = {.format = PS_REPORT_CSV, .overwrite = true};
    assert_ok(ps_report_write(fixture->journal, path, &over, &error), error);
    assert_int_equal(
        ps_report_write(fixture->journal, join(path, fixture->folder, "none/x.html"), &params, &missing),
        PS_ERR_OUTPUT);
    assert_error(&missing, PS_ERR_OUTPUT, "output.no-folder");
    assert_int_equal(ps_report_write(fixture->journal, "/dev/full", &over, &missing), PS_ERR_OUTPUT);
    /* The journal goes on afterwards. */
    struct ps_journal_job *job = claim_one(fixture->journal);
    ps_journal_job_free(&job);
}

static void only_the_jobs_that_are_asked_for(void **state)
{
    struct fixture *fixture = *state;
    const struct ps_report_params params = {.format = PS_REPORT_JSON,
                                            .filter = {.states = 1u << PS_JOB_FAILED}};
    struct ps_error error = {0};
    char path[512];
    assert_ok(ps_report_write(fixture->journal, join(path, fixture->folder, "r.json"), &params, &error),
              error);
    json_t *report = json_load_file(path, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "jobs")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(report, "counts"), "total")), 1);
    json_decref(report);
}

#define journal_unit_test(test) cmocka_unit_test_setup_teardown(test, make_journal, drop_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_unit_test(json_has_every_input_once),
        journal_unit_test(csv_opens_as_a_table_without_formulas),
        journal_unit_test(the_page_plays_clips_and_runs_nothing),
        journal_unit_test(a_report_appears_whole_or_not_at_all),
        journal_unit_test(only_the_jobs_that_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
