/* The photo is looked at in at most 64 by 64 cells. Noise, grain and small specks average out in them, and
 * sums of bytes are whole numbers, so the result does not depend on the order of operations. */
#include "frame/product.h"

#include <math.h>
#include <stdlib.h>

enum { CELLS = 64 };

/* Levels of 255 by which the strongest cells must stand out; less is grain, or compression. */
#define LEAST 6.0
/* Levels beyond which more does not count: a product in part on a dark table and in part before a light wall
 * is all product. */
#define PLAIN 96.0
/* Cells that stand out less than this share of the strongest are shadow or reflection. */
#define FAINT 0.4
/* Share of what stands out that may lie beyond each side of the box: specks, a busy background. */
#define STRAY 0.015

struct cell {
    double colour[3]; /* mean */
    double detail;    /* standard deviation of luma */
    double alpha;     /* mean */
};

struct grid {
    uint32_t columns, rows;
    struct cell cells[CELLS * CELLS];
    double weights[CELLS * CELLS];
};

static struct cell measure_cell(const uint8_t *rgb, const uint8_t *alpha, uint32_t width,
                                const struct ps_rect *at)
{
    uint64_t sums[3] = {0}, opaque = 0, luma_sum = 0, luma_squares = 0;
    for (uint32_t y = at->top; y < at->top + at->height; y++)
        for (uint32_t x = at->left; x < at->left + at->width; x++) {
            const size_t pixel = (size_t)y * width + x;
            const uint8_t *colour = rgb + 3 * pixel;
            /* BT.601 in 256ths; what is meant is only how much the eye sees of it. */
            const uint64_t luma = 77u * colour[0] + 150u * colour[1] + 29u * colour[2];
            for (int c = 0; c < 3; c++)
                sums[c] += colour[c];
            luma_sum += luma;
            luma_squares += luma * luma;
            opaque += alpha ? alpha[pixel] : 0;
        }
    const double count = (double)at->width * at->height, mean = (double)luma_sum / count;
    const double variance = fmax((double)luma_squares / count - mean * mean, 0);
    return (struct cell){{(double)sums[0] / count, (double)sums[1] / count, (double)sums[2] / count},
                         sqrt(variance) / 256,
                         (double)opaque / count};
}

static void fill_grid(struct grid *grid, const uint8_t *rgb, const uint8_t *alpha, uint32_t width,
                      uint32_t height)
{
    const uint32_t side = width > height ? width : height;
    const uint32_t cells = side < CELLS ? side : CELLS;
    grid->columns = (uint32_t)(((uint64_t)width * cells + side - 1) / side);
    grid->rows = (uint32_t)(((uint64_t)height * cells + side - 1) / side);
    for (uint32_t j = 0; j < grid->rows; j++)
        for (uint32_t i = 0; i < grid->columns; i++) {
            struct ps_rect at = {(uint32_t)((uint64_t)i * width / grid->columns),
                                 (uint32_t)((uint64_t)j * height / grid->rows), 0, 0};
            at.width = (uint32_t)((uint64_t)(i + 1) * width / grid->columns) - at.left;
            at.height = (uint32_t)((uint64_t)(j + 1) * height / grid->rows) - at.top;
            grid->cells[j * grid->columns + i] = measure_cell(rgb, alpha, width, &at);
        }
}

static double distance(const struct cell *a, const struct cell *b)
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum += (a->colour[c] - b->colour[c]) * (a->colour[c] - b->colour[c]);
    return sqrt(sum / 3);
}

/* How much cell (i, j) differs from the nearer in colour of the two edges, a row up or down included: a
 * horizon need not be level. */
static double difference(const struct grid *grid, uint32_t i, uint32_t j)
{
    const struct cell *cell = &grid->cells[j * grid->columns + i];
    const uint32_t first = j ? j - 1 : 0, last = j + 1 < grid->rows ? j + 1 : j;
    double colour = HUGE_VAL, detail = HUGE_VAL;
    for (uint32_t row = first; row <= last; row++) {
        const struct cell *left = &grid->cells[row * grid->columns], *right = left + grid->columns - 1;
        colour = fmin(colour, fmin(distance(cell, left), distance(cell, right)));
        detail = fmin(detail, fmin(left->detail, right->detail));
    }
    return fmin(colour + fmax(cell->detail - detail, 0), PLAIN);
}

/* The largest mean of the weights of three by three cells. */
static double strongest(const struct grid *grid)
{
    double most = 0;
    for (uint32_t j = 0; j < grid->rows; j++)
        for (uint32_t i = 0; i < grid->columns; i++) {
            double sum = 0, count = 0;
            for (uint32_t y = j ? j - 1 : 0; y <= j + 1 && y < grid->rows; y++)
                for (uint32_t x = i ? i - 1 : 0; x <= i + 1 && x < grid->columns; x++) {
                    sum += grid->weights[y * grid->columns + x];
                    count++;
                }
            most = fmax(most, sum / count);
        }
    return most;
}

/* The span of cells that holds all of `sums` but a stray share on each side, as fractions of the side. */
static void find_span(const double *sums, uint32_t count, double *first, double *last)
{
    double total = 0, before = 0, after = 0;
    uint32_t from = 0, to = count;
    for (uint32_t i = 0; i < count; i++)
        total += sums[i];
    while (from < count && before + sums[from] <= total * STRAY)
        before += sums[from++];
    while (to > from + 1 && after + sums[to - 1] <= total * STRAY)
        after += sums[--to];
    *first = (double)from / count;
    *last = (double)to / count;
}

/* Takes away what is faint and finds the box around the rest. */
static void find_box(struct ps_product *product, const struct grid *grid, double most)
{
    double columns[CELLS] = {0}, rows[CELLS] = {0};
    for (uint32_t j = 0; j < grid->rows; j++)
        for (uint32_t i = 0; i < grid->columns; i++) {
            const double weight = grid->weights[j * grid->columns + i];
            columns[i] += weight < most * FAINT ? 0 : weight;
            rows[j] += weight < most * FAINT ? 0 : weight;
        }
    find_span(columns, grid->columns, &product->box.left, &product->box.right);
    find_span(rows, grid->rows, &product->box.top, &product->box.bottom);
}

enum ps_status ps_find_product(struct ps_product *product, const uint8_t *rgb, const uint8_t *alpha,
                               uint32_t width, uint32_t height, struct ps_error *error)
{
    *product = (struct ps_product){{0, 0, 1, 1}, false};
    struct grid *grid = malloc(sizeof *grid);
    if (!grid)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to look for the product in a photo");
    fill_grid(grid, rgb, alpha, width, height);
    for (uint32_t j = 0; j < grid->rows; j++)
        for (uint32_t i = 0; i < grid->columns; i++)
            grid->weights[j * grid->columns + i] =
                alpha ? grid->cells[j * grid->columns + i].alpha : difference(grid, i, j);
    const double most = strongest(grid);
    product->found = most >= LEAST;
    if (product->found)
        find_box(product, grid, most);
    free(grid);
    return PS_OK;
}

struct ps_point ps_product_middle(const struct ps_product *product)
{
    return (struct ps_point){(product->box.left + product->box.right) / 2,
                             (product->box.top + product->box.bottom) / 2};
}
