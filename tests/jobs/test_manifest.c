/* Manifests as spreadsheets, programs and people write them: what they give, and that every fault is told with its row. */
#include "media/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jobs/manifest.h"

/* Options "width" and "caption", the label "sku"; a width is 64 or 128, a preset not "broken". */
static enum ps_column know_column(void *user, const char *name, const char **guess)
{
    (void)user;
    if (!strcmp(name, "width") || !strcmp(name, "caption") || !strcmp(name, "noise-aug"))
        return PS_COLUMN_SETTING;
    if (!strcmp(name, "sku"))
        return PS_COLUMN_LABEL;
    if (!strcmp(name, "widht"))
        *guess = "width";
    return PS_COLUMN_UNKNOWN;
}

static bool check_value(void *user, const char *key, const char *value, char *problem, size_t size)
{
    (void)user;
    const bool good = strcmp(key, "width") != 0 ? strcmp(value, "broken") != 0
                                                : !strcmp(value, "64") || !strcmp(value, "128");
    if (!good)
        snprintf(problem, size, "%s: \"%s\" will not do", key, value);
    return good;
}

static const struct ps_manifest_params params = {.column = know_column, .check = check_value};

/* A folder with photos a.png, b.png, "c d.png" and sub/e.png. */
static int make_folder(void **state)
{
    char path[512];
    char *folder = folder_new();
    static const char *const names[] = {"a.png", "b.png", "c d.png", "sub/e.png"};
    assert_int_equal(mkdir(join(path, folder, "sub"), 0700), 0);
    for (size_t i = 0; i < 4; i++)
        write_file(join(path, folder, names[i]), names[i], strlen(names[i]));
    *state = folder;
    return silence_begin(state);
}

static int drop_folder(void **state)
{
    folder_remove(*state);
    return silence_end(state);
}

static void append(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *to, size_t size, const char *format, ...)
{
    const size_t used = strlen(to);
    va_list arguments;
    va_start(arguments, format);
    assert_true((size_t)vsnprintf(to + used, size - used, format, arguments) < size - used);
    va_end(arguments);
}

/* "row:photo|preset|seed|output|priority|key=value " of every row, then "id@row:column " of every problem. */
static void read_all(char *rows, char *problems, size_t size, struct ps_manifest *manifest)
{
    struct ps_error error = {0};
    const struct ps_manifest_row *row;
    rows[0] = problems[0] = '\0';
    for (;;) {
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
        if (!row)
            break;
        append(rows, size, "%llu:%s", (unsigned long long)row->row, row->photo);
        if (row->preset)
            append(rows, size, "|preset %s", row->preset);
        if (row->has_seed)
            append(rows, size, "|seed %llu", (unsigned long long)row->seed);
        if (row->output)
            append(rows, size, "|output %s", row->output);
        if (row->priority)
            append(rows, size, "|priority %d", row->priority);
        for (size_t i = 0; i < row->cell_count; i++)
            append(rows, size, "|%s%s=%s", row->cells[i].kind == PS_COLUMN_LABEL ? "label " : "",
                   row->cells[i].key, row->cells[i].value);
        if (row->ignored)
            append(rows, size, "|ignored");
        else
            assert_true(row->fd >= 0);
        append(rows, size, " ");
    }
    for (size_t i = 0; i < manifest->problem_count; i++) {
        const struct ps_manifest_problem *problem = &manifest->problems[i];
        append(problems, size, "%s@%llu:%u ", problem->id, (unsigned long long)problem->row, problem->column);
        assert_true(problem->message[0]);
    }
}

struct sample {
    const char *text, *rows, *problems;
    size_t size; /* where the text has NULs */
};

static void check_samples(const char *folder, const char *name, const struct sample *samples, size_t count)
{
    static char rows[8192], problems[8192];
    char path[512];
    for (size_t i = 0; i < count; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        write_file(join(path, folder, name), samples[i].text,
                   samples[i].size ? samples[i].size : strlen(samples[i].text));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        read_all(rows, problems, sizeof rows, manifest);
        ps_manifest_close(&manifest);
        assert_null(manifest);
        assert_string_equal(rows, samples[i].rows);
        assert_string_equal(problems, samples[i].problems);
    }
}

static void takes_the_shapes_of_spreadsheets(void **state)
{
    static const struct sample samples[] = {
        {"photo\na.png\nb.png\n", "2:a.png 3:b.png ", "", 0},
        {"photo\na.png", "2:a.png ", "", 0},
        {"\xef\xbb\xbfPhoto,Preset\r\na.png,hero\r\nb.png,\r\n", "2:a.png|preset hero 3:b.png ", "", 0},
        {"photo;seed;width\na.png;7;64\n", "2:a.png|seed 7|width=64 ", "", 0},
        {"photo\tpriority\na.png\t-5\nb.png\t12\n", "2:a.png|priority -5 3:b.png|priority 12 ", "", 0},
        {"sep=;\r\nphoto;caption\r\na.png;\"one, two\"\r\n", "2:a.png|caption=one, two ", "", 0},
        {"\"sep=;\"\nphoto;caption\na.png;x\n", "2:a.png|caption=x ", "", 0},
        {"\xef\xbb\xbfsep=\t\nphoto\ta.png\n", "", "manifest.column@1:2 ", 0},
        {"photo,caption\na.png,\"two\r\nlines\"\nb.png,\"a \"\"word\"\"\"\n",
         "2:a.png|caption=two\nlines 3:b.png|caption=a \"word\" ", "", 0},
        {"photo\ra.png\rb.png\r", "2:a.png 3:b.png ", "", 0},
        {"\n\nphoto\n\na.png\n\n\n", "5:a.png ", "", 0},
        {"photo,preset,seed\na.png,,1\n,,\n,,\n", "2:a.png|seed 1 ", "", 0},
        {"photo,,\na.png,,\n", "2:a.png ", "", 0},
        {"photo,\na.png,,,\n", "2:a.png ", "", 0},
        {" photo , sku \n c d.png , 12 \n", "2:c d.png|label sku=12 ", "", 0},
        {"\"photo\",\"output\"\n\"sub/e.png\",\"x/y.mp4\"\n", "2:sub/e.png|output x/y.mp4 ", "", 0},
        {"photo,seed\na.png,18446744073709551615\n", "2:a.png|seed 18446744073709551615 ", "", 0},
        {"photo,caption\na.png,gr\xc3\xbc\xc3\x9f\n", "2:a.png|caption=gr\xc3\xbc\xc3\x9f ", "", 0},
        {",,\n\nphoto,seed\na.png,1\n", "4:a.png|seed 1 ", "", 0},
        {"photo\n", "", "", 0},
    };
    check_samples(*state, "m.csv", samples, sizeof samples / sizeof *samples);
}

static void tells_of_every_fault_in_a_table(void **state)
{
    static const struct sample samples[] = {
        {"", "", "manifest.empty@0:0 ", 0},
        {"\n\n", "", "manifest.empty@0:0 ", 0},
        {"preset\nhero\n", "", "manifest.no-photo@1:0 ", 0},
        {"photo,widht\na.png,5\nb.png,\n", "3:b.png ", "manifest.column@1:2 ", 0},
        {"photo,seed,Photo\na.png,1,b.png\n", "", "manifest.duplicate@1:3 ", 0},
        {"photo,seed\na.png,1e5\na.png,-1\na.png,18446744073709551616\nb.png,3\n", "5:b.png|seed 3 ",
         "manifest.value@2:2 manifest.value@3:2 manifest.value@4:2 ", 0},
        {"photo,priority\na.png,1001\na.png,5.0\na.png,+5\n", "",
         "manifest.value@2:2 manifest.value@3:2 manifest.value@4:2 ", 0},
        {"photo,width\na.png,10x\nb.png,64\n", "3:b.png|width=64 ", "manifest.value@2:2 ", 0},
        {"photo;\"x,,,\"\na.png;\n", "2:a.png ", "manifest.column@1:2 ", 0},
        {"photo,preset\na.png,broken\n", "", "manifest.value@2:2 ", 0},
        {"photo,preset\nmissing.png,broken\n", "", "photo.not-found@2:1 manifest.value@2:2 ", 0},
        {"photo,seed\nmissing.png,1\na.png,2\nalso.png,x\n", "3:a.png|seed 2 ",
         "photo.not-found@2:1 photo.not-found@4:1 manifest.value@4:2 ", 0},
        {"photo\nsub\n", "", "photo.not-regular@2:1 ", 0},
        {"photo,seed\n,5\n", "", "manifest.no-photo@2:0 ", 0},
        {"photo,seed\na.png\nb.png,1,2\nb.png,1,\n", "4:b.png|seed 1 ",
         "manifest.ragged@2:0 manifest.ragged@3:3 ", 0},
        {"photo,\na.png,x\n", "", "manifest.column@2:2 ", 0},
        {"photo,caption\na.png,\"x\nb.png,y\n", "", "manifest.quote@2:0 ", 0},
        {"photo,caption\na.png,x\"y\nb.png,y\n", "3:b.png|caption=y ", "manifest.quote@2:2 ", 0},
        {"photo,caption\na.png,\"x\"y\nb.png,y\n", "3:b.png|caption=y ", "manifest.quote@2:2 ", 0},
        {"photo,caption\na.png,caf\xe9\nb.png,y\n", "3:b.png|caption=y ", "manifest.encoding@2:2 ", 0},
        {"photo,caption\na.png,\x1b[2J\nb.png,y\n", "3:b.png|caption=y ", "manifest.encoding@2:2 ", 0},
        {"photo,caf\xe9\na.png,1\n", "", "manifest.encoding@1:2 ", 0},
        {"photo\na.png\nb\0.png\n", "2:a.png ", "manifest.encoding@3:0 ", 19},
        {"photo,output\na.png,/x.mp4\na.png,../x.mp4\na.png,a/../"
         "x.mp4\na.png,CON.mp4\na.png,a:b.mp4\na.png,x.\n",
         "",
         "manifest.output@2:2 manifest.output@3:2 manifest.output@4:2 manifest.output@5:2 "
         "manifest.output@6:2 "
         "manifest.output@7:2 ",
         0},
    };
    check_samples(*state, "m.csv", samples, sizeof samples / sizeof *samples);
}

static void takes_json_lines(void **state)
{
    static const struct sample samples[] = {
        {"{\"photo\":\"a.png\"}\n\n{\"photo\":\"b.png\",\"seed\":7}\r\n", "1:a.png 3:b.png|seed 7 ", "", 0},
        {"\xef\xbb\xbf{\"photo\":\"a.png\",\"width\":64,\"caption\":null,\"sku\":true}",
         "1:a.png|width=64|label sku=yes ", "", 0},
        {"{\"photo\":\"a.png\",\"noise-aug\":0.02,\"caption\":\"a\\nb\"}\n",
         "1:a.png|noise-aug=0.02|caption=a\nb ", "", 0},
        {"{\"photo\":\"a.png\",\"seed\":\"18446744073709551615\"}\n", "1:a.png|seed 18446744073709551615 ",
         "", 0},
        {"", "", "", 0},
        {"{\"photo\":\"a.png\",\"photo\":\"b.png\"}\n{\"photo\":\"b.png\"}\n", "2:b.png ",
         "manifest.json@1:24 ", 0},
        {"{\"photo\":\"a.png\"\n{\"photo\":\"b.png\"}\n", "2:b.png ", "manifest.json@1:16 ", 0},
        {"{\"photo\":\"b.png\"}\n[1]\n5\n{} x\n", "1:b.png ",
         "manifest.json@2:0 manifest.json@3:1 manifest.json@4:4 ", 0},
        {"{\"photo\":[\"a.png\"]}\n{\"photo\":\"a.png\",\"width\":{}}\n", "",
         "manifest.value@1:0 manifest.value@2:0 ", 0},
        {"{\"photo\":\"a.png\",\"widht\":5}\n{\"photo\":\"a.png\",\"widht\":5}\n{\"photo\":\"b.png\"}\n",
         "3:b.png ", "manifest.column@1:0 ", 0},
        {"{\"photo\":\"a\\u0000.png\"}\n", "", "manifest.json@1:22 ", 0},
        {"{\"photo\":\"a\\u001b.png\"}\n", "", "manifest.encoding@1:2 ", 0},
        {"{\"photo\":\"a.png\",\"seed\":1.5}\n{\"seed\":1}\n", "",
         "manifest.value@1:0 manifest.no-photo@2:0 ", 0},
    };
    check_samples(*state, "m.jsonl", samples, sizeof samples / sizeof *samples);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *message, *hint;
    } rows[] = {
        {"photo,widht\n", "unknown column \"widht\"; did you mean \"width\"?",
         "packshot help render lists the options"},
        {"photo,poto\n", "unknown column \"poto\"; did you mean \"photo\"?",
         "packshot help render lists the options"},
        {"photo,seed\na.png,x\n", "seed: \"x\" is not a whole number from 0 to 18446744073709551615", ""},
        {"photo,width\na.png,10x\n", "width: \"10x\" will not do", ""},
        {"photo,photo\n", "the column \"photo\" stands here a second time; the first is column 1",
         "keep one of them"},
        {"photo\ncaf\xe9\n", "the byte \\xe9 is not UTF-8", "save it as \"CSV UTF-8\""},
        {"photo,a\n", "unknown column \"a\"", "packshot help render lists the options"},
        {"photo,seed\na.png\n", "its cells are 1; expected 2, as the header has",
         "empty cells at the end need their separators too"},
    };
    char path[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        const struct ps_manifest_row *row;
        write_file(join(path, *state, "m.csv"), rows[i].text, strlen(rows[i].text));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
        assert_true(manifest->problem_count >= 1);
        assert_string_equal(manifest->problems[0].message, rows[i].message);
        assert_string_equal(manifest->problems[0].hint, rows[i].hint);
        ps_manifest_close(&manifest);
    }
}

static void refuses_what_is_no_manifest(void **state)
{
    static const struct {
        const char *name, *text, *id;
        size_t size;
    } files[] = {
        {"m.csv", "\xff\xfep\0h\0o\0", "manifest.not-text", 8},
        {"m.csv", "\xfe\xff\0p\0h", "manifest.not-text", 6},
        {"m.csv", "p\0h\0o\0", "manifest.not-text", 6},
        {"m.csv", "PK\3\4rest", "manifest.not-text", 8},
        {"m.csv", "\xd0\xcf\x11\xe0", "manifest.not-text", 4},
        {"m.json", "[{\"photo\":1}]", "manifest.not-text", 13},
    };
    char path[512];
    struct ps_manifest *manifest;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct ps_error error = {0};
        write_file(join(path, *state, files[i].name), files[i].text, files[i].size);
        ps_manifest_open(&manifest, path, &params, &error);
        assert_null(manifest);
        assert_error(&error, PS_ERR_INPUT, files[i].id);
        assert_true(error.hint[0]);
    }
    struct ps_error missing = {0}, pipe = {0}, large = {0};
    ps_manifest_open(&manifest, join(path, *state, "none.csv"), &params, &missing);
    assert_error(&missing, PS_ERR_INPUT, "manifest.not-found");
    assert_int_equal(mkfifo(join(path, *state, "pipe.csv"), 0600), 0);
    ps_manifest_open(&manifest, path, &params, &pipe);
    assert_error(&pipe, PS_ERR_INPUT, "manifest.not-regular");
    write_file(join(path, *state, "large.csv"), "photo\n", 6);
    assert_int_equal(truncate(path, (off_t)PS_MANIFEST_BYTES + 1), 0);
    ps_manifest_open(&manifest, path, &params, &large);
    assert_error(&large, PS_ERR_INPUT, "manifest.too-large");
}

static void a_folder_gives_each_of_its_files(void **state)
{
    static const char *const more[] = {".DS_Store", "._a.png", "Thumbs.db",        "x.png.crdownload",
                                       "note.txt",  "Z.JPG",   ".packshot-journal"};
    static char rows[4096], problems[4096];
    char path[512], first[65];
    struct ps_error error = {0};
    struct ps_manifest *manifest;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        write_file(join(path, *state, more[i]), "x", 1);
    for (int round = 0; round < 2; round++) {
        assert_ok(ps_manifest_open(&manifest, *state, &params, &error), error);
        assert_int_equal(manifest->kind, PS_MANIFEST_FOLDER);
        assert_int_equal(manifest->column_count, 1);
        read_all(rows, problems, sizeof rows, manifest);
        assert_string_equal(
            rows, "1:.DS_Store|ignored 2:._a.png|ignored 3:Thumbs.db|ignored 4:Z.JPG 5:a.png 6:b.png "
                  "7:c d.png 8:note.txt|ignored 9:sub|ignored 10:x.png.crdownload|ignored ");
        assert_string_equal(problems, "");
        if (round) {
            assert_string_not_equal(manifest->sha256, first);
        } else {
            memcpy(first, manifest->sha256, sizeof first);
            write_file(join(path, *state, "a.png"), "longer now", 10);
        }
        ps_manifest_close(&manifest);
    }
}

static void hash_and_columns_are_known_at_once(void **state)
{
    static const struct {
        const char *name, *text, *columns[3];
    } files[] = {
        {"m.csv", "Photo,SKU,width\n", {"photo", "sku", "width"}},
        {"m.jsonl", "\n{\"photo\":\"a.png\",\"sku\":1,\"width\":64}\n", {"photo", "sku", "width"}},
    };
    char path[512], hash[65];
    for (size_t i = 0; i < 2; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        write_file(join(path, *state, files[i].name), files[i].text, strlen(files[i].text));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        assert_int_equal(manifest->column_count, 3);
        for (size_t c = 0; c < 3; c++)
            assert_string_equal(manifest->columns[c], files[i].columns[c]);
        assert_ok(ps_file_hash(hash, path, &error), error);
        assert_string_equal(manifest->sha256, hash);
        assert_int_equal(ps_manifest_column_of(manifest, "sku"), i ? 0 : 2);
        ps_manifest_close(&manifest);
    }
}

static void a_row_becomes_text_that_does_not_depend_on_the_order(void **state)
{
    static const char *const texts[] = {
        "photo,width,seed,preset,sku,caption\na.png,64,7,hero,x,\"a\"\"b\"\n",
        "caption,sku,preset,seed,photo,width\n\"a\"\"b\",x,hero,7,a.png,64\n"};
    char path[512];
    for (size_t i = 0; i < 2; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        const struct ps_manifest_row *row;
        write_file(join(path, *state, "m.csv"), texts[i], strlen(texts[i]));
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
        char *text = ps_manifest_row_text(row);
        assert_string_equal(text, "{\"labels\":{\"sku\":\"x\"},\"preset\":\"hero\",\"seed\":\"7\","
                                  "\"settings\":{\"caption\":\"a\\\"b\",\"width\":\"64\"}}");
        free(text);
        ps_manifest_close(&manifest);
    }
}

/* Resident memory in KiB. */
static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void large_manifests_take_no_more_memory(void **state)
{
    char path[512];
    struct ps_error error = {0};
    struct ps_manifest *manifest;
    const struct ps_manifest_row *row;
    FILE *file = fopen(join(path, *state, "m.csv"), "w");
    fputs("photo,caption\n", file);
    for (int i = 0; i < PS_MANIFEST_ROWS + 5; i++)
        fprintf(file, "a.png,%0300d\n", i);
    fclose(file);
    assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
    for (int i = 0; i < 100; i++)
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
    const long before = resident();
    while (row)
        assert_ok(ps_manifest_next(manifest, &row, &error), error);
    /* Its text alone is 30 MB; sanitizers keep some of what was freed. */
    assert_in_range(resident(), 0, before + 16 * 1024);
    assert_int_equal(manifest->rows, PS_MANIFEST_ROWS);
    assert_int_equal(manifest->problem_count, 1);
    assert_string_equal(manifest->problems[0].id, "manifest.too-many");
    assert_int_equal(manifest->problems[0].row, PS_MANIFEST_ROWS + 2);
    ps_manifest_close(&manifest);
}

static void rows_have_a_limit(void **state)
{
    static const struct {
        const char *name, *before, *problem;
    } files[] = {
        {"m.csv", "photo,caption\na.png,", "manifest.too-long@2:0 "},
        {"m.csv", "photo,caption\na.png,\"", "manifest.too-long@2:0 "},
        {"m.csv", "", "manifest.too-long@0:0 "},
        {"m.jsonl", "{\"photo\":\"a.png\"}\n{\"photo\":\"", "manifest.too-long@2:0 "},
    };
    static char rows[1024], problems[1024];
    char path[512];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct ps_error error = {0};
        struct ps_manifest *manifest;
        FILE *file = fopen(join(path, *state, files[i].name), "w");
        fputs(files[i].before, file);
        for (int n = 0; n < 3 << 20; n++)
            fputc(i == 1 && n % 100 == 99 ? '\n' : 'x', file);
        fclose(file);
        assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
        read_all(rows, problems, sizeof rows, manifest);
        assert_string_equal(rows, i == 3 ? "1:a.png " : "");
        assert_string_equal(problems, files[i].problem);
        ps_manifest_close(&manifest);
    }
}

static void problems_are_sorted_and_counted_beyond_what_is_kept(void **state)
{
    char path[512];
    struct ps_error error = {0};
    struct ps_manifest *manifest;
    const struct ps_manifest_row *row;
    FILE *file = fopen(join(path, *state, "m.csv"), "w");
    fputs("photo\na.png\n", file);
    for (int i = 0; i < PS_MANIFEST_PROBLEMS + 10; i++)
        fputs("missing.png\n", file);
    fclose(file);
    assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
    assert_ok(ps_manifest_next(manifest, &row, &error), error);
    assert_int_equal(row->row, 2);
    ps_manifest_complain(manifest, 700, 1, "x.later", NULL, "later");
    ps_manifest_complain(manifest, 2, 1, "x.here", "hint", "%s", "\x1b[2J");
    assert_ok(ps_manifest_next(manifest, &row, &error), error);
    assert_null(row);
    assert_int_equal(manifest->problem_count, PS_MANIFEST_PROBLEMS + 12);
    assert_string_equal(manifest->problems[0].id, "x.here");
    assert_string_equal(manifest->problems[0].message, "\\x1b[2J");
    for (size_t i = 1; i < PS_MANIFEST_PROBLEMS; i++)
        assert_true(manifest->problems[i - 1].row <= manifest->problems[i].row);
    ps_manifest_close(&manifest);
}

static void a_manifest_that_changes_is_refused(void **state)
{
    char path[512];
    struct ps_error error = {0};
    struct ps_manifest *manifest;
    const struct ps_manifest_row *row;
    write_file(join(path, *state, "m.csv"), "photo\na.png\n", 12);
    assert_ok(ps_manifest_open(&manifest, path, &params, &error), error);
    assert_ok(ps_manifest_next(manifest, &row, &error), error);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(ps_manifest_next(manifest, &row, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "manifest.changing");
    ps_manifest_close(&manifest);
}

#define folder_unit_test(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_unit_test(takes_the_shapes_of_spreadsheets),
        folder_unit_test(tells_of_every_fault_in_a_table),
        folder_unit_test(takes_json_lines),
        folder_unit_test(says_what_is_wrong),
        folder_unit_test(refuses_what_is_no_manifest),
        folder_unit_test(a_folder_gives_each_of_its_files),
        folder_unit_test(hash_and_columns_are_known_at_once),
        folder_unit_test(a_row_becomes_text_that_does_not_depend_on_the_order),
        folder_unit_test(large_manifests_take_no_more_memory),
        folder_unit_test(rows_have_a_limit),
        folder_unit_test(problems_are_sorted_and_counted_beyond_what_is_kept),
        folder_unit_test(a_manifest_that_changes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
