/* The check that comes before an instruction set is used, on a model of the tile registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "cpu/isa.h"

struct lines {
    int count;
    char last[256];
};

static void take_line(void *user, enum ps_log_level level, const char *line)
{
    struct lines *lines = user;
    assert_int_equal(level, PS_LOG_WARNING);
    lines->count++;
    strncpy(lines->last, line, sizeof lines->last - 1);
}

static void auto_takes_the_best_that_is_right(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct lines lines = {0};
    const struct ps_cpu_params params = {.threads = 2, .log = {take_line, &lines}};
    struct ps_backend *cpu = ps_cpu_open(&params, &error);
    assert_non_null(cpu);
#ifdef PS_MODEL_FAULTY
    assert_string_equal(ps_cpu_isa(cpu), "avx512_bf16");
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.last, "amx"));
#else
    assert_string_equal(ps_cpu_isa(cpu), "amx");
    assert_int_equal(lines.count, 0);
#endif
    assert_true(ps_cpu_prefers_bf16(cpu));
    assert_int_equal(cpu->allocated_bytes, 0);
    cpu->ops->close(cpu);
}

static void a_named_one_must_be_right(void **state)
{
    (void)state;
    struct ps_error error = {0};
    struct lines lines = {0};
    const struct ps_cpu_params params = {.isa = "amx", .log = {take_line, &lines}};
    struct ps_backend *cpu = ps_cpu_open(&params, &error);
#ifdef PS_MODEL_FAULTY
    assert_null(cpu);
    assert_int_equal(error.status, PS_ERR_DEVICE);
    assert_string_equal(error.id, "cpu.isa-wrong");
    assert_non_null(strstr(error.message, "amx"));
#else
    assert_non_null(cpu);
    cpu->ops->close(cpu);
#endif
    assert_int_equal(lines.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(auto_takes_the_best_that_is_right),
                                       cmocka_unit_test(a_named_one_must_be_right)};
    return ps_cpu_has(PS_CPU_AMX) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
