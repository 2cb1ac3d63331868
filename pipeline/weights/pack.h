/* Rows of a file's matrix to the packed form of run/weight.h. */
#ifndef PS_WEIGHTS_PACK_H
#define PS_WEIGHTS_PACK_H

#include "run/weight.h"

#define PS_PACK_ROWS 64

/* A packed matrix in the making. */
struct ps_packed {
    void *to;
    uint32_t element_bytes; /* 1, 2 or 4 */
    uint32_t taps, quads, columns_padded;
};

/* Packs `count` (at most PS_PACK_ROWS) neighbouring columns from `column` on, and of each the input channels
 * of the quads [first_quad, first_quad + quad_count). columns[i] has rows * taps elements of column + i,
 * channel by channel, from channel 4 first_quad on; rows may end within the last quad, whose rest becomes
 * zero. */
void ps_pack_columns(const struct ps_packed *packed, uint32_t column, uint32_t count, uint32_t first_quad,
                     uint32_t rows, const void *const *columns);

/* Packs `count` neighbouring columns of one quad; channels[i] has the elements of channel 4 quad + i, null
 * where there is none. One tap. */
void ps_pack_channels(const struct ps_packed *packed, uint32_t column, uint32_t count, uint32_t quad,
                      const void *const channels[4]);

/* Makes the columns from `column` to the padded end zero. */
void ps_pack_padding(const struct ps_packed *packed, uint32_t column);

#endif
