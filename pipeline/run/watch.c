#include "run/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#include "attention.h"
#include "conv.h"
#include "linear.h"

#define TEXT sizeof(((struct ps_bench_row *)0)->what)

static void describe_scopes(const struct ps_watch *watch, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = watch->depth; i < watch->run->depth && used < TEXT; i++)
        used +=
            (size_t)snprintf(text + used, TEXT - used, "%s%s", used ? "/" : "", watch->run->scopes[i].name);
}

static void describe_shape(const struct ps_launch *launch, char *text)
{
    const char *name = ps_kernel_row(launch->kernel)->name;
    char shape[PS_SHAPE_TEXT];
    if (launch->kernel == PS_KERNEL_linear) {
        const struct ps_linear_push *push = (const void *)launch->push;
        snprintf(text, TEXT, "%s %u x %u -> %u%s", name, push->m, push->k, push->n,
                 launch->spec[PS_LINEAR_SPEC_ACT] == PS_ACT_GEGLU ? " geglu" : "");
    } else if (launch->kernel == PS_KERNEL_conv) {
        const struct ps_conv_push *push = (const void *)launch->push;
        snprintf(text, TEXT, "%s %ux%u /%u, %u x %u x %u x %u -> %u", name,
                 launch->spec[PS_CONV_SPEC_KERNEL_H], launch->spec[PS_CONV_SPEC_KERNEL_W],
                 launch->spec[PS_CONV_SPEC_STRIDE], push->frames, push->wide_h, push->wide_w, push->k,
                 push->n);
    } else if (launch->kernel == PS_KERNEL_attention) {
        const struct ps_attention_push *push = (const void *)launch->push;
        snprintf(text, TEXT, "%s %u x %u heads of %u, %u on %u", name, push->batch, push->heads, push->d,
                 push->queries, push->keys);
    } else {
        const size_t result = strlen(ps_kernel_row(launch->kernel)->reads);
        snprintf(text, TEXT, "%s %s", name, ps_shape_text(launch->operands[result], shape));
    }
}

static struct ps_bench_row *row_of(struct ps_watch *watch, const char *what)
{
    for (uint32_t i = 0; i < watch->count; i++)
        if (!strcmp(watch->rows[i].what, what))
            return &watch->rows[i];
    if (watch->count == PS_BENCH_ROWS)
        return &watch->rows[PS_BENCH_ROWS - 1];
    struct ps_bench_row *row = &watch->rows[watch->count++];
    *row = (struct ps_bench_row){0};
    snprintf(row->what, sizeof row->what, "%s", watch->count == PS_BENCH_ROWS ? "others" : what);
    return row;
}

/* Of the device where it has a clock: what passes there while the host makes calls and waits does not count. */
static double clock_of(const struct ps_backend *inner)
{
    const double busy = inner->ops->busy_seconds ? inner->ops->busy_seconds(inner) : -1;
    return busy < 0 ? ps_seconds() : busy;
}

static bool watch_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    struct ps_watch *watch = (struct ps_watch *)backend;
    const struct ps_backend_ops *ops = watch->inner->ops;
    if (!watch->run)
        return ops->launch(watch->inner, launch, error);
    char what[TEXT];
    if (watch->by == PS_BENCH_SCOPES)
        describe_scopes(watch, what);
    else if (watch->by == PS_BENCH_SHAPES)
        describe_shape(launch, what);
    else
        snprintf(what, sizeof what, "%s", ps_kernel_row(launch->kernel)->name);
    struct ps_bench_row *row = row_of(watch, what);
    const double begin = clock_of(watch->inner);
    const bool done = ops->launch(watch->inner, launch, error) && ops->finish(watch->inner, error);
    row->seconds += clock_of(watch->inner) - begin;
    row->launches++;
    row->flops += launch->flops;
    for (int i = 0; i < PS_MAX_OPERANDS; i++)
        row->bytes += ps_elements(launch->operands[i]) * ps_type_bytes(launch->operands[i].type);
    return done;
}

/* What is watched is waited for launch by launch. */
static bool watch_repeat_begin(struct ps_backend *backend, struct ps_error *error)
{
    const struct ps_watch *watch = (struct ps_watch *)backend;
    const struct ps_backend_ops *ops = watch->inner->ops;
    return watch->run || !ops->repeat_begin || ops->repeat_begin(watch->inner, error);
}

static bool watch_repeat_end(struct ps_backend *backend, struct ps_error *error)
{
    const struct ps_watch *watch = (struct ps_watch *)backend;
    const struct ps_backend_ops *ops = watch->inner->ops;
    return watch->run || !ops->repeat_end || ops->repeat_end(watch->inner, error);
}

static uint64_t watch_launch_bytes(const struct ps_backend *backend, const struct ps_launch *launch)
{
    const struct ps_backend *inner = ((const struct ps_watch *)backend)->inner;
    return inner->ops->launch_bytes ? inner->ops->launch_bytes(inner, launch) : 0;
}

static bool watch_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes,
                          uint32_t count, struct ps_error *error)
{
    struct ps_backend *inner = ((struct ps_watch *)backend)->inner;
    return inner->ops->reserve(inner, space, bytes, count, error);
}

static bool watch_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    struct ps_backend *inner = ((struct ps_watch *)backend)->inner;
    return inner->ops->reserve_staging(inner, bytes, error);
}

static void *watch_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    struct ps_watch *watch = (struct ps_watch *)backend;
    watch->upload_begun = ps_seconds();
    if (watch->run)
        row_of(watch, "uploads")->bytes += ps_span_bytes(to);
    return watch->inner->ops->upload_begin(watch->inner, to, error);
}

static bool watch_upload_end(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_watch *watch = (struct ps_watch *)backend;
    bool done = watch->inner->ops->upload_end(watch->inner, error);
    if (watch->run)
        done = done && watch->inner->ops->finish(watch->inner, error);
    if (watch->run)
        row_of(watch, "uploads")->seconds += ps_seconds() - watch->upload_begun;
    return done;
}

static bool watch_download(struct ps_backend *backend, struct ps_tensor from, void *to,
                           struct ps_error *error)
{
    struct ps_backend *inner = ((struct ps_watch *)backend)->inner;
    return inner->ops->download(inner, from, to, error);
}

static bool watch_finish(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_backend *inner = ((struct ps_watch *)backend)->inner;
    return inner->ops->finish(inner, error);
}

static const struct ps_backend_ops watch_ops = {
    .name = "watch",
    .reserve = watch_reserve,
    .reserve_staging = watch_reserve_staging,
    .launch = watch_launch,
    .repeat_begin = watch_repeat_begin,
    .repeat_end = watch_repeat_end,
    .launch_bytes = watch_launch_bytes,
    .upload_begin = watch_upload_begin,
    .upload_end = watch_upload_end,
    .download = watch_download,
    .finish = watch_finish,
};

void ps_watch_begin(struct ps_watch *watch, struct ps_backend *inner)
{
    watch->base = *inner;
    watch->base.ops = &watch_ops;
    watch->inner = inner;
    watch->run = NULL;
    watch->count = 0;
}

void ps_watch_start(struct ps_watch *watch, const struct ps_run *run, enum ps_bench_by by)
{
    watch->count = 0;
    watch->run = run;
    watch->depth = run->depth;
    watch->by = by;
}

void ps_watch_stop(struct ps_watch *watch)
{
    watch->run = NULL;
}

static int by_cost(const void *a, const void *b)
{
    const struct ps_bench_row *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

void ps_watch_sort(struct ps_watch *watch)
{
    qsort(watch->rows, watch->count, sizeof *watch->rows, by_cost);
}
