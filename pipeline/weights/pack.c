#include "weights/pack.h"

#include <string.h>

/* First byte of the vec4 of a quad of one column. */
static uint8_t *vec4_at(const struct ps_packed *packed, uint32_t tap, uint32_t quad, uint32_t column)
{
    const uint64_t index = ps_packed_index(packed->quads, packed->columns_padded, tap, quad * 4, column);
    return (uint8_t *)packed->to + index * packed->element_bytes;
}

/* The memory written to may be a device's, which is slow to write in any order but the rising one and very
 * slow to read: each cache line is written once and whole. TYPE is an element as bits. */
#define DEFINE_PACK(TYPE, NAME)                                                                              \
    static void NAME##_linear(const struct ps_packed *packed, uint32_t column, uint32_t count,               \
                              uint32_t first_quad, uint32_t quads, const void *const *columns)               \
    {                                                                                                        \
        for (uint32_t q = 0; q < quads; q++) {                                                               \
            TYPE *restrict to = (TYPE *)(void *)vec4_at(packed, 0, first_quad + q, column);                  \
            for (uint32_t c = 0; c < count; c++)                                                             \
                memcpy(to + 4 * (size_t)c, (const TYPE *)columns[c] + 4 * (size_t)q, 4 * sizeof(TYPE));      \
        }                                                                                                    \
    }                                                                                                        \
    static void NAME##_conv(const struct ps_packed *packed, uint32_t column, uint32_t count,                 \
                            uint32_t first_quad, uint32_t quads, const void *const *columns)                 \
    {                                                                                                        \
        const size_t taps = packed->taps;                                                                    \
        for (uint32_t t = 0; t < taps; t++) {                                                                \
            for (uint32_t q = 0; q < quads; q++) {                                                           \
                TYPE *restrict to = (TYPE *)(void *)vec4_at(packed, t, first_quad + q, column);              \
                for (uint32_t c = 0; c < count; c++) {                                                       \
                    const TYPE *from = (const TYPE *)columns[c] + 4 * taps * q + t;                          \
                    const TYPE four[4] = {from[0], from[taps], from[2 * taps], from[3 * taps]};              \
                    memcpy(to + 4 * (size_t)c, four, sizeof four);                                           \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    static void NAME##_tail(const struct ps_packed *packed, uint32_t column, uint32_t count, uint32_t quad,  \
                            uint32_t channels, size_t skipped, const void *const *columns)                   \
    {                                                                                                        \
        const size_t taps = packed->taps;                                                                    \
        for (uint32_t t = 0; t < taps; t++) {                                                                \
            TYPE *restrict to = (TYPE *)(void *)vec4_at(packed, t, quad, column);                            \
            for (uint32_t c = 0; c < count; c++) {                                                           \
                TYPE four[4] = {0};                                                                          \
                for (uint32_t i = 0; i < channels; i++)                                                      \
                    four[i] = ((const TYPE *)columns[c])[(skipped + i) * taps + t];                          \
                memcpy(to + 4 * (size_t)c, four, sizeof four);                                               \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    static void NAME##_channels(const struct ps_packed *packed, uint32_t column, uint32_t count,             \
                                uint32_t quad, const void *const channels[4])                                \
    {                                                                                                        \
        TYPE *restrict to = (TYPE *)(void *)vec4_at(packed, 0, quad, column);                                \
        for (uint32_t c = 0; c < count; c++) {                                                               \
            TYPE four[4] = {0};                                                                              \
            for (uint32_t i = 0; i < 4; i++)                                                                 \
                four[i] = channels[i] ? ((const TYPE *)channels[i])[c] : (TYPE)0;                            \
            memcpy(to + 4 * (size_t)c, four, sizeof four);                                                   \
        }                                                                                                    \
    }

DEFINE_PACK(uint8_t, pack8)
DEFINE_PACK(uint16_t, pack16)
DEFINE_PACK(uint32_t, pack32)

/* The function of that name for elements of the packed matrix's size. */
#define PACK(packed, name)                                                                                   \
    ((packed)->element_bytes == 1   ? pack8_##name                                                           \
     : (packed)->element_bytes == 2 ? pack16_##name                                                          \
                                    : pack32_##name)

void ps_pack_columns(const struct ps_packed *packed, uint32_t column, uint32_t count, uint32_t first_quad,
                     uint32_t rows, const void *const *columns)
{
    const uint32_t quads = rows / 4;
    if (packed->taps == 1)
        PACK(packed, linear)(packed, column, count, first_quad, quads, columns);
    else
        PACK(packed, conv)(packed, column, count, first_quad, quads, columns);
    if (rows % 4)
        PACK(packed, tail)(packed, column, count, first_quad + quads, rows % 4, (size_t)quads * 4, columns);
}

void ps_pack_channels(const struct ps_packed *packed, uint32_t column, uint32_t count, uint32_t quad,
                      const void *const channels[4])
{
    PACK(packed, channels)(packed, column, count, quad, channels);
}

void ps_pack_padding(const struct ps_packed *packed, uint32_t column)
{
    const size_t bytes = (size_t)(packed->columns_padded - column) * 4 * packed->element_bytes;
    for (uint32_t t = 0; t < packed->taps && bytes; t++) {
        for (uint32_t q = 0; q < packed->quads; q++)
            memset(vec4_at(packed, t, q, column), 0, bytes);
    }
}
