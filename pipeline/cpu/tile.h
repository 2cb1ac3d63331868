/* The inner product of all kernels: a tile of up to PS_TILE_ROWS by PS_PANEL results, from rows of the left
 * operand found through pointers and a panel of the right operand.
 *
 * A panel is PS_PANEL columns of the right operand (the last one of a matrix as many as remain, a multiple of
 * 8) in the order in which a tile reads them. 32-bit and f16: [depth][width]. bf16: [depth / 2][width][2],
 * the two factors that one dot product takes from a column side by side. */
#ifndef PS_CPU_TILE_H
#define PS_CPU_TILE_H

#include "cpu/kernels.h"

#define PS_PANEL 64
#ifdef PS_TILES_AMX
#define PS_TILE_ROWS 32
#define PS_TILE_STORES false /* whether tiles know ps_tile_store */
#define PS_TILE_GATES false
#else
#define PS_TILE_ROWS 6
#define PS_TILE_STORES true
#ifdef __AVX512F__
#define PS_TILE_GATES true /* whether that goes for gated ones too */
#else
#define PS_TILE_GATES false
#endif
#endif

/* The type in which the left operand is read: as it is stored, or float32 where the set has no product of the
 * type. */
#ifdef __AVX512BF16__
#define PS_LEFT_TYPE(type) ((type) == PS_F16 ? PS_F32 : (type))
#else
#define PS_LEFT_TYPE(type) PS_F32
#endif

/* What becomes of a whole panel's sums where that is simple: y = scale (s + offset) + residual, or (gated)
 * with values and gates in turn v gelu(g) in place of s + offset, which halves the columns. */
struct ps_tile_store {
    enum ps_type type;    /* of residual and y */
    const float *offset;  /* [PS_PANEL] */
    const char *residual; /* first row, at the panel's first column; or null */
    char *y;
    uint64_t pitch; /* bytes from one row to the next of both */
    float scale;
    bool gated;
};

/* A tile sums segments one after the other: kernel positions of a convolution; a plain product has one. */
struct ps_tile {
    enum ps_type type;        /* of the right operand */
    uint32_t rows;            /* at most PS_TILE_ROWS */
    uint32_t segments, depth; /* factors of a segment; even */
    uint32_t width;           /* columns: a multiple of 8, at most PS_PANEL */
    const char *const *left;  /* [segments][PS_TILE_ROWS]; each is `depth` elements of PS_LEFT_TYPE */
    const char *panel;
    const float *factors;              /* null, or what each column's sums are multiplied by: [PS_PANEL] */
    float *result;                     /* [PS_TILE_ROWS][PS_PANEL]: the sums, where `store` is null */
    const struct ps_tile_store *store; /* only with a width of PS_PANEL */
};

void PS_NAME(tile)(const struct ps_tile *tile);

/* Around the tiles of one task: the tile registers are set up and given back. */
void PS_NAME(tile_begin)(void);
void PS_NAME(tile_end)(void);

#endif
