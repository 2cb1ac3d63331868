#include "cpu/tile.h"

#include "base/checked.h"
#include "cpu/vec_math.h"

#ifdef __AVX512F__
#define STRIP 64 /* columns that a strip of accumulators holds */
#define STRIP_VECTORS 4
typedef __m512 lane;
#else
#define STRIP 16
#define STRIP_VECTORS 2
typedef __m256 lane;
#endif

#define LANES (STRIP / STRIP_VECTORS)

PS_INLINE lane zero(void)
{
#ifdef __AVX512F__
    return _mm512_setzero_ps();
#else
    return _mm256_setzero_ps();
#endif
}

/* The factor of a row, in all lanes. */
PS_INLINE lane broadcast(const char *from)
{
#ifdef __AVX512F__
    return _mm512_set1_ps(*(const float *)(const void *)from);
#else
    return _mm256_broadcast_ss((const float *)(const void *)from);
#endif
}

PS_INLINE lane multiply_add(lane a, lane b, lane c)
{
#ifdef __AVX512F__
    return _mm512_fmadd_ps(a, b, c);
#else
    return _mm256_fmadd_ps(a, b, c);
#endif
}

/* Columns [LANES j, LANES j + LANES) of a row of an f32 or f16 panel of which `width` columns are there. */
PS_INLINE lane load(enum ps_type type, const char *row, uint32_t j, uint32_t width)
{
#ifdef __AVX512F__
    const uint32_t count = width < STRIP ? v_lanes(width > LANES * j ? width - LANES * j : 0) : LANES;
    return count == LANES ? v_load(type, row, LANES * j) : v_load_some(type, row, LANES * j, count);
#else
    (void)width;
    if (type == PS_F32)
        return _mm256_loadu_ps((const float *)(const void *)row + LANES * j);
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)(const void *)(row + LANES * j * 2)));
#endif
}

/* Pairs of a row of a bf16 panel as stored. */
#ifdef __AVX512F__
typedef __m512i pairs;
PS_INLINE pairs load_pairs(const char *row, uint32_t j, uint32_t width)
{
    if (width == STRIP)
        return _mm512_loadu_si512(row + 64 * j);
    const uint32_t count = v_lanes(width > LANES * j ? width - LANES * j : 0);
    return _mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), row + 64 * j);
}

PS_INLINE lane first_of(pairs p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(p, 16));
}

PS_INLINE lane second_of(pairs p)
{
    return _mm512_castsi512_ps(_mm512_and_si512(p, _mm512_set1_epi32((int)0xffff0000u)));
}
#else
typedef __m256i pairs;
PS_INLINE pairs load_pairs(const char *row, uint32_t j, uint32_t width)
{
    (void)width;
    return _mm256_loadu_si256((const __m256i_u *)(const void *)(row + 32 * j));
}

PS_INLINE lane first_of(pairs p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(p, 16));
}

PS_INLINE lane second_of(pairs p)
{
    return _mm256_castsi256_ps(_mm256_and_si256(p, _mm256_set1_epi32((int)0xffff0000u)));
}
#endif

struct strip {
    lane sums[PS_TILE_ROWS][STRIP_VECTORS];
};

/* Adds to a strip of `rows` rows by `vectors` vectors the segment whose rows begin at left[]; `panel` is its
 * part of the panel, at the strip's first column, `pitch` bytes from one row to the next. */
PS_INLINE void segment_floats(struct strip *strip, enum ps_type type, uint32_t rows, uint32_t vectors,
                              const char *const *left, uint32_t depth, const char *panel, uint64_t pitch,
                              uint32_t width)
{
    for (uint32_t k = 0; k < depth; k++, panel += pitch) {
        lane right[STRIP_VECTORS];
        for (uint32_t j = 0; j < vectors; j++)
            right[j] = load(type, panel, j, width);
        for (uint32_t i = 0; i < rows; i++) {
            const lane a = broadcast(left[i] + 4 * (uint64_t)k);
            for (uint32_t j = 0; j < vectors; j++)
                strip->sums[i][j] = multiply_add(a, right[j], strip->sums[i][j]);
        }
    }
}

/* The same for a bf16 panel: dot products of pairs where the set has them, else in float32. */
PS_INLINE void segment_pairs(struct strip *strip, uint32_t rows, uint32_t vectors, const char *const *left,
                             uint32_t depth, const char *panel, uint64_t pitch, uint32_t width)
{
    for (uint32_t k = 0; k < depth; k += 2, panel += pitch) {
        pairs right[STRIP_VECTORS];
        for (uint32_t j = 0; j < vectors; j++)
            right[j] = load_pairs(panel, j, width);
        for (uint32_t i = 0; i < rows; i++) {
#ifdef __AVX512BF16__
            int32_t pair;
            memcpy(&pair, left[i] + 2 * (uint64_t)k, sizeof pair);
            const __m512bh a = (__m512bh)_mm512_set1_epi32(pair);
            for (uint32_t j = 0; j < vectors; j++)
                strip->sums[i][j] = _mm512_dpbf16_ps(strip->sums[i][j], a, (__m512bh)right[j]);
#else
            const lane a = broadcast(left[i] + 4 * (uint64_t)k), b = broadcast(left[i] + 4 * (uint64_t)k + 4);
            for (uint32_t j = 0; j < vectors; j++) {
                const lane sum = multiply_add(a, first_of(right[j]), strip->sums[i][j]);
                strip->sums[i][j] = multiply_add(b, second_of(right[j]), sum);
            }
#endif
        }
    }
}

PS_INLINE void scale_sums(struct strip *strip, const float *factors, uint32_t rows, uint32_t vectors)
{
    const lane none = zero();
    for (uint32_t j = 0; j < vectors; j++) {
#ifdef __AVX512F__
        const lane factor = _mm512_loadu_ps(factors + j * LANES);
#else
        const lane factor = _mm256_loadu_ps(factors + j * LANES);
#endif
        for (uint32_t i = 0; i < rows; i++)
            strip->sums[i][j] = multiply_add(strip->sums[i][j], factor, none);
    }
}

/* Sixteen sums of a row from column 16 v of the strip. */
PS_INLINE v16 sums_of(const struct strip *strip, uint32_t row, uint32_t v)
{
#ifdef __AVX512F__
    return strip->sums[row][v];
#else
    return (v16){strip->sums[row][2 * v], strip->sums[row][2 * v + 1]};
#endif
}

PS_INLINE void store_sums(const struct ps_tile *tile, const struct strip *strip, uint32_t rows,
                          uint32_t vectors, uint32_t column)
{
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t v = 0; v < vectors; v++)
            v_store_f32(tile->result + i * PS_PANEL + column + v * V_LANES, sums_of(strip, i, v));
}

PS_INLINE void store_gated(enum ps_type type, const struct ps_tile_store *store, const struct strip *strip,
                           uint32_t rows)
{
    v16 offset[STRIP / V_LANES];
    const v16 scale = v_set(store->scale);
    for (uint32_t v = 0; v < STRIP / V_LANES; v++)
        offset[v] = v_load_f32(store->offset + v * V_LANES);
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t v = 0; v + 1 < STRIP / V_LANES; v += 2) {
            const v16 a = v_add(sums_of(strip, i, v), offset[v]),
                      b = v_add(sums_of(strip, i, v + 1), offset[v + 1]);
            v16 s = v_mul(v_mul(v_even(a, b), v_gelu(v_odd(a, b))), scale);
            if (store->residual)
                s = v_add(s, v_load(type, store->residual + i * store->pitch, v * V_LANES / 2));
            v_store(type, store->y + i * store->pitch, v * V_LANES / 2, s);
        }
}

PS_INLINE void store_results(enum ps_type type, const struct ps_tile_store *store, const struct strip *strip,
                             uint32_t rows, uint32_t column)
{
    v16 offset[STRIP / V_LANES];
    const v16 scale = v_set(store->scale);
    for (uint32_t v = 0; v < STRIP / V_LANES; v++)
        offset[v] = v_load_f32(store->offset + column + v * V_LANES);
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t v = 0; v < STRIP / V_LANES; v++) {
            const uint64_t at = column + v * V_LANES;
            v16 s = v_mul(v_add(sums_of(strip, i, v), offset[v]), scale);
            if (store->residual)
                s = v_add(s, v_load(type, store->residual + i * store->pitch, at));
            v_store(type, store->y + i * store->pitch, at, s);
        }
}

/* One strip: `rows` rows, and STRIP columns from `column`, or `width` columns of a narrower panel in
 * `vectors` vectors. */
PS_INLINE void run_strip(const struct ps_tile *tile, enum ps_type type, uint32_t rows, uint32_t vectors,
                         uint32_t column, uint32_t width)
{
    struct strip strip;
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < STRIP_VECTORS; j++)
            strip.sums[i][j] = zero();
    const uint64_t bytes = ps_type_bytes(type), step = type == PS_BF16 ? 2 : 1;
    const uint64_t pitch = tile->width * step * bytes;
    const char *panel = tile->panel + column * step * bytes;
    for (uint32_t s = 0; s < tile->segments; s++) {
        const char *left[PS_TILE_ROWS];
        for (uint32_t i = 0; i < rows; i++)
            left[i] = tile->left[s * PS_TILE_ROWS + i];
        if (type == PS_BF16)
            segment_pairs(&strip, rows, vectors, left, tile->depth, panel, pitch, width);
        else
            segment_floats(&strip, type, rows, vectors, left, tile->depth, panel, pitch, width);
        panel += tile->depth / step * pitch;
    }
    if (tile->factors)
        scale_sums(&strip, tile->factors + column, rows, vectors);
    if (width < STRIP)
        store_sums(tile, &strip, rows, ps_div_up(vectors * LANES, V_LANES), column);
    else if (!tile->store)
        store_sums(tile, &strip, rows, STRIP / V_LANES, column);
    else if (PS_TILE_GATES && tile->store->gated)
        V_TYPED(tile->store->type, store_gated, tile->store, &strip, rows);
    else
        V_TYPED(tile->store->type, store_results, tile->store, &strip, rows, column);
}

/* All strips of a tile of `rows` rows, a constant. */
PS_INLINE void run_rows(const struct ps_tile *tile, enum ps_type type, uint32_t rows)
{
#ifdef __AVX512F__
    if (tile->width == STRIP)
        run_strip(tile, type, rows, 4, 0, STRIP);
    else if (tile->width > 2 * LANES)
        run_strip(tile, type, rows, 4, 0, tile->width);
    else if (tile->width > LANES)
        run_strip(tile, type, rows, 2, 0, tile->width);
    else
        run_strip(tile, type, rows, 1, 0, tile->width);
#else
    uint32_t column = 0;
    for (; column + STRIP <= tile->width; column += STRIP)
        run_strip(tile, type, rows, 2, column, STRIP);
    if (column < tile->width)
        run_strip(tile, type, rows, 1, column, LANES);
#endif
}

PS_INLINE void run_tile(enum ps_type type, const struct ps_tile *tile)
{
    switch (tile->rows) {
    case 1:
        run_rows(tile, type, 1);
        return;
    case 2:
        run_rows(tile, type, 2);
        return;
    case 3:
        run_rows(tile, type, 3);
        return;
    case 4:
        run_rows(tile, type, 4);
        return;
    case 5:
        run_rows(tile, type, 5);
        return;
    default:
        run_rows(tile, type, 6);
    }
}

void PS_NAME(tile)(const struct ps_tile *tile)
{
    V_TYPED(tile->type, run_tile, tile);
}

void PS_NAME(tile_begin)(void)
{
}

void PS_NAME(tile_end)(void)
{
}
