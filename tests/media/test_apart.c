/* Photos decoded in a child: the same pixels and errors, and an answer that is not believed. */
#include "media/support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "media/apart.h"

static const struct ps_ingest_params plain = {0};

/* Both ways give the same. */
static void compare(const struct ps_file *file)
{
    struct ps_raster here = {0}, there = {0};
    struct ps_notes notes_here = {0}, notes_there = {0};
    struct ps_error error_here = {0}, error_there = {0};
    const enum ps_status status = ps_ingest(&here, &notes_here, file, &plain, &error_here);
    assert_int_equal(ps_ingest_apart(&there, &notes_there, file, &plain, false, &error_there), status);
    assert_string_equal(error_there.id, error_here.id);
    assert_string_equal(error_there.message, error_here.message);
    assert_string_equal(error_there.hint, error_here.hint);
    if (!status) {
        assert_int_equal(there.width, here.width);
        assert_int_equal(there.height, here.height);
        assert_int_equal(there.channels, here.channels);
        assert_memory_equal(there.bytes, here.bytes, (size_t)here.width * here.height * here.channels);
        assert_int_equal(notes_there.count, notes_here.count);
        for (uint32_t i = 0; i < notes_here.count; i++)
            assert_string_equal(notes_there.lines[i], notes_here.lines[i]);
    }
    ps_raster_free(&here);
    ps_raster_free(&there);
}

static void test_same_as_here(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg420.jpg",
                                        "jpeg-turned.jpg",
                                        "webp-lossy-alpha.webp",
                                        "webp-lossless.webp",
                                        "tiff-lzw.tif",
                                        "cmyk.jpg",
                                        "animated.png",
                                        "colour/p3-alpha.png",
                                        "colour/cmyk.jpg",
                                        "make_photos.py",
                                        "pngsuite/invalid-zlib.png"};
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ps_file file = read_file(join(path, MEDIA_DATA, names[i]));
        compare(&file);
        file.name = "shoe.bmp"; /* notes */
        compare(&file);
        free(file.bytes);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* libavcodec's one message that cannot be silenced (media/quiet.h) goes nowhere: the child has no standard error. */
static void test_silence(void **state)
{
    (void)state;
    struct ps_file file = read_file(MEDIA_DATA "webp-lossless.webp");
    for (size_t at = 20; at < file.size; at += 3) {
        struct ps_raster raster = {0};
        struct ps_notes notes = {0};
        struct ps_error error = {0};
        file.bytes[at] ^= 0x11;
        const enum ps_status status = ps_ingest_apart(&raster, &notes, &file, &plain, false, &error);
        assert_true(!status || status == PS_ERR_INPUT);
        file.bytes[at] ^= 0x11;
        ps_raster_free(&raster);
    }
    free(file.bytes);
}

/* ---- answers of a child that was taken over ---- */

enum { SHARED = PS_ANSWER_SIZE + 12 * 10 * 4 };

static struct ps_sandbox_end answer_end(struct ps_answer *answer)
{
    static uint8_t shared[SHARED];
    memset(shared, 0x5a, sizeof shared);
    memcpy(shared, answer, sizeof *answer);
    return (struct ps_sandbox_end){.done = true, .shared = shared, .shared_bytes = sizeof shared};
}

static const struct ps_file hostile = {.name = "hostile.png"};

static void expect_collected(struct ps_answer *answer, enum ps_status status, const char *id)
{
    struct ps_raster raster = {0};
    struct ps_notes notes = {0};
    struct ps_error error = {0};
    const struct ps_sandbox_end end = answer_end(answer);
    assert_int_equal(ps_answer_collect(&raster, &notes, &hostile, &end, &error), status);
    if (status)
        assert_error(&error, status, id);
    else
        assert_true(raster.bytes && raster.width && raster.height);
    assert_int_equal(raster.bytes != NULL, !status);
    for (const char *at = error.message; *at; at++)
        assert_true((unsigned char)*at >= 0x20);
    for (uint32_t i = 0; i < notes.count; i++)
        assert_true(strlen(notes.lines[i]) < PS_NOTE_SIZE && !strpbrk(notes.lines[i], "\033\n"));
    ps_raster_free(&raster);
}

static void test_sizes_are_not_believed(void **state)
{
    (void)state;
    static const uint32_t sizes[][3] = {{0, 10, 3},         {12, 0, 3},         {12, 10, 2},
                                        {12, 10, 5},        {12, 11, 4},        {16385, 1, 3},
                                        {0xffffffff, 1, 3}, {1, 0xffffffff, 4}, {65536, 65536, 3},
                                        {16384, 16384, 4},  {0x80000000, 2, 4}, {12, 10, 0}};
    struct ps_answer answer = {.width = 12, .height = 10, .channels = 4};
    expect_collected(&answer, PS_OK, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        answer = (struct ps_answer){.width = sizes[i][0], .height = sizes[i][1], .channels = sizes[i][2]};
        expect_collected(&answer, PS_ERR_INPUT, "image.crashed-decoder");
    }
}

static void test_text_is_not_believed(void **state)
{
    (void)state;
    struct ps_answer answer = {.error = {.status = (enum ps_status)12345}};
    memset(answer.error.id, 'A', sizeof answer.error.id);
    memset(answer.error.message, 0x1b, sizeof answer.error.message);
    memset(answer.error.hint, '%', sizeof answer.error.hint);
    expect_collected(&answer, PS_ERR_INPUT, "image.damaged");
    answer.error.status = PS_ERR_MEMORY;
    memcpy(answer.error.id, "memory.host", 12);
    expect_collected(&answer, PS_ERR_MEMORY, "memory.host");
    answer.error.status = PS_ERR_DEVICE_LOST; /* no such thing happens there */
    expect_collected(&answer, PS_ERR_INPUT, "memory.host");
    answer = (struct ps_answer){.width = 12, .height = 10, .channels = 3, .notes = {.count = 0xffffffff}};
    memset(answer.notes.lines, 0x1b, sizeof answer.notes.lines);
    expect_collected(&answer, PS_OK, NULL);
}

/* Bytes of any value, many times. */
static void test_random_answers(void **state)
{
    (void)state;
    enum { ROUNDS = 3000 };
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < ROUNDS; round++) {
        struct ps_answer answer;
        uint8_t *bytes = (uint8_t *)&answer;
        for (size_t i = 0; i < sizeof answer; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[i] = (uint8_t)(random >> 24);
        }
        if (round % 2)
            memset(&answer.error, 0, sizeof answer.error);
        if (round % 4 == 3)
            answer.width = answer.height = (uint32_t)round % 20;
        struct ps_raster raster = {0};
        struct ps_notes notes = {0};
        struct ps_error error = {0};
        const struct ps_sandbox_end end = answer_end(&answer);
        const enum ps_status status = ps_answer_collect(&raster, &notes, &hostile, &end, &error);
        assert_true(status == error.status && (raster.bytes != NULL) == !status);
        ps_raster_free(&raster);
    }
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        struct ps_sandbox_end end;
        const char *says;
    } cases[] = {{{.signal = SIGSEGV}, "SIGSEGV"}, {{.timed_out = true}, "seconds"}, {{0}, "stopped early"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_raster raster = {0};
        struct ps_notes notes = {0};
        struct ps_error error = {0};
        ps_answer_collect(&raster, &notes, &hostile, &cases[i].end, &error);
        assert_error(&error, PS_ERR_INPUT, "image.crashed-decoder");
        assert_non_null(strstr(error.message, cases[i].says));
        assert_non_null(strstr(error.message, "hostile.png"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_same_as_here),           silent_unit_test(test_silence),
        silent_unit_test(test_sizes_are_not_believed), silent_unit_test(test_text_is_not_believed),
        silent_unit_test(test_random_answers),         silent_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
