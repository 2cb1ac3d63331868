#include "media/raster.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that libpng's long jump may cross lives here, on the heap. */
struct reader {
    const struct ps_file *file;
    size_t at; /* read position in the file */
    struct ps_raster raster;
    uint8_t *indices;        /* [height, width], of a picture with a palette */
    bool deep;               /* keep 16 bits */
    struct ps_error failure; /* what happened inside the jump */
    png_structp png;
    png_infop info;
    jmp_buf back;
};

static void on_error(png_structp png, png_const_charp text)
{
    struct reader *reader = png_get_error_ptr(png);
    const uint32_t type = png_get_io_chunk_type(png);
    const char chunk[] = {(char)(type >> 24), (char)(type >> 16), (char)(type >> 8), (char)type, '\0'};
    ps_fail(&reader->failure, PS_ERR_INPUT, "image.damaged", "%.300s: the PNG is damaged in chunk %s: %.200s",
            reader->file->name, chunk, text);
    longjmp(reader->back, 1);
}

/* Ancillary chunks that libpng drops are nothing that the user must know. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);
    if (size > reader->file->size - reader->at) {
        ps_fail(&reader->failure, PS_ERR_INPUT, "image.truncated",
                "%.300s: the file is cut off: it ends after %zu bytes", reader->file->name,
                reader->file->size);
        longjmp(reader->back, 1);
    }
    memcpy(to, reader->file->bytes + reader->at, size);
    reader->at += size;
}

static bool open_reader(struct reader *reader)
{
    enum { CHUNKS = 128, CHUNK_BYTES = 8 * 1000 * 1000 };
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    if (!reader->png)
        return false;
    reader->info = png_create_info_struct(reader->png);
    if (!reader->info)
        return false;
    png_set_user_limits(reader->png, PS_PHOTO_MAX_SIDE, PS_PHOTO_MAX_SIDE);
    png_set_chunk_cache_max(reader->png, CHUNKS);
    png_set_chunk_malloc_max(reader->png, CHUNK_BYTES);
    /* -1: text, profiles and the like are skipped unread, which takes the known attack surface of libpng
     * away. */
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_crc_action(reader->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_read_fn(reader->png, reader, on_read);
    return true;
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one;
}

/* Asks for RGB, or RGBA where anything is transparent, and for bytes of indices where there is a palette. */
static void ask_for_rgb(struct reader *reader)
{
    png_structp png = reader->png;
    const png_byte colour = png_get_color_type(png, reader->info);
    const png_byte depth = png_get_bit_depth(png, reader->info);
    if (depth == 16 && !reader->deep)
        png_set_scale_16(png);
    if (depth == 16 && reader->deep && is_little_endian())
        png_set_swap(png);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(png);
        return;
    }
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, reader->info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(png);
    if (colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA)
        png_set_gray_to_rgb(png);
}

static void take_memory(struct reader *reader)
{
    if (ps_raster_new(&reader->raster, &reader->failure))
        longjmp(reader->back, 1);
}

static void read_rows(struct reader *reader, uint8_t *to, size_t stride, int passes)
{
    if (png_get_rowbytes(reader->png, reader->info) != stride)
        png_error(reader->png, "unexpected pixel layout");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < reader->raster.height; y++)
            png_read_row(reader->png, to + y * stride, NULL);
}

struct palette {
    png_colorp colours;
    png_bytep alphas;
    int count, alpha_count; /* what has no alpha is opaque */
};

/* libpng itself shows an index past the palette's end as black. */
static void look_up_colours(struct reader *reader, const struct palette *palette)
{
    const struct ps_raster *raster = &reader->raster;
    const size_t pixels = (size_t)raster->width * raster->height;
    for (size_t i = 0; i < pixels; i++) {
        const int index = reader->indices[i];
        uint8_t *to = raster->bytes + i * raster->channels;
        if (index >= palette->count)
            png_error(reader->png, "index past the end of the palette");
        to[0] = palette->colours[index].red;
        to[1] = palette->colours[index].green;
        to[2] = palette->colours[index].blue;
        if (raster->channels == 4)
            to[3] = index < palette->alpha_count ? palette->alphas[index] : 255;
    }
}

static void read_indexed(struct reader *reader, int passes)
{
    struct ps_raster *raster = &reader->raster;
    struct palette palette = {0};
    png_get_PLTE(reader->png, reader->info, &palette.colours, &palette.count);
    png_get_tRNS(reader->png, reader->info, &palette.alphas, &palette.alpha_count, NULL);
    raster->channels = palette.alpha_count ? 4 : 3;
    take_memory(reader);
    reader->indices = malloc((size_t)raster->width * raster->height);
    if (!reader->indices) {
        ps_fail(&reader->failure, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to decode it",
                reader->file->name);
        longjmp(reader->back, 1);
    }
    read_rows(reader, reader->indices, raster->width, passes);
    look_up_colours(reader, &palette);
}

/* Runs under setjmp; returns only if all went well. */
static void read_pixels(struct reader *reader)
{
    png_structp png = reader->png;
    struct ps_raster *raster = &reader->raster;
    png_read_info(png, reader->info);
    ask_for_rgb(reader);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);

    const size_t bytes = png_get_bit_depth(png, reader->info) == 16 ? 2 : 1;
    *raster = (struct ps_raster){.width = png_get_image_width(png, reader->info),
                                 .height = png_get_image_height(png, reader->info),
                                 .channels = png_get_channels(png, reader->info),
                                 .deep = bytes == 2};
    if (png_get_color_type(png, reader->info) == PNG_COLOR_TYPE_PALETTE) {
        read_indexed(reader, passes);
    } else if (raster->channels == 3 || raster->channels == 4) {
        take_memory(reader);
        read_rows(reader, raster->bytes, (size_t)raster->width * raster->channels * bytes, passes);
    } else {
        png_error(png, "unexpected pixel layout");
    }
    png_read_end(png, NULL);
}

/* Holds no local state that the jump could spoil. */
static void run(struct reader *reader)
{
    if (setjmp(reader->back))
        return;
    if (open_reader(reader))
        read_pixels(reader);
    else
        ps_fail(&reader->failure, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to decode it",
                reader->file->name);
}

enum ps_status ps_decode_png(struct ps_raster *raster, const struct ps_image_facts *facts,
                             const struct ps_file *file, bool deep, struct ps_error *error)
{
    (void)facts;
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to decode it", file->name);
    reader->file = file;
    reader->deep = deep;
    run(reader);
    enum ps_status status = reader->failure.status;
    if (status) {
        status = ps_fail(error, status, reader->failure.id, "%s", reader->failure.message);
        ps_raster_free(&reader->raster);
    } else {
        *raster = reader->raster;
    }
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader->indices);
    free(reader);
    return status;
}
