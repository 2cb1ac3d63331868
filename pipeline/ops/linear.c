#include "ops/product.h"

#include <string.h>

#include "linear.h"

_Static_assert(PS_NONE == PS_ACT_NONE && PS_SILU == PS_ACT_SILU && PS_GELU == PS_ACT_GELU &&
                   PS_QUICK_GELU == PS_ACT_QUICK_GELU && PS_GEGLU == PS_ACT_GEGLU,
               "activations of C and GLSL");

static bool check_layer(struct ps_run *run, const char *op, struct ps_tensor x, struct ps_layer layer,
                        uint32_t taps, enum ps_act act)
{
    char shape[PS_SHAPE_TEXT];
    if (ps_is_null(x) || !ps_is_dense(x) || x.type != run->type) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.input",
                    "%s takes a dense tensor in the run's type, not %s", op, ps_shape_text(x, shape));
        return false;
    }
    const struct ps_weight *weight = layer.weight, *bias = layer.bias;
    if (!weight || weight->pack != PS_PACK_MATRIX || weight->rows != x.c || weight->taps != taps) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.weight",
                    "%s of %s wants a matrix of %u rows and %u taps, not of %u rows and %u taps", op,
                    ps_shape_text(x, shape), x.c, taps, weight ? weight->rows : 0, weight ? weight->taps : 0);
        return false;
    }
    if (bias && (bias->pack != PS_PACK_VECTOR || bias->rows * bias->columns != weight->columns)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.bias", "%s to %u columns has a bias of %u", op,
                    weight->columns, bias->rows * bias->columns);
        return false;
    }
    if ((act == PS_GEGLU) != weight->interleave || (weight->interleave && weight->columns % 2)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.geglu",
                    "%s: GEGLU and interleaved columns go together, %u columns", op, weight->columns);
        return false;
    }
    return true;
}

/* Whether t has the rows of a result: dense, or a slab of its shape. */
static bool fits(struct ps_tensor t, struct ps_tensor result)
{
    return ps_rows(t) == ps_rows(result) && t.c == result.c && t.type == result.type &&
           (ps_is_dense(t) || t.n == result.n);
}

static bool check_epilogue(struct ps_run *run, const char *op, const struct ps_epilogue *epilogue,
                           struct ps_tensor result, uint32_t columns)
{
    const struct ps_tensor vector = epilogue->vector, residual = epilogue->residual, into = epilogue->into;
    char shape[PS_SHAPE_TEXT], wanted[PS_SHAPE_TEXT];
    if (!ps_is_null(vector) &&
        ((vector.n != 1 && vector.n != result.n) || vector.h != 1 || vector.w != 1 || vector.c != columns)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.vector", "%s to %s: the vector is %s", op,
                    ps_shape_text(result, wanted), ps_shape_text(vector, shape));
        return false;
    }
    if (!ps_is_null(residual) && !fits(residual, result)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.residual", "%s to %s: the residual is %s", op,
                    ps_shape_text(result, wanted), ps_shape_text(residual, shape));
        return false;
    }
    if (!ps_is_null(into) && !fits(into, result)) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.into", "%s to %s: the result is to be written to %s", op,
                    ps_shape_text(result, wanted), ps_shape_text(into, shape));
        return false;
    }
    return true;
}

struct ps_product ps_product_begin(struct ps_run *run, const char *op, struct ps_tensor x,
                                   struct ps_layer layer, uint32_t taps, uint32_t n, uint32_t h, uint32_t w,
                                   const struct ps_epilogue *epilogue)
{
    const struct ps_epilogue plain = {0};
    const struct ps_epilogue *e = epilogue ? epilogue : &plain;
    struct ps_product product = {.scale = e->scale != 0 ? e->scale : 1};
    if (!ps_run_ok(run) || !check_layer(run, op, x, layer, taps, e->act))
        return product;

    const uint32_t columns = layer.weight->columns, width = e->act == PS_GEGLU ? columns / 2 : columns;
    const struct ps_tensor wanted = {.type = run->type, .n = n, .h = h, .w = w, .c = width};
    if (!check_epilogue(run, op, e, wanted, columns))
        return product;
    const struct ps_tensor result = ps_is_null(e->into) ? ps_new(run, run->type, n, h, w, width) : e->into;
    const struct ps_tensor weight = ps_run_weight(run, layer.weight), bias = ps_run_weight(run, layer.bias);
    if (!ps_run_ok(run))
        return product;

    product.result = result;
    product.vector_rows = e->vector.n > 1 ? h * w : n * h * w;
    product.aligned = x.c % 4 == 0 && x.offset % (4 * ps_type_bytes(x.type)) == 0;
    product.launch = (struct ps_launch){
        .type = run->type,
        .spec = {[PS_LINEAR_SPEC_ACT] = (uint32_t)e->act,
                 [PS_LINEAR_SPEC_BIAS] = !ps_is_null(bias),
                 [PS_LINEAR_SPEC_VECTOR] = !ps_is_null(e->vector),
                 [PS_LINEAR_SPEC_RESIDUAL] = !ps_is_null(e->residual),
                 [PS_LINEAR_SPEC_Q8] = weight.type == PS_Q8},
        .operands = {[PS_X] = x,
                     [PS_MATRIX] = weight,
                     [PS_BIAS] = bias,
                     [PS_VECTOR] = e->vector,
                     [PS_RESIDUAL] = e->residual,
                     [PS_Y] = result},
        .flops = 2 * ps_rows(result) * columns * layer.weight->rows * taps,
    };
    return product;
}

/* t if it has a frame for each of the result's, and may be split as the result is. */
static struct ps_tensor framed(struct ps_tensor t, struct ps_tensor result)
{
    return t.n == result.n ? t : (struct ps_tensor){0};
}

bool ps_product_next(const struct ps_run *run, const struct ps_product *product, struct ps_piece *piece,
                     struct ps_launch *launch)
{
    static const enum ps_product_operand cut[] = {PS_X, PS_VECTOR, PS_RESIDUAL, PS_Y};
    const struct ps_tensor *operands = product->launch.operands, result = product->result;
    if (!ps_next_piece(run, piece, result, framed(operands[PS_X], result),
                       framed(operands[PS_RESIDUAL], result), false))
        return false;
    *launch = product->launch;
    launch->flops = product->launch.flops / result.n * piece->count;
    for (uint32_t i = 0; i < sizeof cut / sizeof *cut; i++)
        if (operands[cut[i]].n == result.n)
            launch->operands[cut[i]] = ps_cut(operands[cut[i]], *piece);
    return true;
}

struct ps_tensor ps_linear(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                           const struct ps_epilogue *epilogue)
{
    const struct ps_product product = ps_product_begin(run, "linear", x, layer, 1, x.n, x.h, x.w, epilogue);
    struct ps_launch launch;
    for (struct ps_piece piece = {0}; ps_product_next(run, &product, &piece, &launch);) {
        const struct ps_linear_push push = {.m = (uint32_t)ps_rows(launch.operands[PS_X]),
                                            .k = x.c,
                                            .n = layer.weight->columns,
                                            .vector_rows = product.vector_rows,
                                            .scale = product.scale};
        launch.kernel = PS_KERNEL_linear;
        launch.spec[PS_LINEAR_SPEC_ALIGNED] = product.aligned;
        launch.items[0] = push.n;
        launch.items[1] = push.m;
        launch.items[2] = 1;
        memcpy(launch.push, &push, sizeof push);
        ps_run_launch(run, &launch);
    }
    return ps_result(run, product.result);
}
