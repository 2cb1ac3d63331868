#include "kernels/bed.h"

#include <math.h>

/* A convolution: input [frames, h, w, k], window, the epilogue by letters as in test_linear.c, and q for
 * a weight in whole numbers. */
struct shape {
    uint32_t frames, h, w, k, n;
    struct ps_window window;
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

static uint32_t stride_of(const struct ps_window *window)
{
    return window->stride ? window->stride : 1;
}

/* Pixel i of `wide` as one of the `in` that are enlarged to them: PyTorch's formula, in float as it has it. */
static uint32_t nearest(int64_t i, uint32_t in, uint32_t wide)
{
    const float step = (float)in / (float)wide;
    return (uint32_t)floorf((float)i * step);
}

/* Pixel (y, x) of a frame, enlarged where the window says so, times the kernel's tap for one output channel; zero
 * outside. */
static double tap_product(const struct shape *s, const float *frame, int64_t y, int64_t x,
                          const float *weight, uint32_t taps)
{
    double sum = 0;
    const uint32_t wide_h = s->window.wide_h ? s->window.wide_h : s->h,
                   wide_w = s->window.wide_w ? s->window.wide_w : s->w;
    if (y < 0 || y >= wide_h || x < 0 || x >= wide_w)
        return 0;
    const uint64_t pixel = (uint64_t)nearest(y, s->h, wide_h) * s->w + nearest(x, s->w, wide_w);
    for (uint32_t k = 0; k < s->k; k++)
        sum += (double)frame[pixel * s->k + k] * (double)weight[k * taps];
    return sum;
}

/* The convolution and its bias by the formula, from the checkpoint's order [n, k, kernel_h, kernel_w]. */
static double *formula(struct bed *bed, const struct shape *s, struct ps_tensor input, struct ps_layer layer,
                       struct ps_tensor y)
{
    const struct ps_window *window = &s->window;
    const uint32_t taps = window->kernel_h * window->kernel_w;
    const float *x = bed_floats(bed, input), *weight = bed_weight(bed, layer.weight);
    const float *bias = layer.bias ? bed_weight(bed, layer.bias) : NULL;
    double *want = bed_memory(bed, ps_elements(y), sizeof *want), *to = want;
    for (uint32_t f = 0; f < y.n; f++)
        for (uint32_t oy = 0; oy < y.h; oy++)
            for (uint32_t ox = 0; ox < y.w; ox++)
                for (uint32_t n = 0; n < s->n; n++) {
                    double sum = bias ? (double)bias[n] : 0;
                    for (uint32_t tap = 0; tap < taps; tap++) {
                        const int64_t iy =
                            (int64_t)oy * stride_of(window) + tap / window->kernel_w - window->pad_top;
                        const int64_t ix =
                            (int64_t)ox * stride_of(window) + tap % window->kernel_w - window->pad_left;
                        sum += tap_product(s, x + (uint64_t)f * s->h * s->w * s->k, iy, ix,
                                           weight + (uint64_t)n * s->k * taps + tap, taps);
                    }
                    *to++ = sum;
                }
    return want;
}

static void check(struct bed *bed, enum ps_type type, const struct shape *s, enum bed_fill fill)
{
    bed_begin(bed, type);
    bed->run.quantised = has(s, 'q');
    const struct ps_tensor x = bed_tensor(bed, type, fill, s->frames, s->h, s->w, s->k);
    const uint32_t taps = s->window.kernel_h * s->window.kernel_w;
    const struct ps_layer layer = {.weight = bed_matrix(bed, BED_NORMAL, taps, s->k, s->n, false),
                                   .bias = has(s, 'b') ? bed_vector(bed, BED_NORMAL, s->n, false) : NULL};
    const struct ps_tensor plain = ps_conv(&bed->run, x, layer, &s->window, NULL);
    assert_int_equal(bed->run.resident[0].type == PS_Q8, has(s, 'q'));
    bed_expect(bed, plain, formula(bed, s, x, layer, plain), taps * s->k);

    struct ps_epilogue epilogue = {.act = s->act, .scale = has(s, 's') ? 0.375f : 0};
    if (has(s, 'v') || has(s, 'f'))
        epilogue.vector = bed_tensor(bed, type, BED_NORMAL, has(s, 'f') ? s->frames : 1, 1, 1, s->n);
    if (has(s, 'r'))
        epilogue.residual = bed_tensor(bed, type, BED_NORMAL, plain.n, plain.h, plain.w, plain.c);
    if (*s->with)
        ps_conv(&bed->run, x, layer, &s->window, &epilogue);
    if (bed->mismatches)
        print_message("[%u, %u, %u, %u] -> %u with '%s'\n", s->frames, s->h, s->w, s->k, s->n, s->with);
    bed_end(bed);
}

#define KERNEL3                                                                                              \
    {                                                                                                        \
        .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1                                            \
    }

#define ENLARGED(h, w)                                                                                       \
    {                                                                                                        \
        .kernel_h = 3, .kernel_w = 3, .wide_h = h, .wide_w = w, .pad_top = 1, .pad_left = 1                  \
    }

static const struct shape shapes[] = {
    {1, 1, 1, 1, 1, KERNEL3, PS_NONE, ""},
    {1, 5, 7, 3, 8, KERNEL3, PS_NONE, "b"},
    {2, 9, 5, 8, 4, KERNEL3, PS_NONE, "bf"},
    {2, 6, 10, 32, 33, KERNEL3, PS_NONE, "bvr"},
    {3, 8, 8, 16, 64, KERNEL3, PS_SILU, "brs"},
    {1, 13, 11, 70, 3, KERNEL3, PS_NONE, "b"},
    {2, 7, 9, 12, 20, {.kernel_h = 1, .kernel_w = 1}, PS_NONE, "b"},
    {1, 8, 12, 8, 16, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1}, PS_NONE, "b"},
    {2, 9, 13, 10, 9, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1}, PS_NONE, "b"},
    /* The encoder's downsampling: padding on the right and below alone. */
    {1, 10, 14, 24, 40, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .out_h = 5, .out_w = 7}, PS_NONE, "b"},
    /* Patches of a vision tower: the kernel is the stride, no padding. */
    {1, 28, 42, 3, 24, {.kernel_h = 14, .kernel_w = 14, .stride = 14, .out_h = 2, .out_w = 3}, PS_NONE, ""},
    /* Enlarged by nearest neighbour: twice, less than twice (levels of odd sizes), in one direction alone, and much.
     * The factors are those for which PyTorch's float formula is exact or far from a whole number. */
    {2, 9, 16, 8, 12, ENLARGED(18, 32), PS_NONE, "bvr"},
    {2, 5, 9, 5, 9, ENLARGED(9, 17), PS_NONE, "b"},
    {3, 2, 3, 64, 70, ENLARGED(3, 5), PS_SILU, "brs"},
    {1, 7, 5, 36, 8, ENLARGED(7, 10), PS_NONE, "b"},
    {1, 1, 1, 4, 8, ENLARGED(3, 2), PS_NONE, "b"},
    {1, 19, 33, 4, 3, ENLARGED(37, 65), PS_NONE, ""},
    {2, 3, 4, 12, 7, {.kernel_h = 3, .kernel_w = 3, .wide_h = 6, .wide_w = 8, .stride = 2}, PS_NONE, "b"},
    {1, 12, 9, 20, 65, {.kernel_h = 5, .kernel_w = 2, .pad_top = 2, .pad_left = 1}, PS_NONE, ""},
    /* Multiples of eight channels, which some variants take alone. */
    {3, 9, 16, 40, 72, KERNEL3, PS_SILU, "bfrs"},
    {35, 2, 2, 16, 24, KERNEL3, PS_NONE, "bfr"},
    {2,
     12,
     10,
     72,
     24,
     {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_top = 1, .pad_left = 1},
     PS_NONE,
     "bvr"},
    {1, 12, 9, 24, 72, {.kernel_h = 5, .kernel_w = 2, .pad_top = 2, .pad_left = 1}, PS_NONE, ""},
    {2, 6, 10, 32, 33, KERNEL3, PS_NONE, "bvrq"},
    {3, 8, 8, 37, 64, KERNEL3, PS_SILU, "brsq"},
    {1, 12, 9, 70, 65, {.kernel_h = 5, .kernel_w = 2, .pad_top = 2, .pad_left = 1}, PS_NONE, "q"},
};

static void shapes_and_epilogues(void **state)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(*state, PS_F32, &shapes[i], BED_NORMAL);
        check(*state, PS_F16, &shapes[i], BED_NORMAL);
    }
}

static void adversarial_inputs(void **state)
{
    const struct shape s = {2, 6, 5, 12, 10, KERNEL3, PS_NONE, "b"},
                       eights = {2, 6, 5, 16, 24, KERNEL3, PS_NONE, "b"};
    for (int fill = 0; fill < BED_FILLS; fill++) {
        check(*state, PS_F32, &s, (enum bed_fill)fill);
        check(*state, PS_F16, &s, (enum bed_fill)fill);
        check(*state, PS_F16, &eights, (enum bed_fill)fill);
    }
}

/* Output pixel (y, x) of a frame by the 2 x 2 kernel of its phase. */
static double phase_sum(struct ps_tensor x, const float *frame, uint32_t y, uint32_t column,
                        const float *weight)
{
    const uint32_t phase = y % 2 * 2 + column % 2;
    double sum = 0;
    for (uint32_t tap = 0; tap < 4; tap++) {
        const int64_t iy = (int64_t)(y / 2) + y % 2 + tap / 2 - 1,
                      ix = (int64_t)(column / 2) + column % 2 + tap % 2 - 1;
        if (iy < 0 || iy >= x.h || ix < 0 || ix >= x.w)
            continue;
        for (uint32_t k = 0; k < x.c; k++)
            sum += (double)frame[((uint64_t)iy * x.w + (uint64_t)ix) * x.c + k] *
                   (double)weight[k * 16 + 4 * phase + tap];
    }
    return sum;
}

/* Phases against the formula, with every epilogue, whole and frame by frame. */
static void one_of_phases(struct bed *bed, enum ps_type type, uint32_t frames, uint32_t h, uint32_t w,
                          uint32_t k, uint32_t n, bool quantised)
{
    bed_begin(bed, type);
    bed->run.quantised = quantised;
    const struct ps_tensor x = bed_tensor(bed, type, BED_NORMAL, frames, h, w, k);
    const struct ps_layer layer = {.weight = bed_matrix(bed, BED_NORMAL, 16, k, n, false),
                                   .bias = bed_vector(bed, BED_NORMAL, n, false)};
    assert_int_equal(bed->run.resident[0].type == PS_Q8, quantised);
    const struct ps_tensor y = ps_conv_twice(&bed->run, x, layer, NULL);
    assert_true(y.h == 2 * h && y.w == 2 * w && y.c == n);
    const float *from = bed_floats(bed, x), *weight = bed_weight(bed, layer.weight);
    const float *bias = bed_weight(bed, layer.bias);
    double *want = bed_memory(bed, ps_elements(y), sizeof *want), *to = want;
    for (uint32_t f = 0; f < frames; f++)
        for (uint32_t oy = 0; oy < y.h; oy++)
            for (uint32_t ox = 0; ox < y.w; ox++)
                for (uint32_t i = 0; i < n; i++)
                    *to++ = (double)bias[i] + phase_sum(x, from + f * ps_frame_elements(x), oy, ox,
                                                        weight + (uint64_t)i * k * 16);
    bed_expect(bed, y, want, 4 * k);

    const struct ps_epilogue epilogue = {.act = PS_SILU,
                                         .vector = bed_tensor(bed, type, BED_NORMAL, frames, 1, 1, n),
                                         .scale = 0.5f,
                                         .residual = bed_tensor(bed, type, BED_NORMAL, frames, y.h, y.w, n)};
    const struct ps_tensor whole = ps_conv_twice(&bed->run, x, layer, &epilogue);
    for (uint32_t f = 0; f < frames && frames > 1; f++) {
        struct ps_epilogue part = epilogue;
        part.vector = ps_frames(epilogue.vector, f, 1);
        part.residual = ps_frames(epilogue.residual, f, 1);
        bed_identical(bed, ps_frames(whole, f, 1),
                      ps_conv_twice(&bed->run, ps_frames(x, f, 1), layer, &part));
    }
    bed_end(bed);
}

static void phases(void **state)
{
    for (enum ps_type type = PS_F32; type <= PS_F16; type++) {
        one_of_phases(*state, type, 2, 5, 7, 12, 9, false);
        one_of_phases(*state, type, 1, 1, 1, 3, 8, false);
        one_of_phases(*state, type, 3, 4, 9, 64, 72, false);
        one_of_phases(*state, type, 1, 9, 3, 33, 128, false);
        one_of_phases(*state, type, 2, 4, 9, 64, 72, true);
        one_of_phases(*state, type, 1, 5, 3, 33, 136, true);
    }
}

/* Frames of a 3 x 3 convolution one by one, of plain and of enlarged ones. */
static void chunks_change_nothing(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 4; i++) {
        const uint32_t k = i < 2 ? 36 : 40, n = i < 2 ? 21 : 24;
        bed_begin(bed, (enum ps_type)(i % 2 ? PS_F16 : PS_F32));
        const struct ps_tensor x = bed_tensor(bed, bed->type, BED_NORMAL, 3, 7, 6, k);
        const struct ps_layer layer = {.weight = bed_matrix(bed, BED_NORMAL, 9, k, n, false),
                                       .bias = bed_vector(bed, BED_NORMAL, n, false)};
        for (uint32_t times = 1; times <= 2; times++) {
            const struct ps_window window = ENLARGED(7 * times, 6 * times);
            const struct ps_tensor whole = ps_conv(&bed->run, x, layer, &window, NULL);
            const struct ps_tensor pieces = bed_blank(bed, bed->type, 3, 7 * times, 6 * times, n);
            for (uint32_t frame = 0; frame < 3; frame++)
                ps_conv(&bed->run, ps_frames(x, frame, 1), layer, &window,
                        &(struct ps_epilogue){.into = ps_frames(pieces, frame, 1)});
            bed_identical(bed, whole, pieces);
        }
        bed_end(bed);
    }
}

/* The temporal convolution over a whole clip against its formula, and in every chunk against the whole. */
static void frames_of_a_clip(void **state)
{
    struct bed *bed = *state;
    const uint32_t frames = 5, h = 3, w = 7;
    for (int i = 0; i < 4; i++) {
        const uint32_t k = i < 2 ? 20 : 24, n = i < 2 ? 18 : 32;
        bed_begin(bed, (enum ps_type)(i % 2 ? PS_F16 : PS_F32));
        const struct ps_tensor x = bed_tensor(bed, bed->type, BED_NORMAL, frames, h, w, k);
        const struct ps_layer layer = {.weight = bed_matrix(bed, BED_NORMAL, 3, k, n, false),
                                       .bias = bed_vector(bed, BED_NORMAL, n, false)};
        const struct ps_tensor vector = bed_tensor(bed, bed->type, BED_NORMAL, frames, 1, 1, n);
        const struct ps_tensor residual = bed_tensor(bed, bed->type, BED_NORMAL, frames, h, w, n);

        const struct ps_tensor plain = ps_conv_frames(&bed->run, x, 0, frames, layer, NULL);
        const struct shape s = {.frames = 1,
                                .h = frames,
                                .w = h * w,
                                .k = k,
                                .n = n,
                                .window = {.kernel_h = 3, .kernel_w = 1, .pad_top = 1}};
        bed_expect(bed, plain, formula(bed, &s, x, layer, ps_reshape(plain, 1, frames, h * w, n)), 3 * k);

        const struct ps_epilogue epilogue = {.vector = vector, .residual = residual, .act = PS_SILU};
        const struct ps_tensor whole = ps_conv_frames(&bed->run, x, 0, frames, layer, &epilogue);
        const struct ps_tensor pieces = bed_blank(bed, bed->type, frames, h, w, n);
        for (uint32_t first = 0, count = 1; first < frames; first += count, count = 2) {
            const uint32_t before = first ? 1 : 0, last = first + count < frames ? first + count + 1 : frames;
            ps_conv_frames(&bed->run, ps_frames(x, first - before, last - first + before), before, count,
                           layer,
                           &(struct ps_epilogue){.vector = ps_frames(vector, first, count),
                                                 .residual = ps_frames(residual, first, count),
                                                 .act = PS_SILU,
                                                 .into = ps_frames(pieces, first, count)});
        }
        bed_identical(bed, whole, pieces);
        bed_end(bed);
    }
}

static void misuse_is_refused(void **state)
{
    struct bed *bed = *state;
    bed_begin(bed, PS_F32);
    const struct ps_tensor x = bed_tensor(bed, PS_F32, BED_NORMAL, 4, 2, 2, 8);
    const struct ps_layer layer = {.weight = bed_matrix(bed, BED_NORMAL, 3, 8, 8, false)};
    assert_true(ps_is_null(ps_conv_frames(&bed->run, x, 1, 4, layer, NULL)));
    bed_end_failed(bed, "conv.frames");
    bed_begin(bed, PS_F32);
    const struct ps_tensor again = bed_tensor(bed, PS_F32, BED_NORMAL, 4, 2, 2, 8);
    const struct ps_layer nine = {.weight = bed_matrix(bed, BED_NORMAL, 3, 8, 8, false)};
    assert_true(ps_is_null(ps_conv3x3(&bed->run, again, nine, NULL)));
    bed_end_failed(bed, "product.weight");
    bed_begin(bed, PS_F32);
    const struct ps_tensor third = bed_tensor(bed, PS_F32, BED_NORMAL, 1, 4, 4, 8);
    const struct ps_layer right = {.weight = bed_matrix(bed, BED_NORMAL, 9, 8, 8, false)};
    const struct ps_window window = ENLARGED(1u << 30, 8);
    assert_true(ps_is_null(ps_conv(&bed->run, third, right, &window, NULL)));
    bed_end_failed(bed, "conv.window");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_epilogues),
        cmocka_unit_test(adversarial_inputs),
        cmocka_unit_test(chunks_change_nothing),
        cmocka_unit_test(frames_of_a_clip),
        cmocka_unit_test(phases),
        cmocka_unit_test(misuse_is_refused),
    };
    return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
