#include "bench/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attention.h"
#include "conv.h"
#include "linear.h"

double watch_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void describe(const struct ps_launch *launch, char *text, size_t size)
{
    const char *name = ps_kernel_row(launch->kernel)->name;
    char shape[PS_SHAPE_TEXT];
    if (launch->kernel == PS_KERNEL_linear) {
        const struct ps_linear_push *push = (const void *)launch->push;
        snprintf(text, size, "%s %u x %u -> %u%s", name, push->m, push->k, push->n,
                 launch->spec[PS_LINEAR_SPEC_ACT] == PS_ACT_GEGLU ? " geglu" : "");
    } else if (launch->kernel == PS_KERNEL_conv) {
        const struct ps_conv_push *push = (const void *)launch->push;
        snprintf(text, size, "%s %ux%u /%u, %u x %u x %u x %u -> %u", name,
                 launch->spec[PS_CONV_SPEC_KERNEL_H], launch->spec[PS_CONV_SPEC_KERNEL_W],
                 launch->spec[PS_CONV_SPEC_STRIDE], push->frames, push->in_h, push->in_w, push->k, push->n);
    } else if (launch->kernel == PS_KERNEL_attention) {
        const struct ps_attention_push *push = (const void *)launch->push;
        snprintf(text, size, "%s %u x %u heads of %u, %u on %u", name, push->batch, push->heads, push->d,
                 push->queries, push->keys);
    } else {
        const size_t result = strlen(ps_kernel_row(launch->kernel)->reads);
        snprintf(text, size, "%s %s", name, ps_shape_text(launch->operands[result], shape));
    }
}

static struct watch_row *row_of(struct watch *watch, const struct ps_launch *launch)
{
    char what[sizeof watch->rows[0].what];
    describe(launch, what, sizeof what);
    for (uint32_t i = 0; i < watch->count; i++)
        if (!strcmp(watch->rows[i].what, what))
            return &watch->rows[i];
    struct watch_row *row = &watch->rows[watch->count < WATCH_ROWS ? watch->count++ : WATCH_ROWS - 1];
    *row = (struct watch_row){.kernel = launch->kernel};
    memcpy(row->what, what, sizeof what);
    return row;
}

static bool watch_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    struct watch *watch = (struct watch *)backend;
    struct watch_row *row = row_of(watch, launch);
    const double begin = watch_now();
    const bool done = watch->inner->ops->launch(watch->inner, launch, error) &&
                      watch->inner->ops->finish(watch->inner, error);
    row->seconds += watch_now() - begin;
    row->calls++;
    row->flops += launch->flops;
    for (int i = 0; i < PS_MAX_OPERANDS; i++)
        row->bytes += ps_elements(launch->operands[i]) * ps_type_bytes(launch->operands[i].type);
    return done;
}

static bool watch_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes,
                          uint32_t count, struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->reserve(inner, space, bytes, count, error);
}

static bool watch_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->reserve_staging(inner, bytes, error);
}

static void *watch_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->upload_begin(inner, to, error);
}

static bool watch_upload_end(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->upload_end(inner, error);
}

static bool watch_download(struct ps_backend *backend, struct ps_tensor from, void *to,
                           struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->download(inner, from, to, error);
}

static bool watch_finish(struct ps_backend *backend, struct ps_error *error)
{
    struct ps_backend *inner = ((struct watch *)backend)->inner;
    return inner->ops->finish(inner, error);
}

static const struct ps_backend_ops watch_ops = {
    .name = "watch",
    .reserve = watch_reserve,
    .reserve_staging = watch_reserve_staging,
    .launch = watch_launch,
    .upload_begin = watch_upload_begin,
    .upload_end = watch_upload_end,
    .download = watch_download,
    .finish = watch_finish,
};

void watch_begin(struct watch *watch, struct ps_backend *inner)
{
    watch->base = *inner;
    watch->base.ops = &watch_ops;
    watch->inner = inner;
    watch_clear(watch);
}

void watch_clear(struct watch *watch)
{
    watch->count = 0;
    memset(watch->rows, 0, sizeof watch->rows);
}

static int by_cost(const void *a, const void *b)
{
    const struct watch_row *x = a, *y = b;
    return x->seconds < y->seconds ? 1 : x->seconds > y->seconds ? -1 : 0;
}

static void print_row(const struct watch_row *row, const char *what, double all, double ceiling)
{
    const double rate = (double)row->flops / row->seconds;
    printf("%9.1f ms %5.1f %% %6llu x  %7.1f GFLOP/s %4.0f %%  %6.1f GB/s  %s\n", row->seconds * 1e3,
           100 * row->seconds / all, (unsigned long long)row->calls, rate / 1e9, 100 * rate / ceiling,
           (double)row->bytes / row->seconds / 1e9, what);
}

void watch_print(const struct watch *watch, double ceiling, uint32_t most)
{
    struct watch_row kernels[PS_KERNELS] = {0}, *sorted = malloc(sizeof watch->rows);
    double all = 0;
    if (!sorted)
        return;
    for (uint32_t i = 0; i < watch->count; i++) {
        struct watch_row *kernel = &kernels[watch->rows[i].kernel];
        kernel->seconds += watch->rows[i].seconds;
        kernel->flops += watch->rows[i].flops;
        kernel->bytes += watch->rows[i].bytes;
        kernel->calls += watch->rows[i].calls;
        all += watch->rows[i].seconds;
    }
    for (int i = 0; i < PS_KERNELS; i++)
        if (kernels[i].calls)
            print_row(&kernels[i], ps_kernel_row((enum ps_kernel)i)->name, all, ceiling);
    memcpy(sorted, watch->rows, sizeof watch->rows);
    qsort(sorted, watch->count, sizeof *sorted, by_cost);
    printf("\n");
    for (uint32_t i = 0; i < watch->count && i < most; i++)
        print_row(&sorted[i], sorted[i].what, all, ceiling);
    free(sorted);
}
