#include "base/suite.h"

#include <string.h>

#include "base/error.h"

static void keeps_the_first(void **state)
{
    (void)state;
    struct ps_error error = {0};
    assert_int_equal(
        ps_fail(&error, PS_ERR_INPUT, "image.truncated", "%s: expected %d bytes, found %d", "a.png", 10, 7),
        PS_ERR_INPUT);
    assert_int_equal(ps_fail(&error, PS_ERR_MEMORY, "memory.host", "later"), PS_ERR_INPUT);
    assert_int_equal(error.status, PS_ERR_INPUT);
    assert_string_equal(error.id, "image.truncated");
    assert_string_equal(error.message, "a.png: expected 10 bytes, found 7");
    assert_string_equal(error.hint, "");
}

static void hints_once_and_only_a_failure(void **state)
{
    (void)state;
    struct ps_error error = {0};
    ps_hint(&error, "nothing failed");
    assert_string_equal(error.hint, "");
    ps_fail(&error, PS_ERR_OUTPUT, "output.exists", "clip.mp4 exists");
    ps_hint(&error, "give --%s", "overwrite");
    ps_hint(&error, "another");
    assert_string_equal(error.hint, "give --overwrite");
}

static void takes_no_error(void **state)
{
    (void)state;
    assert_int_equal(ps_fail(NULL, PS_ERR_DEVICE, "device.none", "none"), PS_ERR_DEVICE);
    ps_hint(NULL, "none");
}

/* A file name must not be able to write to the terminal. */
static void shows_control_characters(void **state)
{
    (void)state;
    struct ps_error error = {0};
    ps_fail(&error, PS_ERR_INPUT, "image.not-found", "%s", "a\x1b[31m\r\tb\x7f\nc \xc3\xa9");
    assert_string_equal(error.message, "a\\x1b[31m\\x0d\\x09b\\x7f\nc \xc3\xa9");
    ps_hint(&error, "%s", "\x07");
    assert_string_equal(error.hint, "\\x07");
}

/* C1 controls steer a terminal too, as bytes or as characters; so do sequences that decoders read in two ways. */
static void shows_what_is_not_a_character(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\x9b"
         "31m",
         "\\x9b31m"},
        {"\x80 \x9f", "\\x80 \\x9f"},
        {"\xc2\x80 \xc2\x9f", "\\xc2\\x80 \\xc2\\x9f"},
        {"\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf"},
        {"\xc0\xaf \xc1\x81", "\\xc0\\xaf \\xc1\\x81"},
        {"\xe0\x82\x9b \xe0\xa0\x80", "\\xe0\\x82\\x9b \xe0\xa0\x80"},
        {"\xed\xa0\x80 \xed\x9f\xbf", "\\xed\\xa0\\x80 \xed\x9f\xbf"},
        {"\xf0\x80\x82\x9b \xf0\x90\x80\x80", "\\xf0\\x80\\x82\\x9b \xf0\x90\x80\x80"},
        {"\xf4\x8f\xbf\xbf \xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf \\xf4\\x90\\x80\\x80"},
        {"\xf5\xff\xfe", "\\xf5\\xff\\xfe"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xe2 \xac", "\\xe2 \\xac"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error = {0};
        ps_fail(&error, PS_ERR_INPUT, "image.not-found", "%s", cases[i].from);
        ps_hint(&error, "%s", cases[i].from);
        assert_string_equal(error.message, cases[i].to);
        assert_string_equal(error.hint, cases[i].to);
    }
}

/* However long the text before it is, the last character is whole. */
static void cuts_between_characters(void **state)
{
    (void)state;
    char text[2000];
    for (size_t before = 0; before < 4; before++) {
        memset(text, 'x', before);
        for (size_t i = before; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x91\x9f", 5);
        struct ps_error error = {0};
        ps_fail(&error, PS_ERR_INPUT, "image.not-found", "%s", text);
        const size_t length = strlen(error.message);
        assert_in_range(length, sizeof error.message - 4, sizeof error.message - 1);
        assert_int_equal((length - before) % 4, 0);
        assert_memory_equal(error.message, text, length);
    }
}

static void cuts_what_is_too_long(void **state)
{
    (void)state;
    char text[4000];
    for (int control = 0; control < 2; control++) {
        memset(text, control ? 1 : 'x', sizeof text);
        text[sizeof text - 1] = '\0';
        struct ps_error error = {0};
        ps_fail(&error, PS_ERR_INPUT, text, "%s", text);
        ps_hint(&error, "%s", text);
        assert_int_equal(strlen(error.id), sizeof error.id - 1);
        assert_in_range(strlen(error.message), sizeof error.message - 10, sizeof error.message - 1);
        assert_in_range(strlen(error.hint), sizeof error.hint - 10, sizeof error.hint - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_first),
        cmocka_unit_test(hints_once_and_only_a_failure),
        cmocka_unit_test(takes_no_error),
        cmocka_unit_test(shows_control_characters),
        cmocka_unit_test(shows_what_is_not_a_character),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(cuts_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
