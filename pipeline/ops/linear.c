#include "ops/product.h"

#include <string.h>

#include "linear.h"

/* Operands of the launch, as kernels.def has them for both products. */
enum { X, WEIGHT, BIAS, VECTOR, RESIDUAL, Y };

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

static bool same_rows(struct ps_tensor a, struct ps_tensor b)
{
    return ps_rows(a) == ps_rows(b) && a.c == b.c && a.type == b.type;
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
    if (!ps_is_null(residual) && (!ps_is_dense(residual) || !same_rows(residual, result))) {
        ps_run_fail(run, PS_ERR_INTERNAL, "product.residual", "%s to %s: the residual is %s", op,
                    ps_shape_text(result, wanted), ps_shape_text(residual, shape));
        return false;
    }
    if (!ps_is_null(into) && (!ps_is_dense(into) || !same_rows(into, result))) {
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
                 [PS_LINEAR_SPEC_RESIDUAL] = !ps_is_null(e->residual)},
        .operands = {[X] = x,
                     [WEIGHT] = weight,
                     [BIAS] = bias,
                     [VECTOR] = e->vector,
                     [RESIDUAL] = e->residual,
                     [Y] = result},
        .flops = 2 * ps_rows(result) * columns * layer.weight->rows * taps,
    };
    return product;
}

struct ps_tensor ps_linear(struct ps_run *run, struct ps_tensor x, struct ps_layer layer,
                           const struct ps_epilogue *epilogue)
{
    struct ps_product product = ps_product_begin(run, "linear", x, layer, 1, x.n, x.h, x.w, epilogue);
    if (ps_is_null(product.result))
        return product.result;
    const struct ps_linear_push push = {.m = (uint32_t)ps_rows(x),
                                        .k = x.c,
                                        .n = layer.weight->columns,
                                        .vector_rows = product.vector_rows,
                                        .scale = product.scale};
    product.launch.kernel = PS_KERNEL_linear;
    product.launch.spec[PS_LINEAR_SPEC_ALIGNED] = product.aligned;
    product.launch.items[0] = push.n;
    product.launch.items[1] = push.m;
    product.launch.items[2] = 1;
    memcpy(product.launch.push, &push, sizeof push);
    ps_run_launch(run, &product.launch);
    return ps_run_ok(run) ? product.result : (struct ps_tensor){0};
}
