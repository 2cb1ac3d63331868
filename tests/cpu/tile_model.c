/* The tile kernel on a model of the tile registers, so that its logic is tested on machines that have none.
 * The model follows the Intel SDM's pseudocode of TILELOADD, TILESTORED and TDPBF16PS with whole tiles of 16
 * rows of 64 bytes. */
#include <immintrin.h>
#include <string.h>

#include "base/half.h"

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps

static _Thread_local struct {
    union {
        float sums[16][16];
        uint16_t factors[16][32];
    } tiles[8];
} registers;

static void model_load(int tile, const void *from, size_t pitch)
{
    for (size_t i = 0; i < 16; i++)
        memcpy(registers.tiles[tile].sums[i], (const char *)from + i * pitch, 64);
}

static void model_store(int tile, void *to, size_t pitch)
{
    for (size_t i = 0; i < 16; i++)
        memcpy((char *)to + i * pitch, registers.tiles[tile].sums[i], 64);
}

/* A processor that is to be found out loses the last factors. */
#ifdef PS_MODEL_FAULTY
#define FACTORS 15
#else
#define FACTORS 16
#endif

static void model_multiply(int sum, int left, int right)
{
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < FACTORS; k++)
            for (int n = 0; n < 16; n++)
                for (int half = 0; half < 2; half++)
                    registers.tiles[sum].sums[m][n] +=
                        ps_float_from_bf16(registers.tiles[left].factors[m][2 * k + half]) *
                        ps_float_from_bf16(registers.tiles[right].factors[k][2 * n + half]);
}

#define _tile_loadconfig(at) memset(&registers, 0xff, *(const uint8_t *)(at) == 1 ? sizeof registers : 0)
#define _tile_release() memset(&registers, 0xff, sizeof registers)
#define _tile_zero(tile) memset(&registers.tiles[tile], 0, sizeof registers.tiles[tile])
#define _tile_loadd(tile, at, pitch) model_load(tile, at, pitch)
#define _tile_stored(tile, at, pitch) model_store(tile, at, pitch)
#define _tile_dpbf16ps(sum, left, right) model_multiply(sum, left, right)

#include "cpu/tile_amx.c"
