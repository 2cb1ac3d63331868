#include "kernels/bed.h"

#include <math.h>

/* One linear layer: m rows as [frames, 1, m / frames], the epilogue by letters: b bias, v vector for all, f
 * vector a frame, r residual, i into a view, s scale. */
struct shape {
    uint32_t frames, m, k, n;
    enum ps_act act;
    const char *with;
};

static bool has(const struct shape *shape, char letter)
{
    for (const char *at = shape->with; *at; at++)
        if (*at == letter)
            return true;
    return false;
}

static double activation(enum ps_act act, double x)
{
    switch (act) {
    case PS_SILU:
        return x / (1 + exp(-x));
    case PS_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case PS_GELU:
    case PS_GEGLU:
        return x * 0.5 * erfc(-x * sqrt(0.5));
    case PS_NONE:
        break;
    }
    return x;
}

struct operands {
    struct ps_tensor x;
    struct ps_layer layer;
    struct ps_epilogue epilogue;
};

static struct operands prepare(struct bed *bed, const struct shape *s, enum bed_fill x_fill,
                               enum bed_fill weight_fill)
{
    const bool geglu = s->act == PS_GEGLU;
    const uint32_t width = geglu ? s->n / 2 : s->n, rows = s->m / s->frames;
    struct operands o = {
        .x = bed_tensor(bed, bed->type, x_fill, s->frames, 1, rows, s->k),
        .layer.weight = bed_matrix(bed, weight_fill, 1, s->k, s->n, geglu),
        .epilogue.act = s->act,
    };
    if (has(s, 'b'))
        o.layer.bias = bed_vector(bed, BED_NORMAL, s->n, geglu);
    if (has(s, 'v') || has(s, 'f'))
        o.epilogue.vector = bed_tensor(bed, bed->type, BED_NORMAL, has(s, 'f') ? s->frames : 1, 1, 1, s->n);
    if (has(s, 'r'))
        o.epilogue.residual = bed_tensor(bed, bed->type, BED_NORMAL, s->frames, 1, rows, width);
    if (has(s, 'i'))
        o.epilogue.into = ps_frames(bed_blank(bed, bed->type, s->frames + 2, 1, rows, width), 1, s->frames);
    if (has(s, 's'))
        o.epilogue.scale = 0.375f;
    return o;
}

/* The layer by its formula from the checkpoint's order of weights. */
static double *formula(struct bed *bed, const struct shape *s, const struct operands *o)
{
    const bool geglu = s->act == PS_GEGLU;
    const uint32_t width = geglu ? s->n / 2 : s->n;
    const float *x = bed_floats(bed, o->x), *weight = bed_weight(bed, o->layer.weight);
    const float *bias = has(s, 'b') ? bed_weight(bed, o->layer.bias) : NULL;
    const float *vector = has(s, 'v') || has(s, 'f') ? bed_floats(bed, o->epilogue.vector) : NULL;
    const float *residual = has(s, 'r') ? bed_floats(bed, o->epilogue.residual) : NULL;
    double *y = bed_memory(bed, (size_t)s->m * width, sizeof *y);
    for (uint32_t m = 0; m < s->m; m++)
        for (uint32_t column = 0; column < width; column++) {
            double sums[2] = {0, 0};
            for (uint32_t gate = 0; gate < (geglu ? 2 : 1); gate++) {
                const uint32_t from = gate * width + column, packed = geglu ? 2 * column + gate : column;
                for (uint32_t k = 0; k < s->k; k++)
                    sums[gate] += (double)x[m * s->k + k] * (double)weight[from * s->k + k];
                if (bias)
                    sums[gate] += (double)bias[from];
                if (vector)
                    sums[gate] += (double)vector[(has(s, 'f') ? m / (s->m / s->frames) : 0) * s->n + packed];
            }
            double value = geglu ? sums[0] * activation(PS_GEGLU, sums[1]) : activation(s->act, sums[0]);
            value *= has(s, 's') ? 0.375 : 1;
            y[m * width + column] = value + (residual ? (double)residual[m * width + column] : 0);
        }
    return y;
}

static void check(struct bed *bed, enum ps_type type, const struct shape *s)
{
    bed_begin(bed, type);
    const struct operands o = prepare(bed, s, BED_NORMAL, BED_NORMAL);
    const double *want = formula(bed, s, &o);
    const struct ps_tensor y = ps_linear(&bed->run, o.x, o.layer, &o.epilogue);
    bed_expect(bed, y, want, s->k);
    if (bed->mismatches)
        print_message("m %u k %u n %u act %u with '%s'\n", s->m, s->k, s->n, (unsigned)s->act, s->with);
    bed_end(bed);
}

static const struct shape shapes[] = {
    {1, 1, 1, 1, PS_NONE, ""},           {1, 1, 3, 2, PS_NONE, "b"},
    {1, 5, 4, 4, PS_NONE, "b"},          {2, 34, 8, 8, PS_NONE, "bf"},
    {3, 33, 10, 9, PS_NONE, "bv"},       {1, 130, 31, 65, PS_NONE, "br"},
    {2, 64, 64, 64, PS_NONE, "bri"},     {1, 129, 36, 66, PS_SILU, "bs"},
    {1, 31, 96, 33, PS_GELU, "b"},       {1, 32, 80, 32, PS_QUICK_GELU, "b"},
    {1, 9, 20, 2, PS_GEGLU, ""},         {2, 40, 32, 34, PS_GEGLU, "br"},
    {1, 70, 64, 256, PS_GEGLU, "bfsri"}, {1, 1, 1280, 320, PS_SILU, "b"},
    {1, 3, 5120, 24, PS_NONE, "b"},      {1, 2, 11520, 16, PS_NONE, "b"},
    {1, 600, 12, 7, PS_NONE, "vs"},      {1, 290, 20, 300, PS_NONE, "b"}, /* several work groups both ways */
    {3, 201, 136, 200, PS_SILU, "bfrs"}, {1, 130, 72, 144, PS_GEGLU, "bvri"},
};

static void shapes_and_epilogues(void **state)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(*state, PS_F32, &shapes[i]);
        check(*state, PS_F16, &shapes[i]);
    }
}

/* Weights in whole numbers; the one of 31 columns is not large enough, and stays. */
static void quantised_weights(void **state)
{
    struct bed *bed = *state;
    static const struct shape cases[] = {
        {1, 130, 32, 65, PS_NONE, "br"},  {3, 33, 50, 40, PS_NONE, "bv"},
        {2, 64, 64, 64, PS_SILU, "bfri"}, {1, 70, 65, 256, PS_GEGLU, "bfsri"},
        {2, 40, 33, 34, PS_GEGLU, "r"},   {1, 1, 1280, 320, PS_SILU, "b"},
        {1, 2, 11520, 32, PS_NONE, ""},   {1, 290, 33, 300, PS_NONE, "s"},
        {1, 290, 64, 31, PS_NONE, "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int type = PS_F32; type <= PS_F16; type++)
            for (int fill = 0; fill < BED_FILLS; fill++) {
                const struct shape *s = &cases[i];
                if (fill && (i % 4 || fill == BED_HUGE))
                    continue;
                bed_begin(bed, (enum ps_type)type);
                bed->run.quantised = true;
                const struct operands o = prepare(bed, s, BED_NORMAL, (enum bed_fill)fill);
                const double *want = formula(bed, s, &o);
                const struct ps_tensor y = ps_linear(&bed->run, o.x, o.layer, &o.epilogue);
                assert_int_equal(bed->run.resident[0].type, s->n < 32 ? bed->type : PS_Q8);
                bed_expect(bed, y, want, s->k);
                bed_end(bed);
            }
}

static void adversarial_inputs(void **state)
{
    struct bed *bed = *state;
    const struct shape s = {1, 37, 52, 41, PS_NONE, "b"};
    for (int x_fill = 0; x_fill < BED_FILLS; x_fill++)
        for (int weight_fill = 0; weight_fill < BED_FILLS; weight_fill++) {
            if ((x_fill == BED_HUGE && (weight_fill == BED_HUGE || weight_fill == BED_OFFSET)) ||
                (x_fill == BED_OFFSET && weight_fill == BED_HUGE))
                continue; /* beyond what f16 holds */
            for (int type = PS_F32; type <= PS_F16; type++) {
                bed_begin(bed, (enum ps_type)type);
                const struct operands o = prepare(bed, &s, (enum bed_fill)x_fill, (enum bed_fill)weight_fill);
                ps_linear(&bed->run, o.x, o.layer, NULL);
                bed_end(bed);
            }
        }
}

/* The activations over their whole range: a product with the identity. */
static void activation_range(void **state)
{
    struct bed *bed = *state;
    const enum ps_act acts[] = {PS_SILU, PS_GELU, PS_QUICK_GELU};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        bed_begin(bed, PS_F32);
        float *values = bed_memory(bed, 4000, sizeof *values);
        double *want = bed_memory(bed, 4000, sizeof *want);
        for (int j = 0; j < 4000; j++) {
            values[j] = (float)(j - 2000) * 0.005f;
            want[j] = activation(acts[i], (double)values[j]);
        }
        const struct ps_tensor x = bed_blank(bed, PS_F32, 1, 1, 4000, 1);
        ps_upload_floats(&bed->run, x, values);
        const struct ps_layer one = {.weight = bed_matrix(bed, BED_ONE_HOT, 1, 1, 1, false)};
        bed_expect(bed, ps_linear(&bed->run, x, one, &(struct ps_epilogue){.act = acts[i]}), want, 1);
        bed_end(bed);
    }
}

/* A layer over all frames at once and frame by frame. */
static void chunks_change_nothing(void **state)
{
    struct bed *bed = *state;
    const struct shape odd = {5, 5 * 29, 70, 37, PS_SILU, "bf"}, even = {3, 3 * 128, 64, 96, PS_NONE, "br"};
    const struct shape *cases[] = {&odd, &even};
    for (int i = 0; i < 2; i++)
        for (int type = PS_F32; type <= PS_F16; type++) {
            bed_begin(bed, (enum ps_type)type);
            const struct operands o = prepare(bed, cases[i], BED_NORMAL, BED_NORMAL);
            const struct ps_tensor whole = ps_linear(&bed->run, o.x, o.layer, &o.epilogue);
            const struct ps_tensor pieces = bed_blank(bed, bed->type, whole.n, whole.h, whole.w, whole.c);
            for (uint32_t frame = 0; frame < whole.n; frame++) {
                struct ps_epilogue epilogue = o.epilogue;
                epilogue.vector = ps_frames(epilogue.vector, frame, 1);
                epilogue.residual = ps_frames(epilogue.residual, frame, 1);
                epilogue.into = ps_frames(pieces, frame, 1);
                ps_linear(&bed->run, ps_frames(o.x, frame, 1), o.layer, &epilogue);
            }
            bed_identical(bed, whole, pieces);
            bed_end(bed);
        }
}

/* The residual may be what is written. */
static void in_place(void **state)
{
    struct bed *bed = *state;
    for (int type = PS_F32; type <= PS_F16; type++) {
        bed_begin(bed, (enum ps_type)type);
        const struct shape s = {1, 45, 24, 40, PS_NONE, "br"};
        struct operands o = prepare(bed, &s, BED_NORMAL, BED_NORMAL);
        const double *want = formula(bed, &s, &o);
        o.epilogue.into = o.epilogue.residual;
        bed_expect(bed, ps_linear(&bed->run, o.x, o.layer, &o.epilogue), want, s.k);
        bed_end(bed);
    }
}

static void faults_are_noticed(void **state)
{
    struct bed *bed = *state;
    const struct shape s = {1, 40, 33, 24, PS_NONE, "b"};
    for (int fault = BED_WRONG_ELEMENT; fault <= BED_CHANGED_INPUT; fault++)
        for (int type = PS_F32; type <= PS_F16; type++) {
            bed_begin(bed, (enum ps_type)type);
            const struct operands o = prepare(bed, &s, BED_NORMAL, BED_NORMAL);
            bed->fault = (enum bed_fault)fault;
            ps_linear(&bed->run, o.x, o.layer, NULL);
            assert_int_not_equal(bed->mismatches, 0);
            bed->mismatches = 0;
            bed_end(bed);
        }
}

static void misuse_is_refused(void **state)
{
    struct bed *bed = *state;
    const struct shape s = {1, 6, 8, 12, PS_NONE, "bvr"};
    for (int i = 0; i < 5; i++) {
        const char *ids[] = {"product.weight", "product.bias", "product.geglu", "product.vector",
                             "product.residual"};
        bed_begin(bed, PS_F32);
        struct operands o = prepare(bed, &s, BED_NORMAL, BED_NORMAL);
        if (i == 0)
            o.layer.weight = bed_matrix(bed, BED_NORMAL, 1, 9, 12, false);
        else if (i == 1)
            o.layer.bias = bed_vector(bed, BED_NORMAL, 13, false);
        else if (i == 2)
            o.epilogue.act = PS_GEGLU;
        else if (i == 3)
            o.epilogue.vector = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 1, 8);
        else
            o.epilogue.residual = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 1, 6, 11);
        assert_true(ps_is_null(ps_linear(&bed->run, o.x, o.layer, &o.epilogue)));
        bed_end_failed(bed, ids[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_epilogues),  cmocka_unit_test(quantised_weights),
        cmocka_unit_test(adversarial_inputs),    cmocka_unit_test(activation_range),
        cmocka_unit_test(chunks_change_nothing), cmocka_unit_test(in_place),
        cmocka_unit_test(faults_are_noticed),    cmocka_unit_test(misuse_is_refused),
    };
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
