/* Names of outputs: templates, what becomes of values that no name should have, and paths that a manifest gives. */
#include "media/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/naming.h"

/* Values as "token=value" pairs, ending with null. */
static const char *look_up(void *user, const char *token)
{
    const size_t length = strlen(token);
    for (const char *const *pair = user; *pair; pair++)
        if (!strncmp(*pair, token, length) && (*pair)[length] == '=')
            return *pair + length + 1;
    return NULL;
}

static enum ps_status make(struct ps_name *name, const char *template, const char *const *values,
                           size_t reserve, struct ps_error *error)
{
    struct ps_naming *naming;
    assert_ok(ps_naming_new(&naming, template, error), *error);
    const enum ps_status status = ps_naming_make(naming, name, reserve, look_up, (void *)values, error);
    ps_naming_free(&naming);
    assert_null(naming);
    return status;
}

static void templates_are_filled(void **state)
{
    (void)state;
    static const char *const values[] = {"name=jar", "preset=hero", "seed=7",  "w=1024",
                                         "h=576",    "row=12",      "sku=a-b", NULL};
    static const struct {
        const char *template, *name;
    } rows[] = {
        {"{name}.mp4", "jar.mp4"},
        {"{name}_{preset}_{w}x{h}_s{seed}.mp4", "jar_hero_1024x576_s7.mp4"},
        {"{row:4}-{sku}.webm", "0012-a-b.webm"},
        {"{seed:9}.gif", "000000007.gif"},
        {"{w:2}{sku:9}", "1024a-b"},
        {"{{{name}}}.mp4", "{jar}.mp4"},
        {"fixed", "fixed"},
        {"gr\xc3\xbc\xc3\x9f {name}.mp4", "gr\xc3\xbc\xc3\x9f jar.mp4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_error error = {0};
        struct ps_name name;
        assert_ok(make(&name, rows[i].template, values, 5, &error), error);
        assert_string_equal(name.text, rows[i].name);
        assert_string_equal(name.replaced, "");
    }
}

static void wrong_templates_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *template, *problem;
    } rows[] = {
        {"", "is empty"},
        {"{name", "has a { without a }"},
        {"{na{me}.mp4", "has a { without a }"},
        {"name}.mp4", "has a } without a {"},
        {"{}.mp4", "token without a name"},
        {"{:4}.mp4", "token without a name"},
        {"{row:0}.mp4", "after its colon"},
        {"{row:x}.mp4", "after its colon"},
        {"{row:10}.mp4", "after its colon"},
        {"clips/{name}.mp4", "has a slash"},
        {"../{name}.mp4", "has a slash"},
        {"{name}:{seed}.mp4", "not every system"},
        {"{name}\n.mp4", "control character"},
        {"{name}\xff.mp4", "not UTF-8"},
        {".{name}.mp4", "begins with a dot"},
        {"{name}.", "ends with a dot"},
        {"{name} ", "ends with a dot or a space"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_error error = {0};
        struct ps_naming *naming;
        assert_int_equal(ps_naming_new(&naming, rows[i].template, &error), PS_ERR_USAGE);
        assert_null(naming);
        assert_error(&error, PS_ERR_USAGE, "naming.template");
        if (!strstr(error.message, rows[i].problem))
            fail_msg("%s: expected \"%s\", found \"%s\"", rows[i].template, rows[i].problem, error.message);
    }
    char *many = malloc(4 * PS_TEMPLATE_BYTES);
    struct ps_error error = {0}, tokens = {0};
    struct ps_naming *naming;
    memset(many, 'x', PS_TEMPLATE_BYTES + 1);
    many[PS_TEMPLATE_BYTES + 1] = '\0';
    assert_int_equal(ps_naming_new(&naming, many, &error), PS_ERR_USAGE);
    many[PS_TEMPLATE_BYTES] = '\0';
    for (int i = 0; i < PS_TEMPLATE_BYTES / 4; i++)
        memcpy(many + (ptrdiff_t)4 * i, "{w}x", 4);
    assert_int_equal(ps_naming_new(&naming, many, &tokens), PS_ERR_USAGE);
    assert_non_null(strstr(tokens.message, "too many tokens"));
    free(many);
}

static void unknown_tokens_are_told_with_a_guess(void **state)
{
    (void)state;
    static const char *const columns[] = {"photo", "sku", "client"};
    static const struct {
        const char *template, *message;
    } rows[] = {
        {"{name}_{preset}_{w}x{h}_{width}{height}{frames}{fps}{row}{seed}{sku}{client}", NULL},
        {"{nmae}.mp4", "unknown token {nmae}; did you mean {name}?"},
        {"{clent}.mp4", "unknown token {clent}; did you mean {client}?"},
        {"{name}{version}.mp4", "unknown token {version}"},
        {"{name }.mp4", "unknown token {name }; did you mean {name}?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ps_error error = {0};
        struct ps_naming *naming;
        assert_ok(ps_naming_new(&naming, rows[i].template, &error), error);
        assert_int_equal(ps_naming_check(naming, columns, 3, &error), rows[i].message ? PS_ERR_USAGE : PS_OK);
        if (rows[i].message) {
            assert_error(&error, PS_ERR_USAGE, "naming.token");
            const char *at = strstr(error.message, rows[i].message);
            assert_non_null(at);
            assert_string_equal(at, rows[i].message);
        }
        assert_int_equal(ps_naming_uses(naming, "sku"), i == 0);
        ps_naming_free(&naming);
    }
}

static void values_are_made_fit_for_names(void **state)
{
    (void)state;
    static const struct {
        const char *value, *name, *replaced;
    } rows[] = {
        {"value=a/b", "a_b.mp4", "value \"a/b\" became \"a_b\""},
        {"value=..", "__.mp4", "value \"..\" became \"__\""},
        {"value=../../etc/passwd", "___.._etc_passwd.mp4",
         "value \"../../etc/passwd\" became \"___.._etc_passwd\""},
        {"value=a\\b:c*d?e\"f<g>h|i", "a_b_c_d_e_f_g_h_i.mp4", NULL},
        {"value=a\nb\x1b[2J", "a_b_[2J.mp4", "value \"a\\x0ab\\x1b[2J\" became \"a_b_[2J\""},
        {"value=caf\xe9", "caf_.mp4", "value \"caf\\xe9\" became \"caf_\""},
        {"value=.hidden", "_hidden.mp4", "value \".hidden\" became \"_hidden\""},
        {"value=end. ", "end__.mp4", "value \"end. \" became \"end__\""},
        {"value=CON", "_CON.mp4", "name \"CON.mp4\" became \"_CON.mp4\""},
        {"value=lpt9", "_lpt9.mp4", "name \"lpt9.mp4\" became \"_lpt9.mp4\""},
        {"value=nul.x", "_nul.x.mp4", "name \"nul.x.mp4\" became \"_nul.x.mp4\""},
        {"value=com0", "com0.mp4", ""},
        {"value=console", "console.mp4", ""},
        {"value=v1.2", "v1.2.mp4", ""},
        {"value=gr\xc3\xbc\xc3\x9f {x}", "gr\xc3\xbc\xc3\x9f {x}.mp4", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const values[] = {rows[i].value, NULL};
        struct ps_error error = {0};
        struct ps_name name;
        assert_ok(make(&name, "{value}.mp4", values, 5, &error), error);
        assert_string_equal(name.text, rows[i].name);
        if (rows[i].replaced)
            assert_string_equal(name.replaced, rows[i].replaced);
        assert_null(ps_output_path_problem(name.text, 5));
    }
}

static void names_have_a_length_and_values(void **state)
{
    (void)state;
    char value[400] = "value=", *text = value + 6;
    const char *const values[] = {value, "empty=", NULL};
    struct ps_name name;
    memset(text, 'x', 300);
    static const size_t reserves[] = {0, 5, 100};
    for (size_t i = 0; i < 3; i++) {
        const size_t most = PS_NAME_BYTES - reserves[i] - 4;
        struct ps_error fits = {0}, longer = {0};
        text[most] = '\0';
        assert_ok(make(&name, "{value}.mp4", values, reserves[i], &fits), fits);
        assert_int_equal(strlen(name.text), most + 4);
        text[most] = 'x';
        text[most + 1] = '\0';
        assert_int_equal(make(&name, "{value}.mp4", values, reserves[i], &longer), PS_ERR_INPUT);
        assert_error(&longer, PS_ERR_INPUT, "naming.too-long");
        text[most + 1] = 'x';
    }
    struct ps_error all = {0}, none = {0}, empty = {0};
    assert_int_equal(make(&name, "{value}", values, 300, &all), PS_ERR_INPUT);
    assert_int_equal(make(&name, "{other}.mp4", values, 0, &none), PS_ERR_INPUT);
    assert_error(&none, PS_ERR_INPUT, "naming.no-value");
    assert_int_equal(make(&name, "{empty}.mp4", values, 0, &empty), PS_ERR_INPUT);
    assert_error(&empty, PS_ERR_INPUT, "naming.no-value");
}

/* Two-byte letters: the name is refused, never cut within one. */
static void long_names_are_not_cut(void **state)
{
    (void)state;
    char value[400] = "value=";
    const char *const values[] = {value, NULL};
    struct ps_name name;
    struct ps_error error = {0};
    for (int i = 0; i < 130; i++)
        memcpy(value + 6 + (ptrdiff_t)2 * i, "\xc3\xbc", 3);
    assert_int_equal(make(&name, "{value}", values, 0, &error), PS_ERR_INPUT);
    assert_error(&error, PS_ERR_INPUT, "naming.too-long");
}

static void paths_of_outputs_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *path, *problem;
    } rows[] = {
        {"a.mp4", NULL},
        {"sub/folder/a.mp4", NULL},
        {"a b (1).mp4", NULL},
        {"...a.mp4", NULL},
        {"", "empty"},
        {"/a.mp4", "absolute"},
        {"../a.mp4", "."},
        {"a/../b.mp4", "."},
        {"./a.mp4", "."},
        {"a//b.mp4", "empty"},
        {"a/", "empty"},
        {"a\\b.mp4", "not every system"},
        {"a:b.mp4", "not every"},
        {"x/NUL/a.mp4", "Windows keeps"},
        {"Com1.mp4", "Windows keeps"},
        {"a.", "ends with"},
        {"a /b.mp4", "ends with"},
        {"a\x01.mp4", "control character"},
        {"a\xff.mp4", "control"},
        {"aux", "Windows keeps"},
    };
    char path[600];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *problem = ps_output_path_problem(rows[i].path, 5);
        if (!problem != !rows[i].problem || (problem && !strstr(problem, rows[i].problem)))
            fail_msg("%s: %s", rows[i].path, problem ? problem : "no problem");
    }
    memset(path, 'x', sizeof path);
    path[250] = '/';
    path[501] = '\0';
    assert_null(ps_output_path_problem(path, 5));
    assert_non_null(ps_output_path_problem(path, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_filled),
        cmocka_unit_test(wrong_templates_are_refused),
        cmocka_unit_test(unknown_tokens_are_told_with_a_guess),
        cmocka_unit_test(values_are_made_fit_for_names),
        cmocka_unit_test(names_have_a_length_and_values),
        cmocka_unit_test(long_names_are_not_cut),
        cmocka_unit_test(paths_of_outputs_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
