/* Keys and values of a block in panels. */
#include "base/checked.h"
#include "cpu/attend.h"
#include "cpu/vec.h"

PS_INLINE void stage(enum ps_type type, const void *from, uint64_t at, uint64_t pitch, uint32_t count,
                     uint32_t d, uint32_t depth, char *to)
{
    const enum ps_type left = PS_LEFT_TYPE(type);
    const uint64_t element = ps_type_bytes(left);
    for (uint32_t r = 0; r < count; r++, at += pitch, to += depth * element) {
        uint32_t i = 0;
        for (; i + V_LANES <= d; i += V_LANES)
            v_store(left, to, i, v_load(type, from, at + i));
        if (i < d)
            v_store_some(left, to, i, v_load_some(type, from, at + i, d - i), d - i);
        memset(to + d * element, 0, (depth - d) * element);
    }
}

void PS_NAME(stage_rows)(const struct ps_attention_work *work, const void *from, uint64_t at, uint64_t pitch,
                         uint32_t count, char *to)
{
    V_TYPED(work->type, stage, from, at, pitch, count, work->push.d, work->depth, to);
}

/* Transposes eight rows of eight 32-bit words, `from_pitch` and `to_pitch` words apart. */
static void transpose8(const float *from, size_t from_pitch, float *to, size_t to_pitch)
{
    __m256 row[8], pair[8], quad[8];
    for (int i = 0; i < 8; i++)
        row[i] = _mm256_loadu_ps(from + (size_t)i * from_pitch);
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + (size_t)i * to_pitch, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20));
        _mm256_storeu_ps(to + (size_t)(i + 4) * to_pitch, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31));
    }
}

/* A key's words (a float, or a pair of bf16) become a column of its panel. */
void PS_NAME(pack_keys)(const struct ps_attention_work *work, uint64_t at, uint32_t first, uint32_t count,
                        char *scratch)
{
    const struct ps_attention_push *push = &work->push;
    const uint32_t words = work->depth * (uint32_t)ps_type_bytes(work->left) / 4;
    char *stage_at = scratch + work->stage_at;
    const float *staged = (const float *)(const void *)stage_at;
    for (uint32_t key = 0; key < count; key += PS_PANEL) {
        const uint32_t here = (uint32_t)ps_min_u64(PS_PANEL, count - key),
                       width = (uint32_t)ps_align_up(here, 8);
        float *panel = (float *)(void *)(scratch + work->keys_at) + (size_t)key * words;
        PS_NAME(stage_rows)
        (work, work->call->operands[1], at + (uint64_t)(first + key) * push->kv_token, push->kv_token, here,
         stage_at);
        memset(stage_at + (size_t)here * words * 4, 0, (size_t)(width - here) * words * 4);
        for (uint32_t column = 0; column < width; column += 8) {
            uint32_t word = 0;
            for (; word + 8 <= words; word += 8)
                transpose8(staged + (size_t)column * words + word, words,
                           panel + (size_t)word * width + column, width);
            for (; word < words; word++)
                for (uint32_t i = 0; i < 8; i++)
                    panel[(size_t)word * width + column + i] = staged[(size_t)(column + i) * words + word];
        }
    }
}

PS_INLINE v16 value(enum ps_type type, const void *from, uint64_t at, uint32_t i, uint32_t d)
{
    if (i + V_LANES <= d)
        return v_load(type, from, at + i);
    return i < d ? v_load_some(type, from, at + i, d - i) : v_set(0);
}

/* Two values side by side, channel by channel, as a bf16 panel has them. */
#ifdef __AVX512BF16__
PS_INLINE void write_pairs(char *to, v16 even, v16 odd)
{
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(even), 16);
    const __m512i high = _mm512_and_si512(_mm512_castps_si512(odd), _mm512_set1_epi32((int)0xffff0000u));
    _mm512_storeu_si512(to, _mm512_or_si512(low, high));
}
#else
PS_INLINE void write_pairs(char *to, v16 even, v16 odd)
{
    (void)to, (void)even, (void)odd;
}
#endif

/* Channels [column, column + 64) of all values of the block; zeros up to the next multiple of 32 values. */
PS_INLINE void pack_value_panel(enum ps_type type, const struct ps_attention_work *work, uint64_t at,
                                uint32_t count, uint32_t column, char *panel)
{
    const enum ps_type left = PS_LEFT_TYPE(type);
    const struct ps_attention_push *push = &work->push;
    const void *from = work->call->operands[2];
    const uint64_t row_bytes = PS_PANEL * ps_type_bytes(left);
    for (uint32_t r = 0; r < ps_align_up(count, 32); r += 2, panel += 2 * row_bytes) {
        const uint64_t even_at = at + (uint64_t)r * push->kv_token, odd_at = even_at + push->kv_token;
        for (uint32_t j = 0; j < PS_PANEL; j += V_LANES) {
            const v16 even = r < count ? value(type, from, even_at, column + j, push->d) : v_set(0);
            const v16 odd = r + 1 < count ? value(type, from, odd_at, column + j, push->d) : v_set(0);
            if (left == PS_BF16) {
                write_pairs(panel + j * 4, even, odd);
            } else {
                v_store(PS_F32, panel, j, even);
                v_store(PS_F32, panel, PS_PANEL + j, odd);
            }
        }
    }
}

void PS_NAME(pack_values)(const struct ps_attention_work *work, uint64_t at, uint32_t first, uint32_t count,
                          char *scratch)
{
    at += (uint64_t)first * work->push.kv_token;
    for (uint32_t p = 0; p < work->value_panels; p++) {
        char *panel =
            scratch + work->values_at + (size_t)p * PS_PANEL * PS_KEY_BLOCK * ps_type_bytes(work->left);
        V_TYPED(work->type, pack_value_panel, work, at, count, p * PS_PANEL, panel);
    }
}
