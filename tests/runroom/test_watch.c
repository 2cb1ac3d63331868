/* The watch: what its rows hold, and that it changes nothing. */
#include "runroom/suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops/ops.h"
#include "ref/ref.h"
#include "run/watch.h"

struct fixture {
    struct ps_error error;
    struct ps_backend *ref;
    struct ps_watch watch;
    struct ps_run run;
    struct ps_tensor x;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const uint64_t bytes = 1 << 16;
    f->ref = ps_ref_open(&f->error);
    ps_watch_begin(&f->watch, f->ref);
    assert_true(f->watch.base.ops->reserve(&f->watch.base, PS_SCRATCH, &bytes, 1, &f->error));
    ps_run_begin(&f->run, &f->watch.base, PS_F32, &f->error);
    ps_enter(&f->run, "outer");
    f->x = ps_new(&f->run, PS_F32, 1, 1, 2, 32);
    ps_upload_floats(&f->run, f->x, (float[64]){[0] = 5, [63] = 7});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ps_run_end(&f->run);
    f->ref->ops->close(f->ref);
    free(f);
    return 0;
}

static void double_in(struct fixture *f, const char *scope)
{
    ps_enter(&f->run, scope);
    ps_blend(&f->run, &(struct ps_blend){.a = 2, .p = f->x, .into = f->x});
    ps_leave(&f->run, (struct ps_tensor){0});
}

static const struct ps_bench_row *row(const struct fixture *f, const char *what)
{
    for (uint32_t i = 0; i < f->watch.count; i++)
        if (!strcmp(f->watch.rows[i].what, what))
            return &f->watch.rows[i];
    fail_msg("no row %s", what);
    return NULL;
}

static void rows_are_scopes_below_the_start(void **state)
{
    struct fixture *f = *state;
    double_in(f, "before");
    assert_int_equal(f->watch.count, 0);
    ps_watch_start(&f->watch, &f->run, PS_BENCH_SCOPES);
    ps_enter(&f->run, "a");
    double_in(f, "b");
    double_in(f, "b");
    ps_blend(&f->run, &(struct ps_blend){.a = 2, .p = f->x, .into = f->x});
    ps_leave(&f->run, (struct ps_tensor){0});
    ps_upload_floats(&f->run, ps_frames(f->x, 0, 1), (float[64]){[0] = 1});
    ps_watch_stop(&f->watch);
    double_in(f, "after");
    assert_no_error(f->error);
    assert_int_equal(f->watch.count, 3);
    assert_int_equal(row(f, "a/b")->launches, 2);
    assert_int_equal(row(f, "a")->launches, 1);
    assert_int_equal(row(f, "a/b")->bytes, 2 * 2 * 256);
    assert_int_equal(row(f, "a/b")->flops, 2 * row(f, "a")->flops);
    assert_true(row(f, "a/b")->seconds > 0);
    assert_int_equal(row(f, "uploads")->bytes, 256);
    float result[64];
    ps_download_floats(&f->run, f->x, result);
    assert_true(result[0] == 2 && result[63] == 0);
}

/* A device that says of itself that a launch takes a quarter of a second, however long its calls last. */
static double busy;

static double told_busy(const struct ps_backend *backend)
{
    (void)backend;
    return busy;
}

static bool launch_busily(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    (void)backend, (void)launch, (void)error;
    busy += 0.25;
    return true;
}

static void seconds_are_the_devices(void **state)
{
    struct fixture *f = *state;
    struct ps_backend_ops ops = *f->ref->ops;
    struct ps_backend device = *f->ref;
    ops.launch = launch_busily;
    ops.busy_seconds = told_busy;
    device.ops = &ops;
    f->watch.inner = &device;
    ps_watch_start(&f->watch, &f->run, PS_BENCH_SCOPES);
    for (busy = 0; busy < 1;)
        double_in(f, busy < 0.75 ? "often" : "once");
    assert_true(row(f, "often")->seconds == 0.75);
    assert_true(row(f, "once")->seconds == 0.25);
    /* One that has no clock after all. */
    busy = -8;
    double_in(f, "without");
    assert_true(row(f, "without")->seconds > 0 && row(f, "without")->seconds < 0.25);
}

static void rows_are_kernels_or_shapes(void **state)
{
    struct fixture *f = *state;
    ps_watch_start(&f->watch, &f->run, PS_BENCH_KERNELS);
    double_in(f, "a");
    double_in(f, "b");
    assert_int_equal(f->watch.count, 1);
    assert_int_equal(row(f, "blend")->launches, 2);
    ps_watch_start(&f->watch, &f->run, PS_BENCH_SHAPES);
    double_in(f, "a");
    ps_blend(&f->run, &(struct ps_blend){.a = 1, .p = f->x});
    assert_int_equal(row(f, "blend [1, 1, 2, 32] f32")->launches, 2);
    assert_no_error(f->error);
}

static void what_finds_no_room_is_added_up(void **state)
{
    struct fixture *f = *state;
    static char names[PS_BENCH_ROWS + 10][8];
    ps_watch_start(&f->watch, &f->run, PS_BENCH_SCOPES);
    for (int i = 0; i < PS_BENCH_ROWS + 10; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        double_in(f, names[i]);
    }
    assert_int_equal(f->watch.count, PS_BENCH_ROWS);
    assert_int_equal(row(f, "others")->launches, 11);
    assert_int_equal(row(f, "254")->launches, 1);
    ps_watch_sort(&f->watch);
    for (int i = 1; i < PS_BENCH_ROWS; i++)
        assert_true(f->watch.rows[i - 1].seconds >= f->watch.rows[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_scopes_below_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(seconds_are_the_devices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_kernels_or_shapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_finds_no_room_is_added_up, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
