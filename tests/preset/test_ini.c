/* The reader of INI files: what it takes whole, and that it tells of everything else with its place. */
#include "base/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preset/ini.h"

static struct ps_ini *read_bytes(const char *bytes, size_t size)
{
    struct ps_ini *ini;
    struct ps_error error = {0};
    /* A copy of exactly that size, so that a read past its end is seen. */
    char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    assert_int_equal(ps_ini_parse(&ini, "a.ini", copy, size, &error), PS_OK);
    free(copy);
    return ini;
}

/* "section/key=value@line:key_column:value_column " of every entry. */
static void list_entries(char *to, size_t size, const struct ps_ini *ini)
{
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < ini->entry_count; i++) {
        const struct ps_ini_entry *entry = &ini->entries[i];
        used += (size_t)snprintf(to + used, size - used, "%s/%s=%s@%u:%u:%u ", entry->section, entry->key,
                                 entry->value, entry->line, entry->key_column, entry->value_column);
        assert_true(used < size);
    }
}

/* "id@line:column " of every problem. */
static void list_problems(char *to, size_t size, const struct ps_ini *ini)
{
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < ini->problem_count; i++) {
        const struct ps_ini_problem *problem = &ini->problems[i];
        used += (size_t)snprintf(to + used, size - used, "%s@%u:%u ", problem->id, problem->line,
                                 problem->column);
        assert_true(used < size);
        assert_true(problem->message[0]);
    }
}

struct row {
    const char *text, *entries, *problems;
    size_t size; /* where the text has NULs */
};

static void check_rows(const struct row *rows, size_t count)
{
    char entries[1024], problems[1024];
    for (size_t i = 0; i < count; i++) {
        struct ps_ini *ini = read_bytes(rows[i].text, rows[i].size ? rows[i].size : strlen(rows[i].text));
        list_entries(entries, sizeof entries, ini);
        list_problems(problems, sizeof problems, ini);
        ps_ini_close(&ini);
        assert_null(ini);
        assert_string_equal(entries, rows[i].entries);
        assert_string_equal(problems, rows[i].problems);
    }
}

static void takes_what_people_write(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "", "", 0},
        {"[render]\nwidth = 64\n", "render/width=64@2:1:9 ", "", 0},
        {"[render]\nwidth=64", "render/width=64@2:1:7 ", "", 0},
        {"\xef\xbb\xbf[render]\r\nwidth = 64\r\n\r\n; end\r\n", "render/width=64@2:1:9 ", "", 0},
        {"\xef\xbb\xbfwidth = 64\n", "/width=64@1:1:9 ", "", 0},
        {"; a\n# b\n\n  ; c\n[r] ; d\na = 1 ; e\n", "r/a=1@6:1:5 ", "", 0},
        {"[r]\n  a = 1\n\tb = 2\n  c = 3\n", "r/a=1@2:3:7 r/b=2@3:2:6 r/c=3@4:3:7 ", "", 0},
        {"[r]\nspan: 1:3\nsame = 1:3\n", "r/span=1:3@2:1:7 r/same=1:3@3:1:8 ", "", 0},
        {"[r]\na = b = c\nd = #e\nf = 1;2\n", "r/a=b = c@2:1:5 r/d=#e@3:1:5 r/f=1;2@4:1:5 ", "", 0},
        {"[r]\na =\nb = \n", "r/a=@2:1:4 r/b=@3:1:5 ", "", 0},
        {"[r]\na = gr\xc3\xbc\xc3\x9f\n", "r/a=gr\xc3\xbc\xc3\x9f@2:1:5 ", "", 0},
        {"[r]\na = 1\n[s]\na = 2\n[t]\n", "r/a=1@2:1:5 s/a=2@4:1:5 ", "", 0},
        {"[r]\n a b  =\t1 2 \t\n", "r/a b=1 2@2:2:9 ", "", 0},
    };
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void tells_of_the_rest(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"[r]\nwidth\nb = 1\n", "r/b=1@3:1:5 ", "ini.syntax@2:1 ", 0},
        {"[r]\n  = 5\n", "", "ini.syntax@2:3 ", 0},
        {"[r\na = 1\n", "/a=1@2:1:5 ", "ini.syntax@1:1 ", 0},
        {"[r ;]\n", "", "ini.syntax@1:1 ", 0},
        {"[r] a = 1\n", "", "ini.syntax@1:5 ", 0},
        {"[r]\na ; = 1\n", "", "ini.syntax@2:1 ", 0},
        {"[r]\na = 1\nb = 2\na = 3\n", "r/a=1@2:1:5 r/b=2@3:1:5 ", "ini.duplicate@4:1 ", 0},
        {"[r]\na = 1\n[s]\n[r]\nb = 2\n a = 3\n", "r/a=1@2:1:5 r/b=2@5:1:5 ",
         "ini.duplicate@4:1 ini.duplicate@6:2 ", 0},
        {"[r]\na = caf\xe9\nb = 2\n", "r/b=2@3:1:5 ", "ini.encoding@2:8 ", 0},
        {"; caf\xe9\n[r]\n", "", "ini.encoding@1:6 ", 0},
        {"[r]\na = \xc2\x9b[2J\n", "", "ini.encoding@2:5 ", 0},
        {"[r]\na = \x1b[2J\n", "", "ini.encoding@2:5 ", 0},
        {"[r]\n\xef\xbb\xbf"
         "a = 1\n",
         "", "ini.encoding@2:1 ", 0},
        {"[r]\ra = 1\r", "", "ini.encoding@1:4 ", 0},
        {"[r]\na = 1\0002\nb = 2\n", "r/b=2@3:1:5 ", "ini.encoding@2:6 ", 17},
        {"\xff\xfe[\0r\0]\0\n\0", "", "ini.encoding@1:1 ", 10},
        {"\xfe\xff\0[\0r\0]\0\n", "", "ini.encoding@1:1 ", 10},
        {"[\0r\0]\0\n\0", "", "ini.encoding@1:1 ", 8},
        {"\0[\0r\0]\0\n", "", "ini.encoding@1:1 ", 8},
    };
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } rows[] = {
        {"[r]\na = 1\na = 2\n", "a stands here a second time; the first is in line 2", "keep one of them"},
        {"[r]\n[s]\n[r]\n", "section [r] stands here a second time; the first is in line 1",
         "put the keys of both together"},
        {"\xff\xfe[\n", "the file is UTF-16", "save the file as UTF-8"},
        {"a = \xe9\n", "the byte \\xe9 is not UTF-8", "save the file as UTF-8, not as Latin-1 or ANSI"},
        {"a = \x07\n", "the control character \\x07", "only text can stand in an INI file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_ini *ini = read_bytes(rows[i].text, strlen(rows[i].text));
        assert_int_equal(ini->problem_count, 1);
        assert_string_equal(ini->problems[0].message, rows[i].message);
        assert_string_equal(ini->problems[0].hint, rows[i].hint);
        ps_ini_close(&ini);
    }
}

/* A line of `size` bytes: "a = xxx". */
static char *long_line(size_t size)
{
    char *text = malloc(size + 2);
    memset(text, 'x', size);
    memcpy(text, "a = ", 4);
    memcpy(text + size, "\n", 2);
    return text;
}

static void cuts_no_line(void **state)
{
    (void)state;
    static const size_t sizes[] = {190, 197, 198, 199, 200, 201, 300, PS_INI_LINE - 1, PS_INI_LINE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = long_line(sizes[i]);
        struct ps_ini *ini = read_bytes(text, sizes[i] + 1);
        assert_int_equal(ini->problem_count, 0);
        assert_int_equal(ini->entry_count, 1);
        assert_int_equal(strlen(ini->entries[0].value), sizes[i] - 4);
        ps_ini_close(&ini);
        free(text);
    }
    char *text = long_line(PS_INI_LINE + 1);
    struct ps_ini *ini = read_bytes(text, PS_INI_LINE + 2);
    assert_int_equal(ini->entry_count, 0);
    assert_int_equal(ini->problem_count, 1);
    assert_string_equal(ini->problems[0].id, "ini.too-large");
    assert_int_equal(ini->problems[0].column, PS_INI_LINE + 1);
    ps_ini_close(&ini);
    free(text);
}

/* A section's name is cut by inih at 49 bytes, which must not make it another's. */
static void long_section_names_are_no_others(void **state)
{
    (void)state;
    char text[256], name[101];
    memset(name, 's', sizeof name - 1);
    name[100] = '\0';
    snprintf(text, sizeof text, "[%s]\na = 1\n", name);
    struct ps_ini *ini = read_bytes(text, strlen(text));
    assert_int_equal(ini->problem_count, 1);
    assert_string_equal(ini->problems[0].id, "ini.syntax");
    ps_ini_close(&ini);
}

static void has_limits(void **state)
{
    (void)state;
    static char text[PS_INI_BYTES + 1];
    struct ps_error error = {0};
    struct ps_ini *ini;
    memset(text, '\n', sizeof text);
    assert_int_equal(ps_ini_parse(&ini, "a.ini", text, PS_INI_BYTES, &error), PS_OK);
    ps_ini_close(&ini);
    assert_int_equal(ps_ini_parse(&ini, "a.ini", text, PS_INI_BYTES + 1, &error), PS_ERR_INPUT);
    assert_null(ini);
    assert_string_equal(error.id, "ini.too-large");

    size_t used = 0;
    for (unsigned i = 0; i <= PS_INI_ENTRIES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "k%u = 1\n", i);
    ini = read_bytes(text, used);
    assert_int_equal(ini->entry_count, PS_INI_ENTRIES);
    assert_string_equal(ini->problems[0].id, "ini.too-large");
    assert_int_equal(ini->problems[0].line, PS_INI_ENTRIES + 1);
    ps_ini_close(&ini);

    used = 0;
    for (unsigned i = 0; i <= PS_INI_ENTRIES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "[s%u]\n", i);
    ini = read_bytes(text, used);
    assert_int_equal(ini->section_count, PS_INI_ENTRIES);
    assert_string_equal(ini->problems[0].id, "ini.too-large");
    ps_ini_close(&ini);

    for (size_t i = 0; i < 2000; i++)
        memcpy(text + 2 * i, "a\n", 2);
    ini = read_bytes(text, 4000);
    assert_int_equal(ini->problem_count, PS_INI_PROBLEMS);
    ps_ini_complain(ini, 1, 1, "ini.key", NULL, "one more");
    assert_int_equal(ini->problem_count, PS_INI_PROBLEMS);
    ps_ini_close(&ini);
}

static void problems_are_in_the_files_order(void **state)
{
    (void)state;
    char problems[256];
    struct ps_ini *ini = read_bytes("[r]\na\nb\n", 8);
    ps_ini_complain(ini, 3, 1, "x.second", "hint", "also there");
    ps_ini_complain(ini, 1, 7, "x.first", NULL, "%s", "\x1b[2J");
    ps_ini_complain(ini, 2, 9, "x.middle", NULL, "later in the line");
    list_problems(problems, sizeof problems, ini);
    assert_string_equal(problems, "x.first@1:7 ini.syntax@2:1 x.middle@2:9 ini.syntax@3:1 x.second@3:1 ");
    assert_string_equal(ini->problems[0].message, "\\x1b[2J");
    assert_string_equal(ini->problems[4].hint, "hint");
    ps_ini_close(&ini);
}

static void opens_regular_files_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/packshot-ini-XXXXXX", path[64];
    struct ps_ini *ini;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.ini", folder);

    static const char *const others[] = {"/nonexistent/a.ini", "/tmp", "/dev/zero"};
    static const char *const ids[] = {"ini.not-found", "ini.not-regular", "ini.not-regular"};
    for (size_t i = 0; i < 3; i++) {
        struct ps_error error = {0};
        assert_int_equal(ps_ini_open(&ini, others[i], &error), PS_ERR_INPUT);
        assert_null(ini);
        assert_string_equal(error.id, ids[i]);
        assert_non_null(strstr(error.message, others[i]));
    }
    struct ps_error error = {0};
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ps_ini_open(&ini, path, &error), PS_ERR_INPUT);
    assert_string_equal(error.id, "ini.not-regular");
    unlink(path);

    FILE *file = fopen(path, "w");
    fputs("[r]\na = 1\n", file);
    fclose(file);
    error = (struct ps_error){0};
    assert_int_equal(ps_ini_open(&ini, path, &error), PS_OK);
    assert_string_equal(ini->name, path);
    assert_string_equal(ps_ini_find(ini, "r", "a")->value, "1");
    assert_null(ps_ini_find(ini, "r", "b"));
    assert_null(ps_ini_find(ini, "s", "a"));
    ps_ini_close(&ini);

    /* Refused without being read. */
    assert_int_equal(truncate(path, 1LL << 40), 0);
    assert_int_equal(ps_ini_open(&ini, path, &error), PS_ERR_INPUT);
    assert_string_equal(error.id, "ini.too-large");
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_people_write),
        cmocka_unit_test(tells_of_the_rest),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(cuts_no_line),
        cmocka_unit_test(long_section_names_are_no_others),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(problems_are_in_the_files_order),
        cmocka_unit_test(opens_regular_files_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
