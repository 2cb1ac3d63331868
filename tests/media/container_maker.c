#include "media/container_maker.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, MAX_FIELDS = 24 };

/* A file that grows, its numbers in either byte order. */
struct writer {
    struct ps_file file;
    bool big_endian;
};

static struct writer writer_new(const char *name, bool big_endian)
{
    return (struct writer){{.name = name, .bytes = calloc(1, MOST)}, big_endian};
}

static void put_at(struct writer *writer, size_t at, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes; i++)
        writer->file.bytes[at + i] = (uint8_t)(value >> 8 * (writer->big_endian ? bytes - 1 - i : i));
}

static void put(struct writer *writer, size_t bytes, uint32_t value)
{
    put_at(writer, writer->file.size, bytes, value);
    writer->file.size += bytes;
}

/* `count` samples, packed from the top of each byte, the row ending on one. */
static void put_samples(struct writer *writer, const uint16_t *samples, size_t count, size_t step,
                        uint32_t depth)
{
    uint32_t bits = 0, held = 0;
    for (size_t i = 0; i < count; i++) {
        if (depth == 16) {
            put(writer, 2, samples[i * step]);
            continue;
        }
        held = held << depth | samples[i * step];
        for (bits += depth; bits >= 8; bits -= 8)
            put(writer, 1, held >> (bits - 8) & 255);
    }
    if (bits)
        put(writer, 1, held << (8 - bits) & 255);
}

/* ---- TIFF ---- */

/* Strips one after the other, the planes of a planar file too; their offsets and sizes in lists at *offsets. */
static uint32_t put_strips(struct writer *writer, const struct tiff_plan *plan, size_t *offsets)
{
    enum { LONG = 4, MAX_STRIPS = 256 };
    const uint32_t rows = plan->rows ? plan->rows : plan->height, planes = plan->planar ? plan->channels : 1;
    uint32_t begins[MAX_STRIPS], count = 0;
    for (uint32_t plane = 0; plane < planes; plane++)
        for (uint32_t y = 0; y < plan->height; y++) {
            if (y % rows == 0)
                begins[count++] = (uint32_t)writer->file.size;
            const uint16_t *row = plan->samples + (size_t)y * plan->width * plan->channels;
            if (plan->planar)
                put_samples(writer, row + plane, plan->width, plan->channels, plan->depth);
            else
                put_samples(writer, row, (size_t)plan->width * plan->channels, 1, plan->depth);
        }
    begins[count] = (uint32_t)writer->file.size;
    writer->file.size += writer->file.size % 2;
    *offsets = writer->file.size;
    for (uint32_t i = 0; i < count; i++)
        put(writer, LONG, begins[i]);
    for (uint32_t i = 0; i < count; i++)
        put(writer, LONG, begins[i + 1] - begins[i]);
    return count;
}

struct field {
    uint16_t tag, type;
    uint32_t count, value; /* the value, or where it is */
};

struct fields {
    struct field list[MAX_FIELDS];
    size_t count;
};

static void add(struct fields *fields, uint16_t tag, uint16_t type, uint32_t count, uint32_t value)
{
    size_t at = fields->count;
    while (at && fields->list[at - 1].tag > tag)
        at--;
    if (at && fields->list[at - 1].tag == tag) {
        fields->list[at - 1] = (struct field){tag, type, count, value};
        return;
    }
    memmove(fields->list + at + 1, fields->list + at, (fields->count - at) * sizeof *fields->list);
    fields->list[at] = (struct field){tag, type, count, value};
    fields->count++;
}

static void put_directory(struct writer *writer, const struct fields *fields, bool more)
{
    enum { SHORT = 3 };
    put(writer, 2, (uint32_t)fields->count);
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->list[i];
        put(writer, 2, field->tag);
        put(writer, 2, field->type);
        put(writer, 4, field->count);
        /* A lone short stands at the left of its four bytes. */
        if (field->type == SHORT && field->count == 1) {
            put(writer, 2, field->value);
            put(writer, 2, 0);
        } else {
            put(writer, 4, field->value);
        }
    }
    put(writer, 4, more ? (uint32_t)writer->file.size + 4 : 0);
}

struct ps_file make_tiff(const struct tiff_plan *plan)
{
    enum { SHORT = 3, LONG = 4 };
    struct writer writer = writer_new("made.tif", plan->big_endian);
    struct fields fields = {0};
    memcpy(writer.file.bytes, plan->big_endian ? "MM" : "II", 2);
    writer.file.size = 2;
    put(&writer, 2, 42);
    put(&writer, 4, 0);
    size_t lists;
    const uint32_t strips = put_strips(&writer, plan, &lists);
    const size_t depths = writer.file.size;
    for (uint32_t i = 0; i < plan->channels; i++)
        put(&writer, 2, plan->depth);
    const size_t palette = writer.file.size;
    for (uint32_t i = 0; plan->palette && i < 3u << plan->depth; i++)
        put(&writer, 2, plan->palette[i]);
    writer.file.size += writer.file.size % 2;

    const uint32_t size_list = (uint32_t)lists + strips * 4;
    add(&fields, 256, LONG, 1, plan->width);
    add(&fields, 257, LONG, 1, plan->height);
    add(&fields, 258, SHORT, plan->channels, plan->channels == 1 ? plan->depth : (uint32_t)depths);
    add(&fields, 259, SHORT, 1, 1);
    add(&fields, 262, SHORT, 1, (uint32_t)plan->photometric);
    add(&fields, 273, LONG, strips, strips == 1 ? 8 : (uint32_t)lists);
    add(&fields, 277, SHORT, 1, plan->channels);
    add(&fields, 278, LONG, 1, plan->rows ? plan->rows : plan->height);
    add(&fields, 279, LONG, strips, strips == 1 ? (uint32_t)lists - 8 : size_list);
    add(&fields, 284, SHORT, 1, plan->planar ? 2 : 1);
    if (plan->palette)
        add(&fields, 320, SHORT, 3u << plan->depth, (uint32_t)palette);
    if (plan->extra != TIFF_NO_EXTRA)
        add(&fields, 338, SHORT, 1, (uint32_t)plan->extra);
    if (plan->orientation)
        add(&fields, 274, SHORT, 1, plan->orientation);
    if (plan->field.tag)
        add(&fields, plan->field.tag, LONG, 1, plan->field.value);
    /* Two channels' depths fit where their offset would stand. */
    if (plan->channels == 2)
        for (size_t i = 0; i < fields.count; i++)
            if (fields.list[i].tag == 258)
                fields.list[i].value = plan->depth << 16 | plan->depth;
    put_at(&writer, 4, 4, (uint32_t)writer.file.size);
    put_directory(&writer, &fields, plan->pages > 0);
    add(&fields, 254, LONG, 1, plan->page_kind);
    for (uint32_t i = 0; i < plan->pages; i++)
        put_directory(&writer, &fields, i + 1 < plan->pages);
    return writer.file;
}

/* ---- BMP ---- */

static void put_header(struct writer *writer, const struct bmp_plan *plan)
{
    enum { CORE = 12, BITFIELDS = 3, SIZES_AND_COLOURS = 20, ALPHA_HEADER = 56 };
    const size_t header = writer->file.size, side = plan->header == CORE ? 2 : 4;
    put(writer, 4, plan->header);
    put(writer, side, plan->width);
    put(writer, side, plan->top_down ? 0 - plan->height : plan->height);
    put(writer, 2, 1);
    put(writer, 2, plan->depth);
    if (plan->header == CORE)
        return;
    put(writer, 4, plan->masks ? BITFIELDS : 0);
    writer->file.size += SIZES_AND_COLOURS;
    for (int i = 0; plan->masks && i < (plan->header >= ALPHA_HEADER ? 4 : 3); i++)
        put(writer, 4, plan->masks[i]);
    if (writer->file.size < header + plan->header)
        writer->file.size = header + plan->header;
}

struct ps_file make_bmp(const struct bmp_plan *plan)
{
    enum { FILE_HEADER = 14, FILE_SIZE = 2, PIXELS_AT = 10 };
    struct writer writer = writer_new("made.bmp", false);
    memcpy(writer.file.bytes, "BM", 2);
    writer.file.size = FILE_HEADER;
    put_header(&writer, plan);
    for (uint32_t i = 0; plan->palette && i < 1u << plan->depth; i++)
        put(&writer, plan->header == 12 ? 3 : 4, plan->palette[i]);
    put_at(&writer, PIXELS_AT, 4, (uint32_t)writer.file.size);
    for (uint32_t row = 0; row < plan->height; row++) {
        const uint32_t *samples =
            plan->samples + (size_t)(plan->top_down ? row : plan->height - 1 - row) * plan->width;
        const size_t begin = writer.file.size;
        if (plan->depth <= 8) {
            uint16_t indices[256];
            for (uint32_t x = 0; x < plan->width; x++)
                indices[x] = (uint16_t)samples[x];
            put_samples(&writer, indices, plan->width, 1, plan->depth);
        } else {
            for (uint32_t x = 0; x < plan->width; x++)
                put(&writer, plan->depth / 8, samples[x]);
        }
        while ((writer.file.size - begin) % 4)
            put(&writer, 1, 0);
    }
    put_at(&writer, FILE_SIZE, 4, (uint32_t)writer.file.size);
    return writer.file;
}
