/* Kernels that move whole pixels. */
#include "base/checked.h"
#include "cpu/kernels.h"

#include <string.h>

#include "concat.h"

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
