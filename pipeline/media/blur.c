/* The blurred backdrop. No detail is to be left, so it is made of few cells: the subject is averaged into them, blurred
 * there, and spread over the frame by linear interpolation. */
#include "media/backdrop.h"

#include <math.h>
#include <stdlib.h>

/* The longer side in cells; the blur's standard deviation is an eighth of it, which interpolation follows to a level. */
enum { CELLS = 64, SIGMA = 8, REACH = 3 * SIGMA };

enum { WEIGHT = 3, PARTS = 4 }; /* of a cell: red, green and blue times alpha, and alpha */

struct grid {
    uint32_t width, height;
    float *cells; /* [height, width, PARTS] */
};

/* The rectangle of the photo that is enlarged, in pixels. */
struct frame {
    double left, top, width, height;
};

static bool grid_new(struct grid *grid, const struct ps_raster *raster)
{
    const uint32_t longer = raster->width > raster->height ? raster->width : raster->height;
    const double cells = longer < CELLS ? longer : CELLS;
    grid->width = (uint32_t)ceil(raster->width * cells / longer);
    grid->height = (uint32_t)ceil(raster->height * cells / longer);
    grid->cells = calloc((size_t)grid->width * grid->height * PARTS, sizeof *grid->cells);
    return grid->cells;
}

/* The largest rectangle of the frame's shape inside the subject's bounds, about their centre: enlarged to the frame the
 * subject then covers it. The whole frame where there is no subject. */
static struct frame subject_frame(const struct ps_raster *raster)
{
    uint32_t left = raster->width, right = 0, top = raster->height, bottom = 0;
    for (uint32_t y = 0; y < raster->height; y++)
        for (uint32_t x = 0; x < raster->width; x++) {
            if (!raster->bytes[((size_t)y * raster->width + x) * 4 + 3])
                continue;
            left = x < left ? x : left;
            right = x >= right ? x + 1 : right;
            top = y < top ? y : top;
            bottom = y + 1;
        }
    if (right <= left)
        return (struct frame){0, 0, raster->width, raster->height};
    const double share =
        fmin((double)(right - left) / raster->width, (double)(bottom - top) / raster->height);
    const struct frame frame = {.width = share * raster->width, .height = share * raster->height};
    return (struct frame){(left + right - frame.width) / 2, (top + bottom - frame.height) / 2, frame.width,
                          frame.height};
}

/* Adds a pixel, whose colours count by its alpha, to its cell. */
static void add_pixel(float *cell, const uint8_t *pixel)
{
    const float alpha = (float)pixel[3];
    for (int c = 0; c < 3; c++)
        cell[c] += (float)pixel[c] * alpha;
    cell[WEIGHT] += alpha;
}

static void fill_grid(struct grid *grid, const struct ps_raster *raster, const struct frame *frame)
{
    for (uint32_t y = 0; y < raster->height; y++) {
        const double down = (y + 0.5 - frame->top) / frame->height;
        for (uint32_t x = 0; x < raster->width && down >= 0 && down < 1; x++) {
            const double across = (x + 0.5 - frame->left) / frame->width;
            if (across >= 0 && across < 1)
                add_pixel(grid->cells +
                              ((size_t)(down * grid->height) * grid->width + (size_t)(across * grid->width)) *
                                  PARTS,
                          raster->bytes + ((size_t)y * raster->width + x) * 4);
        }
    }
}

/* to = a line of `count` cells, `stride` floats apart, blurred; beyond its ends the outermost cells go on. */
static void blur_line(float *to, const float *from, size_t count, size_t stride)
{
    for (size_t i = 0; i < count; i++)
        for (size_t part = 0; part < PARTS; part++) {
            double sum = 0;
            for (long k = -REACH; k <= REACH; k++) {
                const long at = (long)i + k, last = (long)count - 1;
                const size_t clamped = (size_t)(at < 0 ? 0 : at > last ? last : at);
                sum += exp(-0.5 * (double)(k * k) / (SIGMA * SIGMA)) * (double)from[clamped * stride + part];
            }
            to[i * PARTS + part] = (float)sum;
        }
}

static bool blur_grid(struct grid *grid)
{
    const size_t longer = grid->width > grid->height ? grid->width : grid->height;
    float *line = malloc(longer * PARTS * sizeof *line);
    if (!line)
        return false;
    for (size_t y = 0; y < grid->height; y++) {
        float *row = grid->cells + y * grid->width * PARTS;
        blur_line(line, row, grid->width, PARTS);
        for (size_t i = 0; i < (size_t)grid->width * PARTS; i++)
            row[i] = line[i];
    }
    for (size_t x = 0; x < grid->width; x++) {
        float *column = grid->cells + x * PARTS;
        blur_line(line, column, grid->height, (size_t)grid->width * PARTS);
        for (size_t y = 0; y < grid->height; y++)
            for (size_t part = 0; part < PARTS; part++)
                column[y * grid->width * PARTS + part] = line[y * PARTS + part];
    }
    free(line);
    return true;
}

/* Divides by alpha. A thousandth of the mean keeps a cell that saw next to nothing of the subject near its colours. */
static void normalise(struct grid *grid)
{
    const size_t count = (size_t)grid->width * grid->height;
    double mean[PARTS] = {0};
    for (size_t i = 0; i < count * PARTS; i++)
        mean[i % PARTS] += (double)grid->cells[i] / (double)count * 1e-3;
    for (size_t i = 0; i < count; i++) {
        float *cell = grid->cells + i * PARTS;
        const double weight = (double)cell[WEIGHT] + mean[WEIGHT];
        for (size_t c = 0; c < 3; c++)
            cell[c] = weight > 0 ? (float)(((double)cell[c] + mean[c]) / weight) : 255;
    }
}

/* Between which cells a pixel lies: `low` and `low` + 1, `part` of the way; their centres count. */
struct place {
    size_t low, high;
    float part;
};

static struct place place_of(uint32_t at, uint32_t pixels, uint32_t cells)
{
    const double position = fmin(fmax((at + 0.5) * cells / pixels - 0.5, 0), cells - 1);
    const size_t low = (size_t)position;
    return (struct place){low, low + 1 < cells ? low + 1 : low, (float)(position - (double)low)};
}

static float between(float low, float high, float part)
{
    return low + (high - low) * part;
}

enum ps_status ps_backdrop_blur(uint8_t *to, const struct ps_raster *raster, struct ps_error *error)
{
    struct grid grid = {0};
    bool ok = grid_new(&grid, raster);
    if (ok) {
        const struct frame frame = subject_frame(raster);
        fill_grid(&grid, raster, &frame);
        ok = blur_grid(&grid);
    }
    if (!ok) {
        free(grid.cells);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a blurred background");
    }
    normalise(&grid);
    for (uint32_t y = 0; y < raster->height; y++) {
        const struct place down = place_of(y, raster->height, grid.height);
        const float *top = grid.cells + down.low * grid.width * PARTS,
                    *bottom = grid.cells + down.high * grid.width * PARTS;
        for (uint32_t x = 0; x < raster->width; x++) {
            const struct place across = place_of(x, raster->width, grid.width);
            const size_t left = across.low * PARTS, right = across.high * PARTS;
            for (size_t c = 0; c < 3; c++) {
                const float value =
                    between(between(top[left + c], top[right + c], across.part),
                            between(bottom[left + c], bottom[right + c], across.part), down.part);
                *to++ = (uint8_t)(value + 0.5f);
            }
        }
    }
    free(grid.cells);
    return PS_OK;
}
