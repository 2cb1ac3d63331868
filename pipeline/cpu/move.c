/* Kernels that move whole pixels. */
#include "base/checked.h"
#include "cpu/kernels.h"

#include <string.h>

#include "concat.h"
#include "resize.h"

#define ROWS 64 /* of a task */

static void concat_task(void *user, uint32_t index, void *scratch)
{
    enum { P, Q, Y };
    (void)scratch;
    const struct ps_cpu_call *call = user;
    const struct ps_concat_push *push = call->push;
    const uint64_t element = ps_type_bytes(call->launch->type), p = push->c_p * element,
                   q = push->c_q * element;
    const uint64_t end = ps_min_u64(((uint64_t)index + 1) * ROWS, push->rows);
    for (uint64_t r = (uint64_t)index * ROWS; r < end; r++) {
        char *to = (char *)call->operands[Y] + r * (p + q);
        memcpy(to, (const char *)call->operands[P] + r * p, p);
        memcpy(to + p, (const char *)call->operands[Q] + r * q, q);
    }
}

bool PS_NAME(concat)(const struct ps_cpu_call *call)
{
    struct ps_cpu_call copy = *call;
    ps_pool_run(call->pool, concat_task, &copy,
                ps_div_up(((const struct ps_concat_push *)call->push)->rows, ROWS));
    return true;
}

/* One output row. */
static void resize_task(void *user, uint32_t index, void *scratch)
{
    enum { X, Y };
    (void)scratch;
    const struct ps_cpu_call *call = user;
    const struct ps_resize_push *push = call->push;
    const uint64_t pixel = push->c * ps_type_bytes(call->launch->type);
    const uint64_t frame = index / push->out_h,
                   in_y = (uint64_t)(index % push->out_h) * push->in_h / push->out_h;
    const char *from = (const char *)call->operands[X] + (frame * push->in_h + in_y) * push->in_w * pixel;
    char *to = (char *)call->operands[Y] + (uint64_t)index * push->out_w * pixel;
    for (uint64_t x = 0; x < push->out_w; x++, to += pixel)
        memcpy(to, from + x * push->in_w / push->out_w * pixel, pixel);
}

bool PS_NAME(resize)(const struct ps_cpu_call *call)
{
    const struct ps_resize_push *push = call->push;
    struct ps_cpu_call copy = *call;
    ps_pool_run(call->pool, resize_task, &copy, push->n * push->out_h);
    return true;
}
