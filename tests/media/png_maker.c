#include "media/png_maker.h"

#include <stdlib.h>
#include <string.h>

static void append(png_structp png, png_bytep bytes, size_t size)
{
    struct ps_file *file = png_get_io_ptr(png);
    file->bytes = realloc(file->bytes, file->size + size);
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void flush(png_structp png)
{
    (void)png;
}

static size_t channels_of(int colour)
{
    const bool coloured = (colour & PNG_COLOR_MASK_COLOR) && !(colour & PNG_COLOR_MASK_PALETTE);
    return (coloured ? 3u : 1u) + (colour & PNG_COLOR_MASK_ALPHA ? 1u : 0u);
}

/* Samples of one row as PNG packs them: bits from the top, 16 bits big-endian. */
static void pack_row(uint8_t *to, size_t bytes, const uint16_t *samples, size_t count, int depth)
{
    memset(to, 0, bytes);
    for (size_t i = 0; i < count; i++) {
        const size_t bit = i * (size_t)depth;
        if (depth == 16) {
            to[i * 2] = (uint8_t)(samples[i] >> 8);
            to[i * 2 + 1] = (uint8_t)samples[i];
        } else {
            to[bit / 8] |= (uint8_t)(samples[i] << (8 - (size_t)depth - bit % 8));
        }
    }
}

static void write_rows(png_structp png, const struct png_plan *plan)
{
    const size_t count = plan->width * channels_of(plan->colour),
                 bytes = (count * (size_t)plan->depth + 7) / 8;
    uint8_t *row = malloc(bytes);
    const int passes = plan->interlaced ? png_set_interlace_handling(png) : 1;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < plan->height; y++) {
            pack_row(row, bytes, plan->samples + y * count, count, plan->depth);
            png_write_row(png, row);
        }
    free(row);
}

struct ps_file make_png(const struct png_plan *plan)
{
    struct ps_file file = {.name = "made.png"};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, append, flush);
    png_set_IHDR(png, info, plan->width, plan->height, plan->depth, plan->colour,
                 plan->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (plan->palette)
        png_set_PLTE(png, info, plan->palette, 1 << plan->depth);
    if (plan->palette_alpha || plan->transparent)
        png_set_tRNS(png, info, plan->palette_alpha, plan->palette_alpha ? 1 << plan->depth : 0,
                     plan->transparent);
    if (plan->orientation) {
        png_byte exif[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        exif[19] = plan->orientation;
        png_set_eXIf_1(png, info, sizeof exif - 1, exif);
    }
    if (plan->extra) {
        png_unknown_chunk chunk = {.data = (png_byte *)(uintptr_t)plan->extra_data,
                                   .size = strlen(plan->extra_data)};
        memcpy(chunk.name, plan->extra, 4);
        chunk.location = PNG_HAVE_IHDR;
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_ALWAYS, NULL, 0);
        png_set_unknown_chunks(png, info, &chunk, 1);
    }
    png_write_info(png, info);
    write_rows(png, plan);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return file;
}
