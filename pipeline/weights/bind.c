#include "weights/bind.h"

#include "weights/convert.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5
#define MOST_WEIGHTS 8192 /* that are bound to a part without entries; SVD-XT's UNet has 1500 tensors */

enum ps_status ps_binder_begin(struct ps_binder *binder, struct ps_part *part, struct ps_error *error)
{
    *binder = (struct ps_binder){.part = part};
    /* A weight takes half a tensor at least, so there are not more: the array never moves. */
    const uint32_t most = part->complete ? MOST_WEIGHTS : 2 * part->count;
    binder->items = calloc(most ? most : 1, sizeof *binder->items);
    if (!binder->items)
        ps_fail(&binder->fault, PS_ERR_MEMORY, "memory.host", "%s: no memory for the list of weights",
                part->name);
    else
        binder->capacity = most;
    return binder->fault.status ? ps_fail(error, PS_ERR_MEMORY, binder->fault.id, "%s", binder->fault.message)
                                : PS_OK;
}

void ps_binder_drop(struct ps_binder *binder)
{
    free(binder->items);
    binder->items = NULL;
    binder->count = binder->capacity = 0;
}

void ps_weight_set_free(struct ps_weight_set *set)
{
    free(set->items);
    *set = (struct ps_weight_set){0};
}

static enum ps_status report(const struct ps_binder *binder, struct ps_error *error)
{
    char lines[SHOWN * (PS_BIND_PROBLEM_TEXT + 1)] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < binder->problem_count && i < SHOWN; i++)
        used += (size_t)snprintf(lines + used, sizeof lines - used, "\n%.130s", binder->problems[i]);
    ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.tensors",
            "%s: the weights do not fit the architecture: %u missing, %u of another shape%s%s",
            binder->part->name, binder->missing, binder->misshapen, lines,
            binder->missing + binder->misshapen > SHOWN ? "\n..." : "");
    ps_hint(
        error,
        "the weights belong to another or a changed architecture, or config.json does not belong to them");
    return PS_ERR_CHECKPOINT;
}

enum ps_status ps_binder_finish(struct ps_binder *binder, struct ps_weight_set *set, struct ps_error *error)
{
    *set = (struct ps_weight_set){0};
    enum ps_status status = PS_OK;
    if (binder->fault.status)
        status = ps_fail(error, binder->fault.status, binder->fault.id, "%s", binder->fault.message);
    else if (binder->missing || binder->misshapen)
        status = report(binder, error);
    if (!status) {
        *set = (struct ps_weight_set){.items = binder->items, .count = binder->count};
        binder->items = NULL;
    }
    ps_binder_drop(binder);
    return status;
}

/* ---- names
 * ------------------------------------------------------------------------------------------------------- */

/* Writes the scope and the formatted name. */
static void full_name(const struct ps_binder *binder, char to[PS_NAME_BYTES], const char *format,
                      va_list arguments)
{
    const size_t scope = strlen(binder->scope);
    memcpy(to, binder->scope, scope + 1);
    vsnprintf(to + scope, PS_NAME_BYTES - scope, format, arguments);
}

#define FULL_NAME(binder, name, format)                                                                      \
    do {                                                                                                     \
        va_list arguments;                                                                                   \
        va_start(arguments, format);                                                                         \
        full_name(binder, name, format, arguments);                                                          \
        va_end(arguments);                                                                                   \
    } while (0)

void ps_bind_enter(struct ps_binder *binder, const char *format, ...)
{
    if (binder->depth < PS_BIND_SCOPES)
        binder->lengths[binder->depth] = (uint32_t)strlen(binder->scope);
    else
        ps_fail(&binder->fault, PS_ERR_INTERNAL, "bind.scope", "%s: scopes nest too deep",
                binder->part->name);
    binder->depth++;
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    snprintf(binder->scope, sizeof binder->scope, "%.*s.", (int)sizeof binder->scope - 2, name);
}

void ps_bind_leave(struct ps_binder *binder)
{
    binder->depth--;
    if (binder->depth < PS_BIND_SCOPES)
        binder->scope[binder->lengths[binder->depth]] = '\0';
}

/* ---- tensors
 * ----------------------------------------------------------------------------------------------------- */

static void add_problem(struct ps_binder *binder, uint32_t *count, const char *name, const char *format, ...)
    PS_PRINTF(4, 5);

static void add_problem(struct ps_binder *binder, uint32_t *count, const char *name, const char *format, ...)
{
    ++*count;
    if (binder->problem_count == PS_BIND_PROBLEMS)
        return;
    char what[PS_BIND_PROBLEM_TEXT], *line = binder->problems[binder->problem_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    /* The end of a long name says more than its beginning. */
    const size_t length = strlen(name);
    snprintf(line, PS_BIND_PROBLEM_TEXT, "%s: tensor %s: %.80s", binder->part->name,
             length > 90 ? name + length - 90 : name, what);
}

/* Claims the tensor NAME, or NAME.SUFFIX if there is a suffix; its index in the part, or -1 if it is missing
 * or not what was expected. */
static int64_t claim(struct ps_binder *binder, const char *name, const char *suffix, uint32_t rank,
                     const uint64_t *shape)
{
    char full[PS_NAME_BYTES], found[PS_DIMS_TEXT], expected[PS_DIMS_TEXT];
    if (binder->part->complete)
        return 0;
    const int length = snprintf(full, sizeof full, "%s%s%s", name, *suffix ? "." : "", suffix);
    struct ps_entry *entry = length < PS_NAME_BYTES ? ps_part_find(binder->part, full) : NULL;
    if (!entry) {
        add_problem(binder, &binder->missing, full, "missing");
        return -1;
    }
    entry->claimed = true;
    if (entry->rank != rank || memcmp(entry->shape, shape, rank * sizeof *shape)) {
        add_problem(binder, &binder->misshapen, full, "shape %s, expected %s",
                    ps_dims_text(entry->rank, entry->shape, found), ps_dims_text(rank, shape, expected));
        return -1;
    }
    if (!ps_stored_readable(entry->type)) {
        add_problem(binder, &binder->misshapen, full, "stored as %s; packshot reads F32, F16 and BF16",
                    ps_stored_name(entry->type));
        return -1;
    }
    return entry - binder->part->entries;
}

/* A new weight from one source, or null where `source` is -1. */
static struct ps_weight *add_weight(struct ps_binder *binder, enum ps_pack pack, uint32_t taps, uint32_t rows,
                                    uint32_t columns, int64_t source)
{
    if (source < 0)
        return NULL;
    if (binder->count == binder->capacity) {
        ps_fail(&binder->fault, PS_ERR_INTERNAL, "bind.twice", "%s: tensor %.150s is bound more than once",
                binder->part->name, binder->part->complete ? "?" : binder->part->entries[source].name);
        return NULL;
    }
    struct ps_weight *weight = &binder->items[binder->count];
    *weight = (struct ps_weight){.pack = pack,
                                 .taps = taps,
                                 .rows = rows,
                                 .columns = columns,
                                 .source_count = 1,
                                 .sources = {(uint32_t)source},
                                 .index = binder->count};
    binder->count++;
    return weight;
}

static struct ps_weight *bind_bias(struct ps_binder *binder, const char *name, uint32_t out)
{
    return add_weight(binder, PS_PACK_VECTOR, 1, 1, out,
                      claim(binder, name, "bias", 1, (const uint64_t[]){out}));
}

struct ps_layer ps_bind_linear(struct ps_binder *binder, uint32_t out, uint32_t in, bool bias,
                               const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    struct ps_layer layer = {0};
    const int64_t source = claim(binder, name, "weight", 2, (const uint64_t[]){out, in});
    layer.weight = add_weight(binder, PS_PACK_MATRIX, 1, in, out, source);
    if (bias)
        layer.bias = bind_bias(binder, name, out);
    return layer;
}

struct ps_layer ps_bind_geglu(struct ps_binder *binder, uint32_t half, uint32_t in, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 2, (const uint64_t[]){2 * (uint64_t)half, in});
    struct ps_weight *weight = add_weight(binder, PS_PACK_MATRIX, 1, in, 2 * half, source);
    struct ps_weight *bias = bind_bias(binder, name, 2 * half);
    if (weight)
        weight->interleave = true;
    if (bias)
        bias->interleave = true;
    return (struct ps_layer){.weight = weight, .bias = bias};
}

/* One weight from three tensors. */
static struct ps_weight *bind_three(struct ps_binder *binder, const char *name, const char *const parts[3],
                                    const char *suffix, uint32_t out, uint32_t in)
{
    int64_t sources[3];
    bool complete = true;
    for (int i = 0; i < 3; i++) {
        char one[PS_NAME_BYTES];
        snprintf(one, sizeof one, "%.*s.%s", PS_NAME_BYTES - 32, name, parts[i]);
        sources[i] = claim(binder, one, suffix, in ? 2 : 1, (const uint64_t[]){out, in});
        complete = complete && sources[i] >= 0;
    }
    struct ps_weight *weight = add_weight(binder, in ? PS_PACK_MATRIX : PS_PACK_VECTOR, 1, in ? in : 1,
                                          3 * out, complete ? sources[0] : -1);
    for (uint32_t i = 1; i < 3 && weight; i++)
        weight->sources[i] = (uint32_t)sources[i];
    if (weight)
        weight->source_count = 3;
    return weight;
}

struct ps_layer ps_bind_qkv(struct ps_binder *binder, uint32_t out, uint32_t in, bool bias,
                            const char *const parts[3], const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    struct ps_layer layer = {0};
    layer.weight = bind_three(binder, name, parts, "weight", out, in);
    if (bias)
        layer.bias = bind_three(binder, name, parts, "bias", out, 0);
    return layer;
}

struct ps_layer ps_bind_conv(struct ps_binder *binder, uint32_t out, uint32_t in, uint32_t kernel_h,
                             uint32_t kernel_w, bool bias, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    struct ps_layer layer = {0};
    const int64_t source = claim(binder, name, "weight", 4, (const uint64_t[]){out, in, kernel_h, kernel_w});
    layer.weight = add_weight(binder, PS_PACK_MATRIX, kernel_h * kernel_w, in, out, source);
    if (bias)
        layer.bias = bind_bias(binder, name, out);
    return layer;
}

/* A 3x3 kernel as the four phases of one over a picture enlarged twice. */
static struct ps_weight *add_phases(struct ps_binder *binder, uint32_t in, uint32_t out, int64_t source)
{
    struct ps_weight *weight = add_weight(binder, PS_PACK_MATRIX, 16, in, out, source);
    if (weight)
        weight->phases = true;
    return weight;
}

struct ps_layer ps_bind_conv_twice(struct ps_binder *binder, uint32_t out, uint32_t in, const char *format,
                                   ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 4, (const uint64_t[]){out, in, 3, 3});
    const struct ps_weight *weight = add_phases(binder, in, out, source);
    return (struct ps_layer){.weight = weight, .bias = bind_bias(binder, name, out)};
}

void ps_bind_conv_either(struct ps_binder *binder, uint32_t out, uint32_t in, struct ps_layer *any,
                         struct ps_layer *twice, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 4, (const uint64_t[]){out, in, 3, 3});
    twice->weight = add_phases(binder, in, out, source);
    any->weight = add_weight(binder, PS_PACK_MATRIX, 9, in, out, source);
    any->bias = twice->bias = bind_bias(binder, name, out);
}

void ps_bind_conv_halves(struct ps_binder *binder, uint32_t out, const uint32_t in[2],
                         struct ps_layer halves[2], const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const uint32_t all = in[0] + in[1];
    const int64_t source = claim(binder, name, "weight", 4, (const uint64_t[]){out, all, 1, 1});
    for (uint32_t i = 0; i < 2; i++) {
        struct ps_weight *weight = add_weight(binder, PS_PACK_MATRIX, 1, in[i], out, source);
        if (weight) {
            weight->first_row = i ? in[0] : 0;
            weight->source_rows = all;
        }
        halves[i] = (struct ps_layer){.weight = weight};
    }
    halves[0].bias = bind_bias(binder, name, out);
}

struct ps_layer ps_bind_conv_frames(struct ps_binder *binder, uint32_t out, uint32_t in, uint32_t taps,
                                    const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 5, (const uint64_t[]){out, in, taps, 1, 1});
    struct ps_layer layer = {0};
    layer.weight = add_weight(binder, PS_PACK_MATRIX, taps, in, out, source);
    layer.bias = bind_bias(binder, name, out);
    return layer;
}

struct ps_layer ps_bind_rows(struct ps_binder *binder, uint32_t rows, uint32_t out, uint32_t in,
                             const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 4, (const uint64_t[]){out, in, 1, 1});
    struct ps_weight *weight = add_weight(binder, PS_PACK_MATRIX, 1, in, rows, source);
    struct ps_weight *bias = bind_bias(binder, name, out);
    if (bias)
        bias->columns = rows;
    return (struct ps_layer){.weight = weight, .bias = bias};
}

struct ps_layer ps_bind_norm(struct ps_binder *binder, uint32_t channels, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "weight", 1, (const uint64_t[]){channels});
    struct ps_layer layer = {0};
    layer.weight = add_weight(binder, PS_PACK_VECTOR, 1, 1, channels, source);
    layer.bias = bind_bias(binder, name, channels);
    return layer;
}

const struct ps_weight *ps_bind_vector(struct ps_binder *binder, uint32_t rows, uint32_t columns,
                                       const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const uint64_t shape[] = {rows, columns};
    const int64_t source = claim(binder, name, "", rows == 1 ? 1 : 2, rows == 1 ? shape + 1 : shape);
    return add_weight(binder, PS_PACK_VECTOR, 1, rows, columns, source);
}

float ps_bind_scalar(struct ps_binder *binder, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    const int64_t source = claim(binder, name, "", 1, (const uint64_t[]){1});
    if (source < 0 || binder->part->complete)
        return 0.0f;
    const struct ps_entry *entry = &binder->part->entries[source];
    uint32_t bits = 0;
    if (ps_entry_read(entry, 0, entry->bytes, &bits, &binder->fault))
        return 0.0f;
    const double value = ps_stored_value(entry->type, &bits, 0);
    if (!isfinite(value))
        ps_fail(&binder->fault, PS_ERR_CHECKPOINT, "checkpoint.not-finite", "%s: tensor %.150s is %g",
                binder->part->name, name, value);
    return (float)value;
}

void ps_bind_unused(struct ps_binder *binder, const char *format, ...)
{
    char name[PS_NAME_BYTES];
    FULL_NAME(binder, name, format);
    ps_part_waive(binder->part, name);
}
