#include "kernels/pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"
#include "kernels/bed.h"
#include "kernels/compare.h"
#include "kernels/subject.h"
#include "run/arena.h"

#include "attention.h"
#include "conv.h"
#include "layer_norm.h"
#include "linear.h"
#include "norm_finish.h"
#include "norm_stats.h"

/* Beyond the last tensor, where a stray write would land. */
#define MARGIN (64u << 10)
#define MAX_PRINTED 4

enum { REF, SUBJECT };

/* How many terms an element sums; 4 stands for the few operations of an elementwise kernel. */
static uint32_t depth_of(const struct ps_launch *launch)
{
    const void *push = launch->push;
    switch (launch->kernel) {
    case PS_KERNEL_linear:
        return ((const struct ps_linear_push *)push)->k;
    case PS_KERNEL_conv: {
        const uint32_t taps = launch->spec[PS_CONV_SPEC_KERNEL_H] * launch->spec[PS_CONV_SPEC_KERNEL_W];
        return ((const struct ps_conv_push *)push)->k * taps;
    }
    case PS_KERNEL_attention: {
        const struct ps_attention_push *attention = push;
        return attention->d + attention->keys;
    }
    case PS_KERNEL_norm_stats: {
        const struct ps_norm_stats_push *stats = push;
        return stats->split_rows * (stats->c / stats->groups);
    }
    case PS_KERNEL_norm_finish: {
        const struct ps_norm_finish_push *finish = push;
        return finish->span * finish->splits;
    }
    case PS_KERNEL_layer_norm:
        return ((const struct ps_layer_norm_push *)push)->c;
    default:
        return 4;
    }
}

/* Where matrices of bf16 or f16 are multiplied (by the cpu interpreter, which names no shader, and by matrix units), attention
 * multiplies values by weights that are rounded to that: independent errors of up to 2^-8 or 2^-11 of each weight, so as much
 * of the result. */
static double inner_of(const struct bed_pair *pair, const struct ps_launch *launch)
{
    if (launch->kernel != PS_KERNEL_attention || !pair->subject)
        return 0;
    const char *shader = bed_subject_shader(pair->subject);
    if (launch->type == PS_BF16)
        return !*shader || strstr(shader, "_coop") ? 0x1p-8 : 0;
    return strstr(shader, "_coop") ? 0x1p-11 : 0;
}

/* Statistics hold two quantities of different size side by side. */
static uint32_t parts_of(const struct ps_launch *launch)
{
    return launch->kernel == PS_KERNEL_norm_stats || launch->kernel == PS_KERNEL_norm_finish ? 2 : 1;
}

static struct ps_tensor whole_space(enum ps_space space, uint64_t bytes)
{
    const uint32_t words = (uint32_t)(bytes / 4);
    return (struct ps_tensor){
        .type = PS_F32, .space = space, .n = 1, .h = 1, .w = 1, .c = words, .pitch = words};
}

void *bed_pair_at(struct bed_pair *pair, struct ps_tensor t)
{
    return pair->spaces[t.space].image + t.offset;
}

/* Uploads all bytes from the first to the last element, scales and gaps between frames included. */
static bool upload(struct ps_backend *to, struct ps_tensor t, const void *from, struct ps_error *error)
{
    const uint64_t bytes = ps_span_bytes(t);
    t.type = t.type == PS_Q8 ? PS_F32 : t.type;
    t.c = (uint32_t)(bytes / ps_type_bytes(t.type));
    t.n = t.h = t.w = 1;
    t.pitch = t.c;
    void *memory = to->ops->upload_begin(to, t, error);
    if (!memory)
        return false;
    memcpy(memory, from, ps_span_bytes(t));
    return to->ops->upload_end(to, error);
}

static bool upload_both(struct bed_pair *pair, struct ps_tensor t, struct ps_error *error)
{
    const void *from = bed_pair_at(pair, t);
    return upload(pair->ref, t, from, error) && (!pair->subject || upload(pair->subject, t, from, error));
}

bool bed_pair_poison(struct bed_pair *pair, enum ps_space space, uint64_t bytes, struct ps_error *error)
{
    bytes = ps_min_u64(ps_align_up(bytes, PS_ALIGNMENT) + MARGIN, pair->spaces[space].bytes);
    memset(pair->spaces[space].image, 0xff, bytes);
    pair->spaces[space].checked = MARGIN;
    return upload_both(pair, whole_space(space, bytes), error);
}

static void report(struct bed_pair *pair, const char *format, ...) PS_PRINTF(2, 3);
static void report(struct bed_pair *pair, const char *format, ...)
{
    if (pair->bed->mismatches++ >= MAX_PRINTED || pair->bed->fault != BED_SOUND)
        return;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

/* Spoils what the subject left behind, as the test asked. `result` is the first tensor written, `input` the
 * first read. */
static void spoil(struct bed_pair *pair, struct ps_tensor result, struct ps_tensor input)
{
    unsigned char *after = pair->spaces[result.space].after[SUBJECT];
    const uint64_t middle = ps_frame_elements(result) / 2;
    unsigned char *element = after + result.offset + middle * ps_type_bytes(result.type);
    const float value = (float)(bed_element(result.type, after + result.offset, middle) * 1.02 + 0.02);
    const uint16_t half = result.type == PS_BF16 ? ps_bf16_from_float(value) : ps_half_from_float(value);
    switch (pair->bed->fault) {
    case BED_WRONG_ELEMENT:
        memcpy(element, result.type == PS_F32 ? (const void *)&value : (const void *)&half,
               ps_type_bytes(result.type));
        break;
    case BED_NOT_A_NUMBER:
        memset(element, 0xff, ps_type_bytes(result.type));
        break;
    case BED_STRAY_WRITE:
        after[result.offset + ps_span_bytes(result)] ^= 1;
        break;
    case BED_CHANGED_INPUT:
        pair->spaces[input.space].after[SUBJECT][input.offset] ^= 1;
        break;
    case BED_SOUND:
        break;
    }
}

static void compare_written(struct bed_pair *pair, const struct ps_launch *launch, struct ps_tensor t)
{
    const struct ps_kernel_row *row = ps_kernel_row(launch->kernel);
    char shape[PS_SHAPE_TEXT], title[256];
    int used = snprintf(title, sizeof title, "%s -> %s", row->name, ps_shape_text(t, shape));
    for (size_t i = 0; i < strlen(row->reads); i++)
        used +=
            snprintf(title + used, sizeof title - (size_t)used, "%s%s", i ? ", " : " of ",
                     ps_is_null(launch->operands[i]) ? "none" : ps_shape_text(launch->operands[i], shape));
    snprintf(title + used, sizeof title - (size_t)used, " (%s)", pair->seed_text);

    const bool quiet = pair->bed->mismatches >= MAX_PRINTED || pair->bed->fault != BED_SOUND;
    const struct bed_tolerance tolerance =
        bed_tolerance(t.type, depth_of(launch), pair->bed->condition, pair->bed->inner);
    unsigned char *const *after = pair->spaces[t.space].after;
    if (!bed_compare(t, after[SUBJECT] + t.offset, after[REF] + t.offset, parts_of(launch), tolerance, title,
                     quiet))
        pair->bed->mismatches++;
    for (uint64_t frame = 0; frame < t.n; frame++) {
        const uint64_t at = t.offset + frame * t.pitch * ps_type_bytes(t.type);
        const uint64_t bytes = ps_frame_elements(t) * ps_type_bytes(t.type);
        memcpy(pair->spaces[t.space].image + at, after[SUBJECT] + at, bytes);
    }
}

/* Everything but what was written, which compare_written has taken over into the image, must be as before. */
static void compare_rest(struct bed_pair *pair, const struct ps_launch *launch)
{
    for (int space = 0; space < PS_SPACES; space++) {
        const unsigned char *image = pair->spaces[space].image, *after = pair->spaces[space].after[SUBJECT];
        if (!memcmp(image, after, pair->spaces[space].checked))
            continue;
        uint64_t at = 0;
        while (image[at] == after[at])
            at++;
        report(pair, "  %s wrote outside its result, at byte %llu of %s (%s)\n",
               ps_kernel_row(launch->kernel)->name, (unsigned long long)at,
               space == PS_SCRATCH ? "scratch" : "the weights", pair->seed_text);
        for (uint32_t i = 0; i < PS_MAX_OPERANDS; i++) {
            const struct ps_tensor t = launch->operands[i];
            char shape[PS_SHAPE_TEXT];
            if (!ps_is_null(t) && (int)t.space == space)
                report(pair, "    operand %u: bytes %llu to %llu, %s\n", i, (unsigned long long)t.offset,
                       (unsigned long long)(t.offset + ps_span_bytes(t)), ps_shape_text(t, shape));
        }
    }
}

static bool pair_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    struct bed_pair *pair = (struct bed_pair *)backend;
    struct ps_backend *sides[] = {pair->ref, pair->subject ? pair->subject : pair->ref};
    const struct ps_kernel_row *row = ps_kernel_row(launch->kernel);
    const uint32_t reads = (uint32_t)strlen(row->reads), operands = reads + (uint32_t)strlen(row->writes);

    for (uint32_t i = 0; i < operands; i++) {
        const struct ps_tensor t = launch->operands[i];
        if (!ps_is_null(t))
            pair->spaces[t.space].checked =
                ps_min_u64(pair->spaces[t.space].bytes,
                           ps_max_u64(pair->spaces[t.space].checked,
                                      ps_align_up(t.offset + ps_span_bytes(t), 4) + MARGIN));
    }
    for (int side = REF; side <= SUBJECT; side++) {
        if ((side == REF || pair->subject) && !sides[side]->ops->launch(sides[side], launch, error))
            return false;
        for (int space = 0; space < PS_SPACES; space++)
            if (!sides[side]->ops->download(sides[side],
                                            whole_space((enum ps_space)space, pair->spaces[space].checked),
                                            pair->spaces[space].after[side], error))
                return false;
    }
    pair->offered |= pair->subject && bed_subject_offers(pair->subject, launch->kernel);
    pair->bed->inner = inner_of(pair, launch);
    spoil(pair, launch->operands[reads], launch->operands[0]);
    for (uint32_t i = reads; i < operands; i++)
        compare_written(pair, launch, launch->operands[i]);
    compare_rest(pair, launch);
    pair->bed->fault = BED_SOUND;

    /* The next launch of the reference begins from what the subject computed. */
    for (uint32_t i = reads; i < operands; i++)
        if (!upload(pair->ref, launch->operands[i], bed_pair_at(pair, launch->operands[i]), error))
            return false;
    return true;
}

static void *pair_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    (void)error;
    struct bed_pair *pair = (struct bed_pair *)backend;
    pair->uploading = to;
    return bed_pair_at(pair, to);
}

static bool pair_upload_end(struct ps_backend *backend, struct ps_error *error)
{
    struct bed_pair *pair = (struct bed_pair *)backend;
    return upload_both(pair, pair->uploading, error);
}

static bool pair_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    (void)error;
    memcpy(to, bed_pair_at((struct bed_pair *)backend, from), ps_span_bytes(from));
    return true;
}

static bool pair_finish(struct ps_backend *backend, struct ps_error *error)
{
    (void)backend, (void)error;
    return true;
}

static const struct ps_backend_ops pair_ops = {
    .name = "reference and subject",
    .launch = pair_launch,
    .upload_begin = pair_upload_begin,
    .upload_end = pair_upload_end,
    .download = pair_download,
    .finish = pair_finish,
};

bool bed_pair_open(struct bed_pair *pair, struct bed *bed, uint64_t bytes, struct ps_error *error)
{
    pair->base = (struct ps_backend){.ops = &pair_ops, .segment_limit = bytes};
    pair->bed = bed;
    struct ps_backend *sides[] = {pair->ref, pair->subject};
    for (int side = REF; side <= SUBJECT; side++) {
        struct ps_backend *backend = sides[side];
        if (!backend)
            continue;
        for (int space = 0; space < PS_SPACES; space++)
            if (!backend->ops->reserve(backend, (enum ps_space)space, &bytes, 1, error))
                return false;
        if (!backend->ops->reserve_staging(backend, bytes, error))
            return false;
    }
    for (int space = 0; space < PS_SPACES; space++) {
        pair->spaces[space].bytes = bytes;
        pair->spaces[space].image = malloc(bytes);
        pair->spaces[space].after[REF] = malloc(bytes);
        pair->spaces[space].after[SUBJECT] = malloc(bytes);
        if (!pair->spaces[space].image || !pair->spaces[space].after[REF] ||
            !pair->spaces[space].after[SUBJECT])
            return false;
    }
    return true;
}

void bed_pair_close(struct bed_pair *pair)
{
    for (int space = 0; space < PS_SPACES; space++) {
        free(pair->spaces[space].image);
        free(pair->spaces[space].after[REF]);
        free(pair->spaces[space].after[SUBJECT]);
    }
}
