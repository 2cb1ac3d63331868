/* Tiles of 32 x 32 results on the tile registers: two by two accumulators, bf16 alone. The left rows of a
 * tile lie evenly apart and can be read up to a multiple of 32 elements, which are zero beyond the depth. */
#include <immintrin.h>
#include <string.h>

#include "base/checked.h"
#include "cpu/tile.h"

#define SIDE 16 /* rows of a tile register; and 32-bit words of one */
#define STEP 32 /* factors that one multiplication of tiles sums */

/* LDTILECFG's operand, Intel SDM volume 1, 18.2. */
struct configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

void PS_NAME(tile_begin)(void)
{
    struct configuration all = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        all.row_bytes[i] = SIDE * 4;
        all.rows[i] = SIDE;
    }
    _tile_loadconfig(&all);
}

void PS_NAME(tile_end)(void)
{
    _tile_release();
}

/* One step's operands where they have to be completed with zeros. */
struct edge {
    _Alignas(64) char left[2 * SIDE][STEP * 2];
    _Alignas(64) char right[SIDE][2 * SIDE * 4];
};

struct operand {
    const char *at;
    size_t pitch;
};

static struct operand left_of(const struct ps_tile *tile, uint32_t k, size_t pitch, struct edge *edge)
{
    const char *from = tile->left[0] + (size_t)k * 2;
    if (tile->rows == 2 * SIDE)
        return (struct operand){from, pitch};
    for (uint32_t i = 0; i < tile->rows; i++)
        memcpy(edge->left[i], from + i * pitch, STEP * 2);
    return (struct operand){edge->left[0], STEP * 2};
}

static struct operand right_of(const struct ps_tile *tile, uint32_t k, uint32_t column, struct edge *edge)
{
    const size_t pitch = (size_t)tile->width * 4;
    const char *from = tile->panel + k / 2 * pitch + (size_t)column * 4;
    const uint32_t pairs = (uint32_t)ps_min_u64(SIDE, (tile->depth - k) / 2);
    const uint32_t columns = (uint32_t)ps_min_u64(2 * SIDE, tile->width - column);
    if (pairs == SIDE && columns == 2 * SIDE)
        return (struct operand){from, pitch};
    memset(edge->right, 0, sizeof edge->right);
    for (uint32_t i = 0; i < pairs; i++)
        memcpy(edge->right[i], from + i * pitch, (size_t)columns * 4);
    return (struct operand){edge->right[0], sizeof edge->right[0]};
}

static void scale_sums(float *sums, const float *factors, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < 2 * SIDE; j++)
            sums[i * PS_PANEL + j] *= factors[j];
}

void PS_NAME(tile)(const struct ps_tile *tile)
{
    const size_t pitch = tile->rows > 1 ? (size_t)(tile->left[1] - tile->left[0]) : 0;
    const size_t result_pitch = PS_PANEL * sizeof(float);
    struct edge edge;
    if (tile->rows < 2 * SIDE)
        memset(edge.left, 0, sizeof edge.left);
    for (uint32_t column = 0; column < tile->width; column += 2 * SIDE) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (uint32_t k = 0; k < tile->depth; k += STEP) {
            const struct operand left = left_of(tile, k, pitch, &edge),
                                 right = right_of(tile, k, column, &edge);
            _tile_loadd(4, left.at, left.pitch);
            _tile_loadd(6, right.at, right.pitch);
            _tile_loadd(7, right.at + SIDE * 4, right.pitch);
            _tile_loadd(5, left.at + SIDE * left.pitch, left.pitch);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        float *to = tile->result + column;
        _tile_stored(0, to, result_pitch);
        _tile_stored(1, to + SIDE, result_pitch);
        _tile_stored(2, to + SIDE * PS_PANEL, result_pitch);
        _tile_stored(3, to + SIDE * PS_PANEL + SIDE, result_pitch);
        if (tile->factors)
            scale_sums(to, tile->factors + column, tile->rows);
    }
}
