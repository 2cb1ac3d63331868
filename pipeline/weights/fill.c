/* Reads the tensors of a weight piece by piece and packs them. A piece is a few whole rows of the file's
 * matrix, that is output channels, where they fit the buffer, and a part of one row where a single one does
 * not. Of a matrix in whole numbers (PS_Q8) the pieces are converted to float32 first. */
#include "weights/part.h"

#include "base/checked.h"
#include "base/half.h"
#include "weights/convert.h"
#include "weights/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Small enough for the second-level cache, from where a piece is read once for each kernel position. */
#define PIECE_BYTES (1u << 20)

struct filler {
    const struct ps_part *part;
    const struct ps_weight *weight;
    enum ps_type type; /* that pieces are converted to */
    struct ps_packed packed;
    uint8_t *stored;    /* PIECE_BYTES as stored */
    uint8_t *converted; /* as many elements of `type` */
    int8_t *whole;      /* as many whole numbers; null unless the weight is PS_Q8, as is: */
    float *most;        /* of each packed column the largest magnitude */
    struct ps_error *error;
};

/* Names the first element that `faults` is about. */
static bool refuse(const struct filler *filler, const struct ps_entry *entry, struct ps_convert_faults faults,
                   const void *stored, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double value = ps_stored_value(entry->type, stored, i);
        if (faults.not_finite && !isfinite(value)) {
            ps_fail(filler->error, PS_ERR_CHECKPOINT, "checkpoint.not-finite",
                    "%s: tensor %.150s holds %g, which is no weight", filler->part->name, entry->name, value);
            ps_hint(filler->error, "the checkpoint is damaged or was merged or trained wrongly");
            break;
        }
        const bool half = filler->type == PS_F16;
        if (!faults.not_finite && fabs(value) >= (half ? 65520.0 : 0x1.ffp127)) {
            ps_fail(filler->error, PS_ERR_CHECKPOINT, half ? "checkpoint.f16-range" : "checkpoint.bf16-range",
                    "%s: tensor %.150s holds %g, %s", filler->part->name, entry->name, value,
                    half ? "float16 ends at 65504" : "bfloat16 ends at 3.39e38");
            ps_hint(filler->error, "render with --dtype f32");
            break;
        }
    }
    return false;
}

/* Reads `count` elements from `first` on into place `at` (in elements) of the piece; their converted form is
 * then at the same place of the buffer that `piece` returns. */
static bool load(const struct filler *filler, const struct ps_entry *entry, uint64_t first, size_t count,
                 size_t at)
{
    const uint64_t size = ps_stored_bits(entry->type) / 8;
    uint8_t *stored = filler->stored + at * size;
    if (ps_entry_read(entry, first * size, count * size, stored, filler->error))
        return false;
    struct ps_convert_faults faults;
    if (ps_convert_is_copy(entry->type, filler->type))
        faults = ps_convert_check(entry->type, stored, count);
    else
        faults = ps_convert(entry->type, stored, filler->type,
                            filler->converted + at * ps_type_bytes(filler->type), count);
    return (!faults.not_finite && !faults.too_large) || refuse(filler, entry, faults, stored, count);
}

static const uint8_t *piece(const struct filler *filler, const struct ps_entry *entry, size_t at)
{
    const uint8_t *elements =
        ps_convert_is_copy(entry->type, filler->type) ? filler->stored : filler->converted;
    return elements + at * ps_type_bytes(filler->type);
}

/* Elements that a piece holds of the entry. */
static uint64_t piece_capacity(const struct ps_entry *entry)
{
    return PIECE_BYTES / (ps_stored_bits(entry->type) / 8);
}

/* ---- whole numbers: an element is round(127 value / largest magnitude of its column)
 * -------------------------------------------------------------------------------- */

/* The largest magnitude of finite floats. */
static float largest(const float *from, size_t count)
{
    int32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t magnitude = (int32_t)(ps_bits_from_float(from[i]) & 0x7fffffff);
        most = magnitude > most ? magnitude : most;
    }
    return ps_float_from_bits((uint32_t)most);
}

/* What values are multiplied by. Columns of numbers so small that this would be no float are taken as zeros. */
static float steps_of(float most)
{
    return most >= 0x1p-100f ? 127 / most : 0;
}

/* The nearest whole number, halves to even: the sum's last place is 1. */
static int8_t whole_number(float value, float steps)
{
    return (int8_t)(ps_bits_from_float(value * steps + 0x1.8p23f) & 0xff);
}

/* Turns `count` elements of packed column `column` into whole numbers. */
static const void *to_whole(const struct filler *filler, uint32_t column, const void *from, size_t count,
                            int8_t *to)
{
    const float *values = from, steps = steps_of(filler->most[column]);
    for (size_t i = 0; i < count; i++)
        to[i] = whole_number(values[i], steps);
    return to;
}

static void write_scales(const struct filler *filler, float *scales)
{
    for (uint32_t i = 0; i < filler->packed.columns_padded; i++)
        scales[i] = steps_of(filler->most[i]) > 0 ? filler->most[i] / 127 : 0;
}

/* ---- matrices
 * ---------------------------------------------------------------------------------------------------- */

/* The file's row of a column of the source: with GEGLU the even columns are the first half, the odd ones the
 * second. */
static uint64_t row_of(const struct filler *filler, uint32_t columns, uint32_t column)
{
    return filler->weight->interleave ? column / 2 + (uint64_t)(column % 2) * (columns / 2) : column;
}

/* Elements of a row of the file's matrix: an output channel. */
static uint64_t file_row(const struct ps_weight *weight)
{
    const uint32_t taps = weight->phases ? 9 : weight->taps;
    return (uint64_t)(weight->source_rows ? weight->source_rows : weight->rows) * taps;
}

/* Columns [column, column + count) of a source of `columns` columns that begins at packed column `base`. */
static bool fill_columns(const struct filler *filler, const struct ps_entry *entry, uint32_t columns,
                         uint32_t base, uint32_t column, uint32_t count)
{
    const uint64_t row = file_row(filler->weight),
                   skipped = (uint64_t)filler->weight->first_row * filler->weight->taps,
                   used = (uint64_t)filler->weight->rows * filler->weight->taps;
    const void *places[PS_PACK_ROWS];
    const uint32_t step = filler->weight->interleave ? 2 : 1;
    /* Neighbours in the file are `step` columns apart: one read for each half. */
    size_t at = 0;
    for (uint32_t half = 0; half < step; half++) {
        const uint32_t rows = (count + step - 1 - half) / step;
        if (!rows)
            continue;
        if (!load(filler, entry, row_of(filler, columns, column + half) * row, rows * row, at))
            return false;
        for (uint32_t i = 0; i < rows; i++)
            places[i * step + half] = piece(filler, entry, at + i * row + skipped);
        at += rows * row;
    }
    for (uint32_t i = 0; i < count && filler->whole; i++) {
        filler->most[base + column + i] = largest(places[i], used);
        places[i] = to_whole(filler, base + column + i, places[i], used, filler->whole + i * used);
    }
    ps_pack_columns(&filler->packed, base + column, count, 0, filler->weight->rows, places);
    return true;
}

/* One column whose row does not fit a piece. */
static bool fill_long_column(const struct filler *filler, const struct ps_entry *entry, uint32_t columns,
                             uint32_t base, uint32_t column)
{
    const struct ps_weight *weight = filler->weight;
    const uint32_t step = (uint32_t)ps_max_u64(4, piece_capacity(entry) / weight->taps / 4 * 4);
    if ((uint64_t)step * weight->taps > piece_capacity(entry)) {
        ps_fail(filler->error, PS_ERR_CHECKPOINT, "checkpoint.shape",
                "%s: tensor %.150s: a kernel of %u positions", filler->part->name, entry->name, weight->taps);
        return false;
    }
    const uint64_t start =
        row_of(filler, columns, column) * file_row(weight) + (uint64_t)weight->first_row * weight->taps;
    /* Whole numbers take two passes: the first one looks for the largest. */
    for (int pass = filler->whole ? 0 : 1; pass < 2; pass++)
        for (uint32_t row = 0; row < weight->rows; row += step) {
            const uint32_t rows = (uint32_t)ps_min_u64(step, weight->rows - row);
            const size_t count = (size_t)rows * weight->taps;
            if (!load(filler, entry, start + (uint64_t)row * weight->taps, count, 0))
                return false;
            const void *place = piece(filler, entry, 0);
            float *most = filler->whole ? &filler->most[base + column] : NULL;
            if (pass == 0) {
                *most = fmaxf(*most, largest(place, count));
                continue;
            }
            if (filler->whole)
                place = to_whole(filler, base + column, place, count, filler->whole);
            ps_pack_columns(&filler->packed, base + column, 1, row / 4, rows, &place);
        }
    return true;
}

static bool fill_source(const struct filler *filler, const struct ps_entry *entry, uint32_t columns,
                        uint32_t base)
{
    const uint64_t row = file_row(filler->weight);
    uint32_t step = (uint32_t)ps_min_u64(PS_PACK_ROWS, piece_capacity(entry) / row);
    if (step > PS_PACK_COLUMNS)
        step -= step % PS_PACK_COLUMNS;
    else if (step > 2)
        step -= step % 2;
    /* A pair of GEGLU is read together. */
    if (step < 2 && filler->weight->interleave)
        step = 0;
    for (uint32_t column = 0; column < columns; column += step ? step : 1) {
        const uint32_t count = (uint32_t)ps_min_u64(step, columns - column);
        if (!(step ? fill_columns(filler, entry, columns, base, column, count)
                   : fill_long_column(filler, entry, columns, base, column)))
            return false;
    }
    return true;
}

/* `count` elements of a row of the file, at place `at` of the piece: those of the packed columns from `column` on. In the
 * first of two passes they are measured, in the last one turned into whole numbers where such are asked for. */
static const void *load_channel(const struct filler *filler, const struct ps_entry *entry, uint64_t first,
                                size_t count, size_t at, uint32_t column, int pass)
{
    if (!load(filler, entry, first, count, at))
        return NULL;
    const void *elements = piece(filler, entry, at);
    if (!filler->whole)
        return elements;
    const float *values = elements;
    for (size_t i = 0; i < count && pass == 0; i++)
        filler->most[column + i] = fmaxf(filler->most[column + i], fabsf(values[i]));
    for (size_t i = 0; i < count && pass == 1; i++)
        filler->whole[at + i] = whole_number(values[i], steps_of(filler->most[column + i]));
    return filler->whole + at;
}

/* A source stored [rows, columns]: four rows of the file are one quad. */
static bool fill_transposed(const struct filler *filler, const struct ps_entry *entry, uint32_t columns,
                            uint32_t base)
{
    const uint32_t step = (uint32_t)piece_capacity(entry) / 4, rows = filler->weight->rows;
    for (int pass = filler->whole ? 0 : 1; pass < 2; pass++)
        for (uint32_t quad = 0; quad * 4 < rows; quad++)
            for (uint32_t column = 0; column < columns; column += step) {
                const uint32_t count = (uint32_t)ps_min_u64(step, columns - column);
                const void *channels[4] = {NULL};
                for (uint32_t i = 0; i < 4 && quad * 4 + i < rows; i++) {
                    const uint64_t row = (uint64_t)filler->weight->first_row + quad * 4 + i;
                    const uint64_t first = row * entry->shape[0] + column;
                    channels[i] =
                        load_channel(filler, entry, first, count, (size_t)i * step, base + column, pass);
                    if (!channels[i])
                        return false;
                }
                if (pass == 1)
                    ps_pack_channels(&filler->packed, base + column, count, quad, channels);
            }
    return true;
}

/* The 16 taps of the phases from the nine of one input channel. A row of the enlarged picture is one of the
 * picture's twice: from an even one the kernel meets the row before with its first row and the row itself with
 * the others, from an odd one the row itself with two and the next with its last. Columns alike. */
static void sum_phases(const float taps[9], float to[16])
{
    static const uint32_t first[2][3] = {{0, 1, 3}, {0, 2, 3}}; /* of the kernel's rows, by phase */
    for (uint32_t phase = 0; phase < 4; phase++)
        for (uint32_t tap = 0; tap < 4; tap++) {
            const uint32_t *rows = first[phase / 2] + tap / 2, *columns = first[phase % 2] + tap % 2;
            double sum = 0;
            for (uint32_t y = rows[0]; y < rows[1]; y++)
                for (uint32_t x = columns[0]; x < columns[1]; x++)
                    sum += (double)taps[3 * y + x];
            to[4 * phase + tap] = (float)sum;
        }
}

#define PHASE_ROWS 4096 /* input channels taken at a time: their 16 floats are a quarter of a piece */

/* Input channels [row, row + rows) of a column as phases. The sums are made in float32, then converted; in the first of two
 * passes the sums are measured, in the last one turned into whole numbers where such are asked for. */
static bool fill_phases_of(const struct filler *filler, const struct ps_entry *entry, uint32_t column,
                           uint32_t row, uint32_t rows, int pass)
{
    const struct ps_weight *weight = filler->weight;
    const uint64_t size = ps_stored_bits(entry->type) / 8, first = (uint64_t)column * weight->rows + row;
    const size_t count = (size_t)rows * 9;
    float *taps = (float *)(void *)filler->converted, *sums = taps + 9 * (size_t)PHASE_ROWS;
    if (ps_entry_read(entry, first * 9 * size, count * size, filler->stored, filler->error))
        return false;
    const struct ps_convert_faults faults = ps_convert(entry->type, filler->stored, PS_F32, taps, count);
    if (faults.not_finite)
        return refuse(filler, entry, faults, filler->stored, count);
    for (uint32_t i = 0; i < rows; i++)
        sum_phases(taps + 9 * (size_t)i, sums + 16 * (size_t)i);
    const float most = filler->whole ? largest(sums, (size_t)rows * 16) : 0;
    const void *place = filler->stored;
    bool is_held = isfinite(most);
    if (!filler->whole)
        is_held = !ps_convert(PS_STORED_F32, sums, filler->type, filler->stored, (size_t)rows * 16).too_large;
    else if (pass == 0)
        filler->most[column] = fmaxf(filler->most[column], most);
    else
        place = to_whole(filler, column, sums, (size_t)rows * 16, filler->whole);
    if (!is_held) {
        ps_fail(filler->error, PS_ERR_CHECKPOINT, "checkpoint.f16-range",
                "%s: tensor %.150s: sums of its weights exceed the range of the storage type",
                filler->part->name, entry->name);
        ps_hint(filler->error, "render with --dtype f32");
        return false;
    }
    if (pass == 1)
        ps_pack_columns(&filler->packed, column, 1, row / 4, rows, &place);
    return true;
}

static bool fill_phases(const struct filler *filler, const struct ps_entry *entry)
{
    const uint32_t all = filler->weight->rows;
    for (uint32_t column = 0; column < filler->weight->columns; column++)
        for (int pass = filler->whole ? 0 : 1; pass < 2; pass++)
            for (uint32_t row = 0; row < all; row += PHASE_ROWS)
                if (!fill_phases_of(filler, entry, column, row, (uint32_t)ps_min_u64(PHASE_ROWS, all - row),
                                    pass))
                    return false;
    return true;
}

/* Output channels that the weight takes from each of its sources. */
static uint32_t columns_of_each(const struct ps_weight *weight)
{
    return weight->columns / weight->source_count;
}

static bool fill_matrix(const struct filler *filler)
{
    const uint32_t columns = columns_of_each(filler->weight);
    for (uint32_t i = 0; i < filler->weight->source_count; i++) {
        const struct ps_entry *entry = &filler->part->entries[filler->weight->sources[i]];
        if (filler->weight->phases) {
            if (!fill_phases(filler, entry))
                return false;
        } else if (!(entry->transposed ? fill_transposed : fill_source)(filler, entry, columns,
                                                                        i * columns)) {
            return false;
        }
    }
    ps_pack_padding(&filler->packed, filler->weight->columns);
    return true;
}

/* ---- vectors
 * ----------------------------------------------------------------------------------------------------- */

static void place(const struct filler *filler, const void *from, uint64_t first, size_t count, uint64_t total)
{
    const size_t size = ps_type_bytes(filler->type);
    uint8_t *to = filler->packed.to;
    if (!filler->weight->interleave) {
        memcpy(to + first * size, from, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t index = first + i, half = total / 2;
        const uint64_t column = index < half ? 2 * index : 2 * (index - half) + 1;
        memcpy(to + column * size, (const uint8_t *)from + i * size, size);
    }
}

static bool fill_vector(const struct filler *filler)
{
    const struct ps_weight *weight = filler->weight;
    const uint64_t each = (uint64_t)weight->rows * columns_of_each(weight);
    for (uint32_t i = 0; i < weight->source_count; i++) {
        const struct ps_entry *entry = &filler->part->entries[weight->sources[i]];
        const uint64_t step = piece_capacity(entry);
        for (uint64_t first = 0; first < each; first += step) {
            const size_t count = (size_t)ps_min_u64(step, each - first);
            if (!load(filler, entry, first, count, 0))
                return false;
            place(filler, piece(filler, entry, 0), i * each + first, count, each);
        }
    }
    return true;
}

/* ---- checks
 * ------------------------------------------------------------------------------------------------------ */

/* The weight must ask for what its sources have; they come from the binder, which has seen the shapes. */
static bool check(const struct filler *filler)
{
    const struct ps_weight *weight = filler->weight;
    bool valid = weight->source_count >= 1 && weight->source_count <= PS_WEIGHT_SOURCES &&
                 weight->columns % weight->source_count == 0 && weight->rows && weight->columns &&
                 weight->taps &&
                 (!weight->source_rows || (uint64_t)weight->first_row + weight->rows <= weight->source_rows);
    for (uint32_t i = 0; valid && i < weight->source_count; i++) {
        valid = weight->sources[i] < filler->part->count;
        if (!valid)
            break;
        const struct ps_entry *entry = &filler->part->entries[weight->sources[i]];
        const uint64_t needed = columns_of_each(weight) * file_row(weight);
        valid =
            ps_stored_readable(entry->type) && needed <= ps_entry_elements(entry) &&
            (!weight->phases ||
             (weight->pack == PS_PACK_MATRIX && weight->source_count == 1 && weight->taps == 16 &&
              !weight->source_rows && !weight->interleave && !entry->transposed)) &&
            (!weight->interleave || (weight->source_count == 1 && needed == ps_entry_elements(entry))) &&
            (!entry->transposed || (weight->pack == PS_PACK_MATRIX && entry->rank == 2 && weight->taps == 1 &&
                                    !weight->interleave && columns_of_each(weight) <= entry->shape[0] &&
                                    (uint64_t)weight->first_row + weight->rows <= entry->shape[1]));
    }
    if (!valid)
        ps_fail(filler->error, PS_ERR_INTERNAL, "weights.sources", "%s: weight %u does not fit its tensors",
                filler->part->name, weight->index);
    return valid;
}

bool ps_part_fill(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                  struct ps_error *error)
{
    struct filler filler = {
        .part = (const struct ps_part *)(const void *)store,
        .weight = weight,
        .type = type == PS_Q8 ? PS_F32 : type,
        .packed = {.to = (char *)to + ps_scale_bytes(ps_packed_shape(weight, type)),
                   .element_bytes = (uint32_t)ps_type_bytes(type),
                   .taps = weight->taps,
                   .quads = ps_div_up(weight->rows, 4),
                   .columns_padded = (uint32_t)ps_align_up(weight->columns, PS_PACK_COLUMNS)},
        .error = error,
    };
    if (!check(&filler))
        return false;
    filler.stored = malloc(PIECE_BYTES);
    filler.converted = malloc(2 * PIECE_BYTES);
    if (type == PS_Q8) {
        filler.whole = malloc(PIECE_BYTES);
        filler.most = calloc(filler.packed.columns_padded, sizeof *filler.most);
    }
    bool done = false;
    if (!filler.stored || !filler.converted || (type == PS_Q8 && (!filler.whole || !filler.most)))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read weights");
    else
        done = weight->pack == PS_PACK_MATRIX ? fill_matrix(&filler) : fill_vector(&filler);
    if (done && filler.most)
        write_scales(&filler, to);
    free(filler.most);
    free(filler.whole);
    free(filler.converted);
    free(filler.stored);
    return done;
}
