/* Finding the product in drawn photos whose product is known. */
#include "base/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/product.h"

enum { WIDTH = 480, HEIGHT = 320 };

/* A photo being drawn. */
struct scene {
    uint8_t rgb[HEIGHT][WIDTH][3];
    uint8_t alpha[HEIGHT][WIDTH];
};

static struct scene *new_scene(uint32_t colour)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    for (size_t y = 0; y < HEIGHT; y++)
        for (size_t x = 0; x < WIDTH; x++)
            for (size_t c = 0; c < 3; c++)
                scene->rgb[y][x][c] = (uint8_t)(colour >> (16 - 8 * c));
    return scene;
}

static void draw_box(struct scene *scene, struct ps_rect at, uint32_t colour)
{
    for (size_t y = at.top; y < at.top + at.height; y++)
        for (size_t x = at.left; x < at.left + at.width; x++) {
            for (size_t c = 0; c < 3; c++)
                scene->rgb[y][x][c] = (uint8_t)(colour >> (16 - 8 * c));
            scene->alpha[y][x] = 255;
        }
}

/* Adds -amount to +amount, evenly spread (xorshift32). */
static void add_noise(struct scene *scene, int amount)
{
    uint32_t bits = 2463534242u;
    uint8_t *samples = &scene->rgb[0][0][0];
    for (size_t i = 0; i < sizeof scene->rgb; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 17;
        bits ^= bits << 5;
        const int value = samples[i] + (int)(bits % (2 * (uint32_t)amount + 1)) - amount;
        samples[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static struct ps_product find(const struct scene *scene, bool with_alpha)
{
    struct ps_product product;
    struct ps_error error = {0};
    assert_int_equal(ps_find_product(&product, &scene->rgb[0][0][0], with_alpha ? &scene->alpha[0][0] : NULL,
                                     WIDTH, HEIGHT, &error),
                     PS_OK);
    return product;
}

/* To the cell: 64 cells a side of 480, of 7.5 pixels. */
static void assert_box(const struct ps_product *product, struct ps_rect expected)
{
    const double cell = 7.6;
    const double found[] = {product->box.left * WIDTH, product->box.top * HEIGHT, product->box.right * WIDTH,
                            product->box.bottom * HEIGHT};
    const double wanted[] = {expected.left, expected.top, expected.left + expected.width,
                             expected.top + expected.height};
    assert_true(product->found);
    for (int i = 0; i < 4; i++)
        if (fabs(found[i] - wanted[i]) > cell)
            fail_msg("side %d is at %.1f, not at %.1f", i, found[i], wanted[i]);
}

static const struct ps_rect can = {310, 90, 70, 150};

static void test_plain_backdrop(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0xf0f0f0);
    draw_box(scene, can, 0x205080);
    struct ps_product product = find(scene, false);
    assert_box(&product, can);
    const struct ps_point middle = ps_product_middle(&product);
    assert_true(fabs(middle.x - 345.0 / WIDTH) < 0.01 && fabs(middle.y - 165.0 / HEIGHT) < 0.013);
    add_noise(scene, 12);
    product = find(scene, false);
    assert_box(&product, can);
    free(scene);
}

/* Of the backdrop's mean colour: only the fine print tells. */
static void test_detail_counts(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0xe0e0e0);
    for (uint32_t y = can.top; y < can.top + can.height; y++)
        for (uint32_t x = can.left; x < can.left + can.width; x++)
            draw_box(scene, (struct ps_rect){x, y, 1, 1}, (x + y) % 2 ? 0xffffff : 0xc1c1c1);
    const struct ps_product product = find(scene, false);
    assert_box(&product, can);
    free(scene);
}

/* A dark table under a light wall, and a wall that grows darker to the bottom. */
static void test_horizons_do_not_count(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0xe8e8e8);
    draw_box(scene, (struct ps_rect){0, 200, WIDTH, HEIGHT - 200}, 0x604020);
    draw_box(scene, can, 0xb01010);
    struct ps_product product = find(scene, false);
    assert_box(&product, can);
    for (size_t y = 0; y < HEIGHT; y++)
        memset(scene->rgb[y], (int)(240 - y / 2), sizeof scene->rgb[y]);
    draw_box(scene, can, 0x205080);
    product = find(scene, false);
    assert_box(&product, can);
    free(scene);
}

/* What the lower edge cuts is still the product. */
static void test_cut_by_the_lower_edge(void **state)
{
    (void)state;
    const struct ps_rect bottle = {60, 120, 120, HEIGHT - 120};
    struct scene *scene = new_scene(0xd0d0d0);
    draw_box(scene, bottle, 0x103010);
    const struct ps_product product = find(scene, false);
    assert_box(&product, bottle);
    free(scene);
}

/* A soft shadow and a few specks are not the product. */
static void test_faint_and_stray_do_not_count(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0xf0f0f0);
    draw_box(scene, (struct ps_rect){can.left - 120, can.top + 130, 120, 20}, 0xd0d0d0);
    draw_box(scene, (struct ps_rect){30, 21, 7, 7}, 0);
    draw_box(scene, can, 0x102030);
    const struct ps_product product = find(scene, false);
    assert_box(&product, can);
    free(scene);
}

/* With alpha the colours do not count: the same scene, and a product elsewhere. */
static void test_alpha(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0xf0f0f0);
    draw_box(scene, (struct ps_rect){20, 20, 90, 200}, 0);
    memset(scene->alpha, 0, sizeof scene->alpha);
    draw_box(scene, can, 0xf0f0f0);
    const struct ps_product product = find(scene, true);
    assert_box(&product, can);
    free(scene);
}

static void test_nothing_stands_out(void **state)
{
    (void)state;
    struct scene *scene = new_scene(0x808080);
    add_noise(scene, 6);
    for (int with_alpha = 0; with_alpha < 2; with_alpha++) {
        const struct ps_product product = find(scene, with_alpha);
        assert_false(product.found);
        assert_true(product.box.left == 0 && product.box.top == 0 && product.box.right == 1 &&
                    product.box.bottom == 1);
        const struct ps_point middle = ps_product_middle(&product);
        assert_true(middle.x == 0.5 && middle.y == 0.5);
    }
    free(scene);
}

/* Sizes at which cells are single pixels, or a side is one cell. */
static void test_small_photos(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 500}, {500, 1}, {2, 3}, {63, 65}, {64, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t width = sizes[i][0], height = sizes[i][1];
        uint8_t *rgb = calloc((size_t)width * height, 3);
        struct ps_product product;
        struct ps_error error = {0};
        assert_int_equal(ps_find_product(&product, rgb, NULL, width, height, &error), PS_OK);
        assert_false(product.found);
        free(rgb);
    }
    uint8_t dot[5 * 5 * 3] = {0};
    memset(dot + (2 * 5 + 3) * 3, 255, 3);
    struct ps_product product;
    struct ps_error error = {0};
    assert_int_equal(ps_find_product(&product, dot, NULL, 5, 5, &error), PS_OK);
    assert_true(product.found && product.box.left == 0.6 && product.box.right == 0.8 &&
                product.box.top == 0.4 && product.box.bottom == 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_backdrop),
        cmocka_unit_test(test_detail_counts),
        cmocka_unit_test(test_horizons_do_not_count),
        cmocka_unit_test(test_cut_by_the_lower_edge),
        cmocka_unit_test(test_faint_and_stray_do_not_count),
        cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_nothing_stands_out),
        cmocka_unit_test(test_small_photos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
