/* The cross-attention over one token is the constant that the transformer adds in its place: general attention, with
 * queries from the activations, gives to_out(to_v(context)) in every row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/golden.h"

#define CHANNELS 32
#define CONTEXT 24
#define HEADS 4

struct subject {
    struct ps_layer q, k, v, out;
    float *x, *context;
    uint32_t x_shape[4], context_shape[4];
    float *general, *constant;
};

static struct ps_tensor upload(struct ps_run *run, const float *values, uint32_t n, uint32_t w, uint32_t c)
{
    const struct ps_tensor t = ps_new(run, run->type, n, 1, w, c);
    ps_upload_floats(run, t, values);
    return t;
}

static void body(struct ps_run *run, void *user)
{
    struct subject *subject = user;
    const uint32_t rows = subject->x_shape[0] * subject->x_shape[1] * subject->x_shape[2];
    ps_enter(run, "context");
    const struct ps_tensor x = upload(run, subject->x, 1, rows, CHANNELS);
    const struct ps_tensor context = upload(run, subject->context, 1, 1, CONTEXT);
    const struct ps_tensor q = ps_linear(run, x, subject->q, NULL), k = ps_linear(run, context, subject->k, NULL);
    const struct ps_tensor v = ps_linear(run, context, subject->v, NULL);
    const struct ps_tensor y = ps_linear(run, ps_attention(run, q, k, v, HEADS), subject->out, NULL);
    ps_download_floats(run, y, subject->general);
    ps_download_floats(run, ps_linear(run, v, subject->out, NULL), subject->constant);
    ps_leave(run, (struct ps_tensor){0});
}

static void one_token_is_a_constant(void **state)
{
    (void)state;
    struct golden golden = golden_open("blocks/transformer_1");
    struct subject subject = {0};
    struct ps_error error = {0};
    struct ps_binder binder;
    struct ps_weight_set weights = {0};
    ps_binder_begin(&binder, &golden.part, &error);
    ps_bind_enter(&binder, "transformer_blocks.0.attn2");
    subject.q = ps_bind_linear(&binder, CHANNELS, CHANNELS, false, "to_q");
    subject.k = ps_bind_linear(&binder, CHANNELS, CONTEXT, false, "to_k");
    subject.v = ps_bind_linear(&binder, CHANNELS, CONTEXT, false, "to_v");
    subject.out = ps_bind_linear(&binder, CHANNELS, CHANNELS, true, "to_out.0");
    ps_bind_leave(&binder);
    assert_int_equal(ps_binder_finish(&binder, &weights, &error), PS_OK);
    subject.x = golden_channels_last(&golden, "input.hidden_states", subject.x_shape);
    subject.context = golden_floats(&golden, "input.encoder_hidden_states", subject.context_shape);
    const uint32_t rows = subject.x_shape[0] * subject.x_shape[1] * subject.x_shape[2];
    subject.general = calloc((size_t)rows * CHANNELS, sizeof *subject.general);
    subject.constant = calloc(CHANNELS, sizeof *subject.constant);
    struct golden_backends backends = golden_backends_open(NULL);
    for (uint32_t i = 0; i < backends.count; i++) {
        const struct golden_run run = {
            .weights = &weights, .store = &golden.part.store, .body = body, .user = &subject, .type = PS_F32};
        golden_execute(backends.items[i], &run);
        for (uint32_t row = 0; row < rows; row++)
            golden_expect(backends.items[i]->ops->name, subject.general + (size_t)row * CHANNELS, subject.constant,
                          CHANNELS, 1e-6);
    }
    assert_int_equal(golden_backends_close(&backends), 0);
    free(subject.x);
    free(subject.context);
    free(subject.general);
    free(subject.constant);
    ps_weight_set_free(&weights);
    golden_close(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_token_is_a_constant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
